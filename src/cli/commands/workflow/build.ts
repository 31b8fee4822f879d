/** `nami build`: the project's image. */
import { type Command, defineCommand } from '#cli/command.ts'
import { commonFlags, exactly, openWorkflow, worded } from './open.ts'

const command: Command = defineCommand({
  summary: 'build the image of the project',
  usage: 'build',
  details: `  With a Dockerfile by buildkit, docker, podman or buildah, whichever is installed; without one a Node.js application is
  built from source. The hooks pre-build and post-build of config.yml run before and after.`,
  examples: ['build', 'build -f hokusai/build.yml'],
  flags: { ...commonFlags, filename: { type: 'string', short: 'f', value: 'FILE', doc: 'instead of hokusai/build.yml' } },

  run: (call) =>
    worded(async () => {
      const { flags, args, terminal, print } = call
      exactly(args, [], 'build')
      const [{ buildWith }, { localName }] = await Promise.all([
        import('./builder.ts'),
        import('#workflow/images/build-project.ts'),
      ])
      const workflow = await openWorkflow(call)
      const image = await buildWith(workflow, { file: flags.filename, cwd: terminal.cwd })
      print(`${localName(workflow.project, 'latest')} ${image.descriptor.digest}`)
    }),
})
export default command
