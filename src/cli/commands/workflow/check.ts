/** `nami check`: whether everything is there that the workflow needs. */
import { type Command, defineCommand } from '#cli/command.ts'
import { commonFlags, openWorkflow, type Workflow, type WorkflowCall, worded } from './open.ts'

const command: Command = defineCommand({
  summary: 'check what the workflow needs: git, the registry, templates, contexts',
  usage: 'check',
  details: '  The exit code is the number of things that are wrong.',
  examples: ['check'],
  flags: commonFlags,

  run: (call) =>
    worded(async () => {
      const { terminal, print } = call
      const isColoured = terminal.stdout.isTTY && !terminal.env.NO_COLOR
      const sign = (is: boolean) => {
        const text = is ? '✔' : '✘'
        return isColoured ? `\u001b[${is ? 32 : 31}m${text}\u001b[0m` : text
      }
      let failed = 0
      for (const [what, check] of Object.entries(await checksOf(call, await openWorkflow(call)))) {
        try {
          await check()
          print(`${sign(true)} ${what}`)
        } catch (error) {
          failed++
          const { message, next = [] } = error as Error & { next?: readonly string[] }
          print(`${sign(false)} ${what}: ${message}`)
          for (const line of next) print(`    ${line}`)
        }
      }
      return failed
    }),
})
export default command

type Checks = Readonly<Record<string, () => unknown>>
const environments = ['staging', 'production'] as const

/** What is looked at, in this order; what is wrong throws. */
async function checksOf({ terminal }: WorkflowCall, { project, git, images, around }: Workflow): Promise<Checks> {
  const [{ findFile }, { renderFile }, { readManifests }, { kubeconfigOf }] = await Promise.all([
    import('#workflow/project/find-file.ts'),
    import('#workflow/project/template.ts'),
    import('#workflow/project/manifests.ts'),
    import('./connect.ts'),
  ])
  const { folder, variables, config } = project
  const template = (name: string) => {
    const file = findFile(folder, name)
    if (!file) throw new Error(`hokusai/${name}.yml is missing`)
    renderFile(file, { root: folder, variables, cwd: terminal.cwd })
  }
  const context = (environment: 'staging' | 'production') => {
    const name = config[`${environment}-context`] ?? environment
    const has = kubeconfigOf(terminal).contexts?.some((one) => one.name === name)
    if (!has) throw new Error(`the kubeconfig has no context ${JSON.stringify(name)}: nami configure --here`)
  }
  const read = (environment: string) =>
    readManifests(project, { environment, namespace: 'default', file: undefined, cwd: terminal.cwd })
  const each = <T extends string>(names: readonly T[], what: string, check: (name: T) => unknown): Checks =>
    Object.fromEntries(names.map((name) => [`${what} ${name}`, () => check(name)]))
  return {
    [`project-name ${project.name}`]: () => {},
    'git repository': () => git.head(),
    [images.isLocal ? "images on this machine's node" : `registry ${images.repository}`]: () => images.tags(),
    ...(await builderCheck(project, around)),
    ...each(['build', 'development', 'test'], 'template', template),
    ...each(environments, 'context', context),
    ...each(environments, 'template', read),
    ...(await secretChecks({ project, around }, terminal)),
  }
}

/** Only who has a Dockerfile needs a builder. */
async function builderCheck(project: Workflow['project'], around: Workflow['around']): Promise<Checks> {
  const [{ findBuilder }, { builders, planBuild }] = await Promise.all([
    import('#workflow/images/build-project.ts'),
    import('#workflow/images/build-plan.ts'),
  ])
  const check = async () => {
    const { dockerfile } = planBuild(project, { file: undefined, cwd: project.directory })
    if (dockerfile && !(await findBuilder(around))) throw new Error(`${dockerfile} needs one of ${builders.join(', ')}`)
  }
  return { builder: check }
}

async function secretChecks(
  { project, around }: Pick<Workflow, 'project' | 'around'>,
  terminal: WorkflowCall['terminal'],
): Promise<Checks> {
  const named = environments.filter((environment) => project.config[`${environment}-secrets`])
  if (named.length === 0) return {}
  const [{ secretSource }, { askVault }] = await Promise.all([import('#workflow/secrets/source.ts'), import('./ask-vault.ts')])
  const check = (environment: 'staging' | 'production') =>
    secretSource(project, environment, { env: around.env, ask: askVault(terminal) })?.read()
  return Object.fromEntries(named.map((environment) => [`secrets ${environment}`, () => check(environment)]))
}
