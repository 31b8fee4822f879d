/** kube-apiserver's flags as this server was given them: on the command line, or in the file of `--config`, one `name: value` each. */
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { featureGates } from '#api/feature-gates.ts'
import { parseDuration } from '#schema/go-time.ts'
import { parseYaml } from '#schema/yaml.ts'
import { type ApiserverFlagName, apiserverFlagTable, type FlagSort } from './apiserver-flag-table.ts'

export class ApiserverConfigError extends Error {}

const known = apiserverFlagTable
type Name = ApiserverFlagName
type ValueOf<S> = S extends 'int' | 'number' | 'duration'
  ? number
  : S extends 'bool'
    ? boolean
    : S extends 'list' | 'files'
      ? readonly string[]
      : string
export type ApiserverFlags = { readonly [K in Name]: ValueOf<(typeof known)[K][0]> }

export interface ReadFlags {
  readonly flags: ApiserverFlags
  /** As `/flagz` shows them: those that were given among them. */
  readonly shown: Readonly<Record<string, string>>
  /** Names of those that were given. */
  readonly given: ReadonlySet<string>
}

/** The command line goes before the file, the file before the defaults. Throws `ApiserverConfigError` on the first flag that is wrong. */
export function readApiserverFlags(path: string | undefined, line: Readonly<Record<string, string>> = {}): ReadFlags {
  const flags: Record<string, unknown> = {}
  for (const [name, [, fallback]] of Object.entries(known)) flags[name] = fallback
  const fromFile = path === undefined ? {} : documentOf(path)
  const take = (values: Readonly<Record<string, unknown>>, base: string, where: string) => {
    for (const [name, value] of Object.entries(values)) {
      if (!Object.hasOwn(known, name)) throw new ApiserverConfigError(`${where}unknown flag ${name}`)
      flags[name] = parsed(name, known[name as Name][0], { value, base })
    }
  }
  take(fromFile, path === undefined ? '/' : dirname(path), `${path}: `)
  take(line, '/', '')
  const shown = Object.fromEntries(Object.entries(flags).map(([name, value]) => [name, textOf(name as Name, value)]))
  return { flags: flags as unknown as ApiserverFlags, shown, given: new Set([...Object.keys(fromFile), ...Object.keys(line)]) }
}

/** Paths that stand on a command line, made whole: the server runs elsewhere. */
export function wholePaths(line: Readonly<Record<string, string>>, cwd: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(line).map(([name, value]) => {
      const sort = known[name as Name]?.[0]
      if (sort !== 'file' && sort !== 'files') return [name, value]
      return [name, [parsed(name, sort, { value, base: cwd })].flat().join(',')]
    }),
  )
}

function documentOf(path: string): Record<string, unknown> {
  let value: unknown
  try {
    value = parseYaml(readFileSync(path, 'utf8'), { file: path })[0]?.value ?? {}
  } catch (error) {
    throw new ApiserverConfigError(`${path}: ${(error as Error).message}`, { cause: error })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ApiserverConfigError(`${path}: want one "flag: value" on each line, such as "audit-policy-file: policy.yaml"`)
  }
  return value as Record<string, unknown>
}

function parsed(name: string, sort: FlagSort, { value, base }: { value: unknown; base: string }): unknown {
  const wrong = (what: string) =>
    new ApiserverConfigError(`invalid argument ${JSON.stringify(value)} for "--${name}" flag: ${what}`)
  const text = Array.isArray(value) ? value.join(',') : String(value)
  switch (sort) {
    case 'bool':
      if (text !== 'true' && text !== 'false') throw wrong('want true or false')
      return text === 'true'
    case 'int':
    case 'number': {
      const number = Number(text)
      if (text === '' || Number.isNaN(number) || (sort === 'int' && !Number.isInteger(number))) throw wrong('want a number')
      return number
    }
    case 'duration':
      try {
        return Number(parseDuration(text)) / 1e6
      } catch (error) {
        throw wrong((error as Error).message)
      }
    case 'gates':
      try {
        featureGates(text)
        return text
      } catch (error) {
        throw wrong((error as Error).message)
      }
    case 'list':
      return text === '' ? [] : text.split(',').map((part) => part.trim())
    case 'file':
      return text === '' || text === '-' ? text : resolve(base, text)
    case 'files':
      return text === '' ? [] : text.split(',').map((part) => resolve(base, part.trim()))
    default:
      return text
  }
}

function textOf(name: Name, value: unknown): string {
  if (Array.isArray(value)) return `[${value.join(',')}]`
  return known[name][0] === 'duration' ? `${(value as number) / 1000}s` : String(value)
}
