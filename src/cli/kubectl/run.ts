/** From kubectl's words to an exit code: finds the command, parses its flags, runs it, and words what went wrong. */
import type { Terminal } from '#cli/command.ts'
import { type CommandLine, nextWord, parseCommandLine } from './command-line.ts'
import { Exit, errorText, KubectlError, usageError } from './errors.ts'
import { globalFlags } from './global-flags.ts'
import { helpText, overview } from './help.ts'
import { type GlobalValues, Session } from './session.ts'
import type { Verb } from './verb.ts'
import { closest, verbs } from './verbs.ts'

export interface KubectlOptions {
  /** The kubeconfig that counts where the user has none. */
  readonly defaultKubeconfig?: string | undefined
}

export async function kubectl(argv: readonly string[], terminal: Terminal, options: KubectlOptions = {}): Promise<number> {
  const err = (text: string) => void terminal.stderr.write(text)
  let session: Session | undefined
  try {
    const { verb, path, rest } = await find(argv)
    const words = path.slice('kubectl'.length)
    if (!verb) {
      const line = parseCommandLine(globalFlags, rest, path)
      terminal.stdout.write(await overview())
      return line.args.length > 0 ? 1 : 0
    }
    const line = parseCommandLine({ ...globalFlags, ...verb.flags }, rest, path)
    if (!line.help && !verb.run && line.args[0]) throw usageError(path, `unknown command ${JSON.stringify(line.args[0])}`)
    if (line.help || !verb.run) {
      const stream = line.help ? terminal.stdout : terminal.stderr
      stream.write(await helpText(verb, words.trim()))
      return line.help ? 0 : 1
    }
    session = new Session(globalsOf(verb, line.flags), terminal, options.defaultKubeconfig)
    const out = (text: string) => void terminal.stdout.write(text)
    return (
      (await verb.run({
        ...(line as CommandLine<any>),
        flags: line.flags,
        changed: line.changed,
        args: line.args,
        dash: line.dash,
        path,
        session,
        terminal,
        out,
        err,
      })) ?? 0
    )
  } catch (error) {
    if (terminal.signal.aborted && !(error instanceof Exit)) return 130
    err(errorText(error))
    if (terminal.env.NAMI_DEBUG) err(`${(error as Error).stack}\n`)
    return error instanceof KubectlError ? error.exitCode : 1
  } finally {
    await session?.close()
  }
}

/** A command's own flag hides a global one of the same name: `create rolebinding --user`. */
function globalsOf(verb: Verb, values: Readonly<Record<string, unknown>>): GlobalValues {
  const entries = Object.entries(globalFlags).map(([name, { value }]) => [
    name,
    Object.hasOwn(verb.flags, name) ? value : values[name],
  ])
  return Object.fromEntries(entries) as GlobalValues
}

/** Follows the words to the innermost command that they name. */
async function find(argv: readonly string[]): Promise<{ verb?: Verb; path: string; rest: readonly string[] }> {
  let rest = argv
  let path = 'kubectl'
  let depth = 0
  let verb: Verb | undefined
  for (let below = verbs; below; below = (verb as Verb).verbs as typeof verbs) {
    const at = nextWord({ ...globalFlags, ...verb?.flags }, rest)
    const word = rest[at]
    const load = word !== undefined && Object.hasOwn(below, word) ? below[word] : undefined
    if (!load) {
      if (!verb && word !== undefined && word !== 'help') throw new KubectlError(unknownCommand(word))
      break
    }
    verb = (await load()).default
    // Aliases are named by what they stand for.
    path = `kubectl ${verb.usage.split(' ').slice(0, ++depth).join(' ')}`
    rest = rest.toSpliced(at, 1)
  }
  return { ...(verb && { verb }), path, rest }
}

function unknownCommand(word: string): string {
  const near = closest(word)
  return `unknown command "${word}" for "kubectl"${near.length > 0 ? `\n\nDid you mean this?\n${near.map((name) => `\t${name}\n`).join('')}` : ''}`
}
