/** Keys and values of ConfigMaps and Secrets: literals, files, folders and env files. */

import { isUtf8 } from 'node:buffer'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { isConfigMapKey, isEnvVarName } from '#schema/formats.ts'
import { array, list } from '../command-line.ts'
import { KubectlError } from '../errors.ts'

export const dataFlags = { 'from-file': list(), 'from-literal': array(), 'from-env-file': list() } as const

export interface DataSources {
  readonly 'from-file': readonly string[]
  readonly 'from-literal': readonly string[]
  readonly 'from-env-file': readonly string[]
}

export interface Surroundings {
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Reports each key; throws where a source cannot be read. */
export function readSources(sources: DataSources, { cwd, env }: Surroundings, add: (key: string, value: Buffer) => void): void {
  if (sources['from-env-file'].length > 0 && (sources['from-file'].length > 0 || sources['from-literal'].length > 0)) {
    throw new KubectlError('from-env-file cannot be combined with from-file or from-literal')
  }
  for (const source of sources['from-file']) addFile(source, cwd, add)
  for (const source of sources['from-literal']) {
    const equals = source.indexOf('=')
    if (equals <= 0) throw new KubectlError(`invalid literal source ${source}, expected key=value`)
    add(source.slice(0, equals), Buffer.from(source.slice(equals + 1)))
  }
  for (const path of sources['from-env-file']) addEnvFile(path, { cwd, env }, add)
}

/** Refuses keys that the server would, and keys given twice. */
export function keyKeeper(kind: string, name: string): (key: string) => void {
  const seen = new Set<string>()
  return (key) => {
    const errors = isConfigMapKey(key)
    if (errors.length > 0)
      throw new KubectlError(`${JSON.stringify(key)} is not a valid key name for a ${kind}: ${errors.join(',')}`)
    if (seen.has(key)) {
      throw new KubectlError(
        `cannot add key ${JSON.stringify(key)}, another key by that name already exists in Data for ${kind} ${JSON.stringify(name)}`,
      )
    }
    seen.add(key)
  }
}

function addFile(source: string, cwd: string, add: (key: string, value: Buffer) => void): void {
  const { key, path } = parseFileSource(source)
  const full = resolve(cwd, path)
  const stat = statSync(full, { throwIfNoEntry: false })
  if (!stat) throw new KubectlError(`error reading ${path}: no such file or directory`)
  if (!stat.isDirectory()) return add(key, readFileSync(full))
  if (source.includes('=')) throw new KubectlError('cannot give a key name for a directory path')
  const files = readdirSync(full, { withFileTypes: true }).filter((entry) => entry.isFile())
  for (const { name } of files.sort((a, b) => (a.name < b.name ? -1 : 1))) add(name, readFileSync(join(full, name)))
}

function parseFileSource(source: string): { key: string; path: string } {
  const parts = source.split('=')
  if (parts.length === 1) return { key: basename(source), path: source }
  if (parts.length > 2) throw new KubectlError("key names or file paths cannot contain '='")
  const [key = '', path = ''] = parts
  if (key === '') throw new KubectlError(`key name for file path ${path} missing`)
  if (path === '') throw new KubectlError(`file path for key name ${key} missing`)
  return { key, path }
}

function addEnvFile(path: string, { cwd, env }: Surroundings, add: (key: string, value: Buffer) => void): void {
  const full = resolve(cwd, path)
  const stat = statSync(full, { throwIfNoEntry: false })
  if (!stat) throw new KubectlError(`error reading ${path}: no such file or directory`)
  if (stat.isDirectory()) throw new KubectlError('env config file cannot be a directory')
  const bytes = readFileSync(full)
  if (!isUtf8(bytes)) throw new KubectlError(`env file ${path} contains invalid utf8 bytes`)
  for (const raw of bytes
    .toString()
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)) {
    const line = raw.trimStart()
    if (line === '' || line.startsWith('#')) continue
    const equals = line.indexOf('=')
    const key = equals < 0 ? line : line.slice(0, equals)
    const errors = isEnvVarName(key)
    if (errors.length > 0) throw new KubectlError(`${JSON.stringify(key)} is not a valid key name: ${errors.join(';')}`)
    add(key, Buffer.from(equals < 0 ? (env[key] ?? '') : line.slice(equals + 1)))
  }
}
