/**
 * `defineCommand`: one file, one command. A command declares its flags and is handed everything it touches; it never
 * reads the process itself, so that tests run it with a terminal of their own.
 */
import { parseArgs } from 'node:util'

export interface Flag {
  readonly type: 'string' | 'boolean'
  readonly short?: string
  /** A further word for it, with its dashes: `-sf`, which is no cluster of short flags. */
  readonly also?: string
  /** The flag may be given several times. */
  readonly multiple?: boolean
  /** What stands for the value in the help: `--port P`. */
  readonly value?: string
  readonly doc: string
  /** What the flag means when it stands alone: `--profiling` is `--profiling=true`. */
  readonly alone?: string
  readonly default?: string | boolean
  /** Left out of the help. */
  readonly hidden?: boolean
}

type ValueOf<F> = F extends { type: 'boolean' } ? boolean : F extends { multiple: true } ? string[] : string
type Values<F extends Record<string, Flag>> = {
  readonly [K in keyof F]: F[K] extends { default: unknown } ? ValueOf<F[K]> : ValueOf<F[K]> | undefined
}

/** The terminal, or what a test puts in its place. */
export interface Terminal {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean | undefined; setRawMode?(on: boolean): unknown }
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean | undefined; readonly columns?: number | undefined }
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean | undefined }
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** Aborted by Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal
}

/** What `run` gets. */
export interface Invocation<F extends Record<string, Flag>> {
  /** The words by which it was called: a command may be listed under several names. */
  readonly name: string
  readonly flags: Values<F>
  /** Positional arguments. */
  readonly args: readonly string[]
  /** What followed `--`. */
  readonly rest: readonly string[]
  readonly terminal: Terminal
  /** A line on standard output. */
  print(line?: string): void
  /** A line on standard error: progress, warnings. */
  note(line: string): void
}

export interface Command<F extends Record<string, Flag> = Record<string, Flag>> {
  /** A few words, lower case, no full stop: the list of commands shows them. */
  readonly summary: string
  /** What follows `nami`: `up [app-directory]`. */
  readonly usage: string
  /** Further sentences for `--help`. */
  readonly details?: string
  /** Whole lines behind `nami`, each parsed by a test. */
  readonly examples: readonly string[]
  readonly flags: F
  /** Everything behind the command's name reaches `args` unparsed: kubectl parses its own. */
  readonly verbatim?: boolean
  /** The exit code; nothing is 0. Throws CommandError for what the user can mend. */
  run(invocation: Invocation<F>): Promise<number | void>
}

export function defineCommand<const F extends Record<string, Flag>>(command: Command<F>): Command {
  return command as unknown as Command
}

/** What went wrong and what to do next, without a stack. */
export class CommandError extends Error {
  readonly next: readonly string[]
  readonly exitCode: number

  constructor(message: string, options: { next?: readonly string[]; exitCode?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'CommandError'
    this.next = options.next ?? []
    this.exitCode = options.exitCode ?? 1
  }
}

/** Splits what stands behind the command's name; throws CommandError (exit code 2) on an unknown flag. */
export function parse(
  command: Command,
  argv: readonly string[],
): Pick<Invocation<Record<string, Flag>>, 'flags' | 'args' | 'rest'> {
  if (command.verbatim) return { flags: {}, args: argv, rest: [] }
  const end = argv.indexOf('--')
  const own = (end < 0 ? argv : argv.slice(0, end))
    .map((word) => named(command, word))
    .map((word, i, all) => alone(command, word, all[i + 1]))
  const rest = end < 0 ? [] : argv.slice(end + 1)
  const options = Object.fromEntries(
    Object.entries({ ...command.flags, help: { type: 'boolean', short: 'h', doc: '' } as Flag }).map(([name, flag]) => [
      name,
      {
        type: flag.type,
        multiple: flag.multiple ?? false,
        ...(flag.short && { short: flag.short }),
        ...(flag.default !== undefined && { default: flag.default }),
      },
    ]),
  )
  try {
    const { values, positionals } = parseArgs({ args: [...own], options, allowPositionals: true, strict: true })
    return { flags: values as any, args: positionals, rest }
  } catch (error) {
    const message = (error as Error).message.split('. ')[0] ?? ''
    throw new CommandError(message, { next: [`nami ${command.usage.split(' ')[0]} --help`], exitCode: 2, cause: error })
  }
}

function named({ flags }: Command, word: string): string {
  const [name] = Object.entries(flags).find(([, { also }]) => also !== undefined && also === word) ?? []
  return name === undefined ? word : `--${name}`
}

/** A flag that may stand alone takes no other value from the next word than what a boolean can be. */
function alone({ flags }: Command, word: string, next: string | undefined): string {
  const value = word.startsWith('--') ? flags[word.slice(2)]?.alone : undefined
  return value === undefined || next === 'true' || next === 'false' ? word : `${word}=${value}`
}

/** The page that `--help` prints; `name` are the words by which the command was called, where it has several. */
export function help(command: Command, name?: string): string {
  const flags = Object.entries(command.flags).filter(([, flag]) => !flag.hidden)
  const heads = flags.map(
    ([name, flag]) => `${flag.short ? `-${flag.short}, ` : '    '}--${name}${flag.value ? ` ${flag.value}` : ''}`,
  )
  const width = Math.max(0, ...heads.map((head) => head.length))
  const lines = flags.map(([, flag], i) => {
    const fallback = flag.default !== undefined && flag.default !== false ? ` (default ${JSON.stringify(flag.default)})` : ''
    return `  ${(heads[i] as string).padEnd(width)}  ${flag.doc}${fallback}`
  })
  const sections = [
    `nami ${usageOf(command, name)}\n\n  ${command.summary}`,
    command.details ?? '',
    lines.length > 0 ? `Flags:\n${lines.join('\n')}` : '',
    `Examples:\n${command.examples.map((example) => `  nami ${example}`).join('\n')}`,
  ]
  return `${sections.filter(Boolean).join('\n\n')}\n`
}

/** Of a command that environments share: `staging deploy TAG` is `review_app deploy NAME TAG` for those. */
function usageOf({ usage }: Command, name: string | undefined): string {
  if (name === undefined || usage === name || usage.startsWith(`${name} `)) return usage
  const [noun = '', ...verbs] = name.split(' ')
  const own = usage.split(' ').slice(1)
  if (verbs.some((verb, i) => own[i] !== verb)) return name
  return [noun, ...verbs, ...(noun === 'review_app' ? ['NAME'] : []), ...own.slice(verbs.length)].join(' ')
}
