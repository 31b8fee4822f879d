/** Flags as kubectl reads them (spf13/pflag): anywhere among the arguments, `-abc`, `-ovalue`, `--flag=value`, and its error texts. */
import { parseDuration } from '#schema/go-time.ts'
import { KubectlError } from './errors.ts'

interface Base {
  readonly short?: string
  /** The value of a flag that is given without one; a value then needs `=`. */
  readonly bare?: string
  readonly required?: boolean
}

export interface FlagTypes {
  text: string
  boolean: boolean
  integer: number
  /** Milliseconds. */
  duration: number
  /** Comma-separated, repeatable. */
  list: string[]
  /** Repeatable, commas are part of the value. */
  array: string[]
}

export interface FlagOf<T extends keyof FlagTypes> extends Base {
  readonly type: T
  readonly value: FlagTypes[T]
}

export type AnyFlag = { [T in keyof FlagTypes]: FlagOf<T> }[keyof FlagTypes]
export type Flags = Readonly<Record<string, AnyFlag>>
export type FlagValues<F extends Flags> = { readonly [K in keyof F]: F[K] extends FlagOf<infer T> ? FlagTypes[T] : never }

export const text = (value = '', options: Base = {}): FlagOf<'text'> => ({ type: 'text', value, ...options })
export const boolean = (value = false, options: Base = {}): FlagOf<'boolean'> => ({ type: 'boolean', value, ...options })
export const integer = (value = 0, options: Base = {}): FlagOf<'integer'> => ({ type: 'integer', value, ...options })
export const duration = (value = 0, options: Base = {}): FlagOf<'duration'> => ({ type: 'duration', value, ...options })
export const list = (options: Base = {}): FlagOf<'list'> => ({ type: 'list', value: [], ...options })
export const array = (options: Base = {}): FlagOf<'array'> => ({ type: 'array', value: [], ...options })

export interface CommandLine<F extends Flags> {
  readonly flags: FlagValues<F>
  /** The flags that were given. */
  readonly changed: ReadonlySet<string>
  readonly args: readonly string[]
  /** How many arguments stood before `--`; -1 without one. */
  readonly dash: number
  readonly help: boolean
}

/** `path` is the command as errors name it: `kubectl get`. */
export function parseCommandLine<F extends Flags>(flags: F, argv: readonly string[], path: string): CommandLine<F> {
  const parser = new Parser(flags, path)
  parser.run(argv)
  return parser as unknown as CommandLine<F>
}

/** Where the next word that is no flag stands, and no value of one; -1 where there is none. */
export function nextWord(flags: Flags, argv: readonly string[]): number {
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] as string
    if (word === '--') return -1
    if (!word.startsWith('-') || word === '-') return at
    const name = word.startsWith('--') ? word.slice(2) : longName(flags, word.slice(-1))
    const flag = name === undefined ? undefined : flags[name]
    if (flag && !word.includes('=') && flag.bare === undefined && flag.type !== 'boolean') {
      if (word.startsWith('--') || word.length === 2) at++
    }
  }
  return -1
}

function longName(flags: Flags, short: string): string | undefined {
  return Object.keys(flags).find((name) => flags[name]?.short === short)
}

class Parser {
  readonly flags: Record<string, FlagTypes[keyof FlagTypes]>
  readonly changed = new Set<string>()
  readonly args: string[] = []
  dash = -1
  help = false
  readonly #specs: Flags
  readonly #path: string

  constructor(specs: Flags, path: string) {
    this.#specs = specs
    this.#path = path
    this.flags = Object.fromEntries(Object.entries(specs).map(([name, { value }]) => [name, value]))
  }

  run(argv: readonly string[]): void {
    for (let at = 0; at < argv.length; at++) {
      const word = argv[at] as string
      if (word === '--') {
        this.dash = this.args.length
        this.args.push(...argv.slice(at + 1))
        break
      }
      if (word.startsWith('--')) at += this.#long(word.slice(2), argv[at + 1])
      else if (word.startsWith('-') && word.length > 1) at += this.#short(word.slice(1), argv[at + 1])
      else this.args.push(word)
    }
    if (this.help) return
    const missing = Object.keys(this.#specs).filter((name) => this.#specs[name]?.required && !this.changed.has(name))
    if (missing.length > 0) throw new KubectlError(`required flag(s) ${missing.map((name) => `"${name}"`).join(', ')} not set`)
  }

  /** Answers how many further words were used. */
  #long(word: string, next: string | undefined): number {
    const equals = word.indexOf('=')
    const name = equals < 0 ? word : word.slice(0, equals)
    if (name === 'help') {
      this.help = true
      return 0
    }
    const spec = this.#specs[name]
    if (!spec) throw this.#usage(`unknown flag: --${name}`)
    if (equals >= 0) this.#set(name, word.slice(equals + 1))
    else if (bareOf(spec) !== undefined) this.#set(name, bareOf(spec) as string)
    else if (next === undefined) throw this.#usage(`flag needs an argument: --${name}`)
    else {
      this.#set(name, next)
      return 1
    }
    return 0
  }

  #short(letters: string, next: string | undefined): number {
    for (let at = 0; at < letters.length; at++) {
      const letter = letters[at] as string
      const name = longName(this.#specs, letter)
      if (name === undefined) {
        if (letter !== 'h') throw this.#usage(`unknown shorthand flag: '${letter}' in -${letters}`)
        this.help = true
        return 0
      }
      const spec = this.#specs[name] as AnyFlag
      if (letters[at + 1] === '=') {
        this.#set(name, letters.slice(at + 2))
        return 0
      }
      if (bareOf(spec) !== undefined) {
        this.#set(name, bareOf(spec) as string)
        continue
      }
      if (at + 1 < letters.length) this.#set(name, letters.slice(at + 1))
      else if (next === undefined) throw this.#usage(`flag needs an argument: '${letter}' in -${letters}`)
      else {
        this.#set(name, next)
        return 1
      }
      return 0
    }
    return 0
  }

  #set(name: string, given: string): void {
    const spec = this.#specs[name] as AnyFlag
    const fail = (why: string) => {
      const label = spec.short ? `-${spec.short}, --${name}` : `--${name}`
      return this.#usage(`invalid argument "${given}" for "${label}" flag: ${why}`)
    }
    this.flags[name] = this.#value(name, spec, given, fail)
    this.changed.add(name)
  }

  #value(name: string, spec: AnyFlag, given: string, fail: (why: string) => Error): FlagTypes[keyof FlagTypes] {
    const earlier = this.changed.has(name) ? (this.flags[name] as string[]) : []
    switch (spec.type) {
      case 'text':
        return given
      case 'array':
        return [...earlier, given]
      case 'list':
        return [...earlier, ...given.split(',')]
      case 'boolean':
        if (/^(1|t|T|TRUE|true|True)$/.test(given)) return true
        if (/^(0|f|F|FALSE|false|False)$/.test(given)) return false
        throw fail(`strconv.ParseBool: parsing "${given}": invalid syntax`)
      case 'integer':
        if (!/^[+-]?\d+$/.test(given)) throw fail(`strconv.ParseInt: parsing "${given}": invalid syntax`)
        return Number(given)
      case 'duration':
        try {
          return Number(parseDuration(given)) / 1e6
        } catch (error) {
          throw fail((error as Error).message)
        }
    }
  }

  #usage(message: string): KubectlError {
    return new KubectlError(`${message}\nSee '${this.#path} --help' for usage.`)
  }
}

function bareOf(spec: AnyFlag): string | undefined {
  return spec.bare ?? (spec.type === 'boolean' ? 'true' : undefined)
}
