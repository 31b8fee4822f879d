/** Objects out of files: `-f FILE`, `-f FOLDER`, `-f 'x*.yaml'`, `-f -`. */
import { globSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseYaml } from '#schema/yaml.ts'
import { KubectlError } from './errors.ts'
import { collect, type Json, type Session } from './session.ts'

export interface Manifest {
  readonly object: Json
  /** As errors name it: the path, or STDIN. */
  readonly source: string
}

export interface FileOptions {
  readonly filename: readonly string[]
  readonly recursive: boolean
}

const extensions = ['.json', '.yaml', '.yml']

export async function readManifests(session: Session, { filename, recursive }: FileOptions): Promise<Manifest[]> {
  const manifests: Manifest[] = []
  for (const given of filename) {
    if (/^https?:\/\//.test(given)) throw new KubectlError(`the URL "${given}" is not read: fetch it first, then apply the file`)
    if (given === '-') {
      const text = (await collect(session.terminal.stdin as AsyncIterable<any>)).toString()
      manifests.push(...documents(text, 'STDIN'))
      continue
    }
    for (const path of pathsOf(session.terminal.cwd, given, recursive)) {
      manifests.push(...documents(readFileSync(resolve(session.terminal.cwd, path), 'utf8'), path))
    }
  }
  if (manifests.length === 0) throw new KubectlError('no objects passed to apply')
  return manifests
}

function pathsOf(cwd: string, given: string, recursive: boolean): string[] {
  const stat = statSync(resolve(cwd, given), { throwIfNoEntry: false })
  if (!stat) {
    const found = globSync(given, { cwd }).sort()
    if (found.length === 0) throw new KubectlError(`the path "${given}" does not exist`)
    return found
  }
  if (!stat.isDirectory()) return [given]
  const found = filesBelow(cwd, given, recursive)
  if (found.length === 0) throw new KubectlError(`error reading [${given}]: recognized file extensions are [.json .yaml .yml]`)
  return found
}

function filesBelow(cwd: string, folder: string, recursive: boolean): string[] {
  return readdirSync(resolve(cwd, folder), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return recursive ? filesBelow(cwd, path, true) : []
      return extensions.some((extension) => entry.name.endsWith(extension)) ? [path] : []
    })
}

function documents(text: string, source: string): Manifest[] {
  let parsed: ReturnType<typeof parseYaml>
  try {
    parsed = parseYaml(text)
  } catch (error) {
    const name = source === 'STDIN' ? 'STDIN' : source
    throw new KubectlError(`error parsing ${name}: error converting YAML to JSON: ${(error as Error).message}`)
  }
  return parsed
    .filter(
      ({ value }) => value !== null && value !== undefined && !(typeof value === 'object' && Object.keys(value).length === 0),
    )
    .flatMap(({ value }) => flattened(value as Json, source))
}

/** A list counts as its items. */
function flattened(object: Json, source: string): Manifest[] {
  if (typeof object !== 'object' || Array.isArray(object)) {
    throw new KubectlError(
      `error parsing ${source}: json: cannot unmarshal ${Array.isArray(object) ? 'array' : typeof object} into Go value of type map[string]interface {}`,
    )
  }
  if (typeof object.kind === 'string' && object.kind.endsWith('List') && Array.isArray(object.items)) {
    const itemKind = object.kind === 'List' ? undefined : object.kind.slice(0, -'List'.length)
    return object.items.flatMap((item: Json) =>
      flattened(itemKind ? { apiVersion: object.apiVersion, kind: itemKind, ...item } : item, source),
    )
  }
  return [{ object, source }]
}
