/** `nami check`: whether everything is there that the workflow needs. */
import { type Command, defineCommand } from '#cli/command.ts'
import { commonFlags, openWorkflow, worded } from './open.ts'

const command: Command = defineCommand({
  summary: 'check what the workflow needs: git, the registry, templates, contexts',
  usage: 'check',
  details: '  The exit code is the number of things that are wrong.',
  examples: ['check'],
  flags: commonFlags,

  run: (call) =>
    worded(async () => {
      const { terminal, print } = call
      const [{ findFile }, { renderFile }, { readManifests }, { kubeconfigOf }] = await Promise.all([
        import('#workflow/project/find-file.ts'),
        import('#workflow/project/template.ts'),
        import('#workflow/project/manifests.ts'),
        import('./connect.ts'),
      ])
      const { project, git, images } = await openWorkflow(call)
      const { folder, variables, config } = project
      const need = (name: string) => {
        const file = findFile(folder, name)
        if (!file) throw new Error(`hokusai/${name}.yml is missing`)
        return file
      }
      const context = (environment: 'staging' | 'production') => () => {
        const name = config[`${environment}-context`] ?? environment
        const has = kubeconfigOf(terminal).contexts?.some((one) => one.name === name)
        if (!has) throw new Error(`the kubeconfig has no context ${JSON.stringify(name)}: nami configure --here`)
      }
      const checks: Record<string, () => unknown> = {
        [`project-name ${project.name}`]: () => {},
        'git repository': () => git.head(),
        [images.isLocal ? "images on this machine's node" : `registry ${images.repository}`]: () => images.tags(),
        ...Object.fromEntries(
          ['build', 'development', 'test'].map((name) => [
            `template ${name}`,
            () => renderFile(need(name), { root: folder, variables }),
          ]),
        ),
        'context staging': context('staging'),
        'context production': context('production'),
        ...Object.fromEntries(
          ['staging', 'production'].map((environment) => [
            `template ${environment}`,
            () => readManifests(project, { environment, namespace: 'default', file: undefined, cwd: terminal.cwd }),
          ]),
        ),
      }
      let failed = 0
      for (const [what, check] of Object.entries(checks)) {
        try {
          await check()
          print(`\u001b[32m✔\u001b[0m ${what}`)
        } catch (error) {
          failed++
          print(`\u001b[31m✘\u001b[0m ${what}: ${(error as Error).message}`)
        }
      }
      return failed
    }),
})
export default command
