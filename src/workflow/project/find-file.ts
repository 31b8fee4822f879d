/** Where a file of the project is that was named without an extension, and what it is called once rendered. */
import { existsSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { WorkflowError } from '../workflow-error.ts'

/** In this order. */
const extensions = ['.yml.j2', '.yaml.j2', '.yml', '.yaml'] as const

/** Undefined where none of them exists. */
export function findFile(folder: string, name: string): string | undefined {
  return extensions.map((extension) => join(folder, name + extension)).find(existsSync)
}

/** What `-f` says, else the search; throws where there is nothing. */
export function requireFile(folder: string, name: string, { given, cwd }: { given: string | undefined; cwd: string }): string {
  if (given === undefined) {
    const found = findFile(folder, name)
    if (found) return found
    const tried = extensions.map((extension) => name + extension).join(', ')
    throw new WorkflowError(`${folder} has none of ${tried}.`, { next: ['nami setup', 'nami check'] })
  }
  const places = isAbsolute(given) ? [given] : [join(cwd, given), join(folder, given)]
  const found = places.find(existsSync) ?? places.map((place) => findFile(place, '')).find(Boolean)
  if (!found) throw new WorkflowError(`${given} does not exist.`)
  return found
}

/** Without the `.j2` at its end. */
export function renderedName(file: string): string {
  return file.endsWith('.j2') ? file.slice(0, -'.j2'.length) : file
}
