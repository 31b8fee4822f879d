/** `nami review_app setup NAME`: the file and the namespace of a review app. */
import { relative } from 'node:path'
import { type Command, CommandError, defineCommand } from '#cli/command.ts'
import { commonFlags, openWorkflow, worded } from './open.ts'

const command: Command = defineCommand({
  summary: 'write the file of a review app, and make its namespace',
  usage: 'review_app setup NAME',
  details: `  The staging file with the namespace in every object becomes hokusai/NAME.yml; values and service accounts that its
  Deployments name are copied. "review_app create_yaml" writes the file alone.`,
  examples: [
    'review_app setup feature-1',
    'review_app create_yaml feature-1',
    'review_app setup feature-1 --source-file hokusai/staging.yml',
  ],
  flags: {
    ...commonFlags,
    'source-file': { type: 'string', short: 's', also: '-sf', value: 'FILE', doc: 'file to start from (default: staging)' },
  },

  run: (call) =>
    worded(async () => {
      const { flags, args, terminal, print, note } = call
      const [{ cleanName }, { checkReviewName, checkReviewNamespace, setUpReview, writeReviewFile }, { connect }] =
        await Promise.all([import('#workflow/project/clean-name.ts'), import('#workflow/review-app.ts'), import('./connect.ts')])
      const name = cleanName(args[0] ?? '')
      if (!name || args.length > 1)
        throw new CommandError('one NAME is needed', { next: [`nami ${call.name} feature-1`], exitCode: 2 })
      checkReviewName(name)
      const { project } = await openWorkflow(call)
      const write = () => {
        const { path, manifests } = writeReviewFile(project, { name, source: flags['source-file'], cwd: terminal.cwd })
        print(`Wrote ${relative(terminal.cwd, path)}.`)
        return manifests
      }
      if (call.name.endsWith('create_yaml')) return void write()
      const { client, namespace } = await connect(call, project, 'staging')
      try {
        await checkReviewNamespace(client, project, name)
        const { copied, missing } = await setUpReview(client, project, { name, from: namespace, manifests: write() })
        for (const line of copied) note(`  ${line} copied`)
        for (const line of missing) note(`  ${line} is used, and not copied from ${namespace}`)
      } finally {
        await client.close()
      }
      print(`Next: nami registry push --tag ${name} && nami review_app create ${name}`)
    }),
})
export default command
