/** kube-apiserver's flags under their own names: what was given, with paths made whole; refused before anything starts. */
import { existsSync } from 'node:fs'
import { CommandError, type Flag, type Terminal } from '#cli/command.ts'
import { type ApiserverFlagName, apiserverFlagTable } from '#cluster/apiserver-flag-table.ts'

/** So many that only `nami server --help` lists them. */
export const apiserverFlags = Object.fromEntries(
  Object.entries(apiserverFlagTable).map(([name, [sort, , doc]]): [string, Flag] => [
    name,
    { type: 'string', value: placeholder(sort), doc, hidden: true, ...(sort === 'bool' && { alone: 'true' }) },
  ]),
) as Readonly<Record<ApiserverFlagName, { readonly type: 'string'; readonly doc: string }>>

function placeholder(sort: string): string {
  return sort === 'bool' ? 'true|false' : sort === 'file' || sort === 'files' ? 'FILE' : 'V'
}

/** Undefined where none was given. */
export async function apiserverFlagsFrom(
  flags: { readonly [Name in ApiserverFlagName]?: string | undefined },
  { cwd }: Terminal,
): Promise<Readonly<Record<string, string>> | undefined> {
  const given = Object.keys(apiserverFlagTable).flatMap((name) => {
    const value = flags[name as ApiserverFlagName]
    return value === undefined ? [] : [[name, value] as const]
  })
  if (given.length === 0) return undefined
  const { readApiserverFlags, wholePaths } = await import('#cluster/apiserver-flags.ts')
  try {
    const line = wholePaths(Object.fromEntries(given), cwd)
    readApiserverFlags(undefined, line)
    refuseMissing(line)
    return line
  } catch (error) {
    throw new CommandError((error as Error).message, { exitCode: 2, cause: error })
  }
}

/** Written, where all others are read. */
const written = 'audit-log-path'

function refuseMissing(line: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(line)) {
    const [sort] = apiserverFlagTable[name as ApiserverFlagName]
    if (name === written || (sort !== 'file' && sort !== 'files')) continue
    const missing = value.split(',').find((path) => path !== '' && !existsSync(path))
    if (missing) throw new Error(`--${name}: ${missing} does not exist`)
  }
}
