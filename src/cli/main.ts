/** From the words on the command line to an exit code: finds the command, loads it, runs it, and words what went wrong. */
import { type Command, CommandError, help, parse, type Terminal } from './command.ts'
import { commands } from './commands.ts'

export async function main(argv: readonly string[], terminal: Terminal = processTerminal()): Promise<number> {
  const print = (line = '') => void terminal.stdout.write(`${line}\n`)
  const note = (line: string) => void terminal.stderr.write(`${line}\n`)
  const [first] = argv
  if (first === undefined || first === 'help' || first === '--help' || first === '-h') {
    print(await overview(argv[1]))
    return 0
  }
  if (first === 'version' || first === '--version') {
    print(await versionLine())
    return 0
  }
  const name = [3, 2, 1].map((count) => argv.slice(0, count).join(' ')).find((words) => Object.hasOwn(commands, words))
  if (!name) {
    const verbs = verbsOf(first)
    if (verbs.length > 0 && wantsHelp(argv)) {
      print(await listing(first, verbs))
      return 0
    }
    note(unknown(argv))
    return 2
  }
  const { default: command } = await (commands[name] as (typeof commands)[string]).load()
  const words = argv.slice(name.split(' ').length)
  try {
    if (!command.verbatim && wantsHelp(words)) {
      terminal.stdout.write(help(command, name))
      return 0
    }
    return (await run(command, words, terminal, { name, print, note })) ?? 0
  } catch (error) {
    return explain(error, note, terminal)
  }
}

async function run(
  command: Command,
  words: readonly string[],
  terminal: Terminal,
  out: { name: string; print(line?: string): void; note(line: string): void },
) {
  return command.run({ ...parse(command, words), terminal, ...out })
}

function wantsHelp(words: readonly string[]): boolean {
  const end = words.indexOf('--')
  return (end < 0 ? words : words.slice(0, end)).some((word) => word === '--help' || word === '-h')
}

/** What the user can mend is said without a stack; anything else is our fault, and the stack helps to find it. */
function explain(error: unknown, note: (line: string) => void, { signal, env }: Terminal): number {
  if (signal.aborted) {
    note('interrupted')
    return 130
  }
  if (error instanceof CommandError) {
    note(`error: ${error.message}`)
    for (const line of error.next) note(`  ${line}`)
    if (env.NAMI_DEBUG && error.cause) note(String((error.cause as Error).stack ?? error.cause))
    return error.exitCode
  }
  note(`error: ${(error as Error)?.message ?? error}`)
  if (env.NAMI_DEBUG) note(String((error as Error)?.stack))
  else note('  (set NAMI_DEBUG=1 to see where it comes from)')
  return 1
}

/** Names of the commands that begin with this word. */
function verbsOf(noun: string): string[] {
  return Object.keys(commands).filter((name) => name.startsWith(`${noun} `))
}

async function listing(noun: string, names: readonly string[]): Promise<string> {
  const width = Math.max(...names.map((name) => name.length))
  const lines = await Promise.all(
    names.map(async (name) => {
      const { summary } = (await (commands[name] as (typeof commands)[string]).load()).default
      return `  ${name.padEnd(width)}  ${summary}`
    }),
  )
  return [`Usage: nami ${noun} COMMAND [--help]`, '', ...lines].join('\n')
}

function unknown(argv: readonly string[]): string {
  const noun = argv[0] ?? ''
  // The longest beginning that is one: of `staging env` the rest has to be told, not of `staging`.
  for (const words of [argv.slice(0, 2), argv.slice(0, 1)]) {
    const verbs = verbsOf(words.join(' '))
    const nexts = new Set(verbs.map((name) => name.split(' ')[words.length]))
    if (verbs.length > 0) return `usage: nami ${words.join(' ')} ${[...nexts].join('|')}`
  }
  const close = closest(noun)
  return `error: unknown command ${JSON.stringify(noun)}${close ? `; did you mean "${close}"?` : ''}\n  nami help`
}

/** The word among the commands' first that has most of its beginning in common with it: two letters at least. */
function closest(word: string): string | undefined {
  const common = (other: string) => [...other].findIndex((letter, at) => letter !== word[at] || at >= word.length)
  const nouns = [...new Set(Object.keys(commands).map((name) => name.split(' ')[0] as string))]
  const rated = nouns.map((name) => ({ name, rate: common(`${name}\n`) })).sort((a, b) => b.rate - a.rate)
  return rated.find(({ rate }) => rate > 1)?.name
}

async function overview(topic: string | undefined): Promise<string> {
  const verbs = topic === undefined ? [] : verbsOf(topic)
  if (topic && verbs.length > 0) return listing(topic, verbs)
  const wanted = topic && Object.hasOwn(commands, topic) ? commands[topic] : undefined
  if (wanted) return help((await wanted.load()).default).trimEnd()
  const lines = ['Nami: Kubernetes, written in TypeScript.', '', 'Usage: nami COMMAND [--help]']
  for (const [group, members] of Map.groupBy(Object.entries(commands), ([, { group }]) => group)) {
    if (!group) continue
    lines.push('', `${group}:`)
    for (const [name, { load }] of members) lines.push(`  ${name.padEnd(20)} ${(await load()).default.summary}`)
  }
  return [...lines, '', 'Start here: nami up examples/hello'].join('\n')
}

async function versionLine(): Promise<string> {
  const { readFileSync } = await import('node:fs')
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return `nami ${version} (Kubernetes v1.36, Node ${process.versions.node})`
}

function processTerminal(): Terminal {
  const abort = new AbortController()
  process.on('SIGTERM', () => abort.abort(new Error('SIGTERM')))
  process.on('SIGINT', () => {
    if (abort.signal.aborted) process.exit(130)
    abort.abort(new Error('SIGINT'))
  })
  const { stdin, stdout, stderr, env } = process
  // Whoever read it has seen enough: `nami tree | head`.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit(0)
  })
  return { stdin, stdout, stderr, env, cwd: process.cwd(), signal: abort.signal }
}
