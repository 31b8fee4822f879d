/** What the workflow's commands share: the project, its images, its environments, and errors that say what to type next. */
import { type Command, CommandError, type Flag, type Invocation } from '#cli/command.ts'
import type { Layout } from '#images/layout.ts'
import type { Target } from '#workflow/environment/target.ts'
import type { Git } from '#workflow/git.ts'
import type { ImageStore } from '#workflow/images/image-store.ts'
import type { Project } from '#workflow/project/project.ts'
import type { Surroundings } from '#workflow/surroundings.ts'
import { dataDir } from '../cluster/flags.ts'

export const commonFlags = {
  'data-dir': dataDir,
  verbose: { type: 'boolean', short: 'v', doc: 'print each program that is run' },
} as const

export const yes = { type: 'boolean', short: 'y', doc: 'act without asking' } as const
export const timeout = {
  type: 'string',
  short: 't',
  value: 'T',
  doc: 'how long a rollout may take: seconds, or 10m',
  default: '600',
} as const

/** An invocation of a command that has the common flags. */
export type WorkflowCall = Pick<Invocation<Record<string, Flag>>, 'name' | 'args' | 'rest' | 'terminal' | 'print' | 'note'> & {
  readonly flags: { readonly 'data-dir': string | undefined; readonly verbose: boolean | undefined }
}

export interface Workflow {
  readonly project: Project
  readonly around: Surroundings
  readonly git: Git
  readonly layout: Layout
  readonly images: ImageStore
}

/** The project of the working directory. */
export async function openWorkflow(call: WorkflowCall): Promise<Workflow> {
  const [{ openProject }, { setting }, { gitOf }, { storeOf }] = await Promise.all([
    import('#workflow/project/project.ts'),
    import('#workflow/project/config.ts'),
    import('#workflow/git.ts'),
    import('./local-store.ts'),
  ])
  const { env } = call.terminal
  const project = openProject(call.terminal.cwd, env)
  const verbose = setting('always-verbose', { option: call.flags.verbose, config: project.config, env })
  const around = await surroundings({ ...call, flags: { ...call.flags, verbose } })
  const { layout, images } = await storeOf(project, call)
  return { project, around, git: gitOf(around.programs, project.directory), layout, images }
}

export async function surroundings({ flags, terminal, print, note }: WorkflowCall): Promise<Surroundings> {
  const [{ systemPrograms }, { systemClock }, { systemRandom }, { waitReferenced }] = await Promise.all([
    import('#workflow/programs.ts'),
    import('#lib/clock.ts'),
    import('#lib/random.ts'),
    import('#cluster/processes.ts'),
  ])
  const { env, signal } = terminal
  const isVerbose = flags.verbose || /^(1|true|yes)$/i.test(env.HOKUSAI_ALWAYS_VERBOSE ?? '')
  const programs = systemPrograms({
    env,
    signal,
    onStart: isVerbose ? (line) => note(terminal.stderr.isTTY ? `\u001b[33m${shown(line)}\u001b[0m` : shown(line)) : undefined,
    onOutput: (chunk) => void terminal.stderr.write(chunk),
  })
  const pause = (milliseconds: number) => waitReferenced(systemClock, milliseconds, signal)
  return {
    clock: systemClock,
    random: systemRandom,
    signal,
    env,
    programs,
    user: env.USER || env.LOGNAME || 'nobody',
    pause,
    print,
    note,
  }
}

const shown = (line: string) => `==> nami exec \`${line}\``

/** Runs `use` and words what the user can mend. */
export async function worded<T>(use: () => Promise<T>): Promise<T> {
  try {
    return await use()
  } catch (error) {
    const { name, message, next, exitCode } = error as Error & { next?: readonly string[]; exitCode?: number }
    if (name === 'WorkflowError')
      throw new CommandError(message, { ...(next && { next }), ...(exitCode && { exitCode }), cause: error })
    if (name === 'ImageError' && /cannot be reached/.test(message)) {
      throw new CommandError(message, { next: ['nami check', 'registry: in hokusai/config.yml says which one'], cause: error })
    }
    if (name === 'ImageError' || name === 'StatusError' || name === 'TransportError')
      throw new CommandError(message, { cause: error })
    throw error
  }
}

/**
 * The environment that the command's name says, on its cluster. For review apps it is the first argument; `args` are those behind it.
 */
export async function withTarget<T>(
  call: WorkflowCall,
  use: (
    target: Target,
    rest: { readonly args: readonly string[]; readonly workflow: Workflow; readonly context: string },
  ) => Promise<T>,
): Promise<T> {
  return worded(async () => {
    const { connect } = await import('./connect.ts')
    const { cleanName } = await import('#workflow/project/clean-name.ts')
    const [noun = ''] = call.name.split(' ')
    const isReview = noun === 'review_app'
    const name = isReview ? cleanName(call.args[0] ?? '') : noun === 'pipeline' ? 'production' : noun
    if (!name) throw new CommandError('The review app needs a name.', { next: [`nami ${call.name} NAME`], exitCode: 2 })
    const workflow = await openWorkflow(call)
    const { client, pods, namespace, context } = await connect(call, workflow.project, isReview ? 'staging' : (name as 'staging'))
    try {
      const place = isReview ? name : namespace
      const { project, images, around } = workflow
      const secrets = await secretsOf(workflow, name === 'production' ? 'production' : 'staging', call.terminal)
      const target = { secrets, project, environment: name, isReview, namespace: place, client, images, pods, around }
      return await use(target, { args: call.args.slice(isReview ? 1 : 0), workflow, context })
    } finally {
      await client.close()
    }
  })
}

/** The store that config.yml names; what asks it is loaded only where there is one. */
async function secretsOf(
  { project }: Workflow,
  environment: 'staging' | 'production',
  terminal: WorkflowCall['terminal'],
): Promise<Target['secrets']> {
  if (!project.config[`${environment}-secrets`]) return undefined
  const [{ secretSource }, { askVault }] = await Promise.all([import('#workflow/secrets/source.ts'), import('./ask-vault.ts')])
  return secretSource(project, environment, { env: terminal.env, ask: askVault(terminal) })
}

/** The file's objects for the environment. */
export async function manifestsOf(target: Target, file: string | undefined, cwd: string) {
  const { readManifests } = await import('#workflow/project/manifests.ts')
  const { project, environment, namespace, isReview } = target
  return readManifests(project, { environment, namespace, file, cwd, isPlain: isReview && file === undefined })
}

/** The arguments, exactly as many as there are names. */
export function exactly(args: readonly string[], names: readonly string[], usage: string): readonly string[] {
  if (args.length === names.length) return args
  const wanted = names.length === 0 ? 'no arguments are needed' : `needed: ${names.join(' ')}`
  throw new CommandError(wanted, { next: [`nami ${usage}`], exitCode: 2 })
}

/** Whether the user says yes. Throws where there is nobody to ask. */
export async function confirm({ terminal }: WorkflowCall, question: string): Promise<void> {
  const { stdin, stderr, signal } = terminal
  if (!stdin.isTTY) throw new CommandError(`${question} There is nobody to ask.`, { next: ['Say it on the command line: --yes'] })
  const { createInterface } = await import('node:readline/promises')
  const lines = createInterface({ input: stdin, output: stderr })
  try {
    const answer = await lines.question(`${question} [y/N] `, { signal })
    if (!/^y(es)?$/i.test(answer.trim())) throw new CommandError('Nothing was done.')
  } finally {
    lines.close()
  }
}

/** Shows who, beside the project itself, would feel a change of the objects, and asks. */
export async function confirmUses(
  call: WorkflowCall,
  target: Target,
  { about, isSure }: { about: readonly string[]; isSure: boolean | undefined },
) {
  const { parseQuestion, usersOf, userLines } = await import('#workflow/environment/uses.ts')
  const found = await Promise.all(about.map((one) => usersOf(target.client, parseQuestion(one, target.namespace))))
  const others = found.flat().filter(({ labels }) => labels.app !== target.project.name)
  if (others.length === 0) return
  call.note('Others use what this changes:')
  for (const line of userLines(others)) call.note(`  ${line}`)
  if (!isSure) await confirm(call, 'Change it all the same?')
}

export type { Command }
