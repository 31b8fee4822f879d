/** Reads a Compose file with what it includes and extends, into services that say everything themselves. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, isAbsolute, join, relative } from 'node:path'
import { WorkflowError } from '../workflow-error.ts'
import { type ComposeDocument, readDocument } from './document.ts'
import { parseEnvFile } from './env-file.ts'
import type { Variables } from './interpolate.ts'
import { harmless, mapped, topLevel, unmapped } from './keys.ts'
import { mergeServices } from './merge-services.ts'
import { type Service, serviceOf } from './service.ts'

export interface Stack {
  /** Of the file's own folder. */
  readonly directory: string
  readonly services: Readonly<Record<string, Service>>
  readonly volumes: Readonly<Record<string, any>>
  readonly configs: Readonly<Record<string, any>>
  readonly secrets: Readonly<Record<string, any>>
  /** What cannot be done here, by line. */
  readonly warnings: readonly string[]
}

export interface ReadOptions {
  /** Of the shell; it wins over `.env` beside the file. */
  readonly env: Variables
  /** Text of a file, templates rendered. */
  readonly read: (file: string) => string
  /** Services with other profiles are left out, unless one that stays depends on them. */
  readonly profiles?: readonly string[]
  /** Names in messages are relative to it. */
  readonly cwd: string
}

interface Place extends ReadOptions {
  readonly file: string
  readonly variables: Variables
  readonly warnings: string[]
}

export function readStack(file: string, options: ReadOptions): Stack {
  const directory = dirname(file)
  const dotEnv = join(directory, '.env')
  const variables = { ...(existsSync(dotEnv) && parseEnvFile(readFileSync(dotEnv, 'utf8'), options.env)), ...options.env }
  const place: Place = { ...options, file, variables, warnings: [] }
  const parts = readAll(place, [])
  const services = Object.fromEntries(
    Object.entries(parts.services).map(([name, raw]) => [name, serviceOf(name, raw.value, raw.place)]),
  )
  return { ...parts, directory, services: chosen(services, options.profiles ?? []), warnings: place.warnings }
}

interface RawService {
  readonly value: Record<string, any>
  readonly place: ServicePlace
}

export interface ServicePlace {
  readonly directory: string
  readonly variables: Variables
  /** A message with file and line. */
  at(path: readonly string[], text: string): string
  warn(path: readonly string[], text: string): void
}

interface Parts {
  readonly services: Record<string, RawService>
  readonly volumes: Record<string, any>
  readonly configs: Record<string, any>
  readonly secrets: Record<string, any>
}

function readAll(place: Place, above: readonly string[]): Parts {
  const document = open(place)
  checkTopLevel(document)
  const parts: Parts = { services: {}, volumes: {}, configs: {}, secrets: {} }
  for (const entry of document.value.include ?? []) {
    for (const path of [entry?.path ?? entry].flat()) {
      const included = resolved(place.file, path)
      if (above.includes(included)) throw new WorkflowError(`${document.file}: ${path} includes itself.`)
      const inner = readAll({ ...place, file: included }, [...above, place.file])
      for (const key of ['services', 'volumes', 'configs', 'secrets'] as const) Object.assign(parts[key], inner[key])
    }
  }
  for (const key of ['volumes', 'configs', 'secrets'] as const) {
    for (const [name, value] of Object.entries(document.value[key] ?? {})) {
      parts[key][name] = { ...(value as object), directory: dirname(place.file) }
    }
  }
  for (const name of Object.keys(document.value.services ?? {}))
    parts.services[name] = extended(place, document, { name, above: [] })
  return parts
}

function open(place: Place): ComposeDocument {
  const { file, variables, warnings, cwd } = place
  if (!existsSync(file)) throw new WorkflowError(`${relative(cwd, file) || file} does not exist.`)
  return readDocument(place.read(file), {
    file: relative(cwd, file) || file,
    variables,
    warn: (line) => !warnings.includes(line) && warnings.push(line),
  })
}

function checkTopLevel({ file, value, lineOf }: ComposeDocument): void {
  for (const key of Object.keys(value)) {
    if (topLevel.has(key) || key.startsWith('x-')) continue
    throw new WorkflowError(`${file}:${lineOf([key])}: unknown key ${JSON.stringify(key)}${nearest(key, [...topLevel])}`)
  }
  if (value.services === undefined && value.include === undefined) throw new WorkflowError(`${file}:1: there are no services.`)
}

/** With what it extends below it (compose-spec `05-services.md`, "extends"). */
function extended(
  place: Place,
  document: ComposeDocument,
  { name, above }: { name: string; above: readonly string[] },
): RawService {
  const own = document.value.services?.[name]
  const servicePlace = placeOf(place, document, name)
  if (own === undefined) throw new WorkflowError(`${document.file}:1: there is no service ${JSON.stringify(name)} to extend.`)
  if (typeof own !== 'object' || own === null)
    throw new WorkflowError(servicePlace.at([], `service ${name} holds keys and values`))
  checkKeys(own, servicePlace)
  if (own.extends === undefined) return { value: own, place: servicePlace }
  const { file, service = name } = typeof own.extends === 'string' ? { service: own.extends } : own.extends
  const path = file === undefined ? place.file : resolved(place.file, file)
  const id = `${path} ${service}`
  if (above.includes(id)) throw new WorkflowError(servicePlace.at(['extends'], `service ${name} extends itself`))
  if (!existsSync(path)) throw new WorkflowError(servicePlace.at(['extends'], `${file} does not exist`))
  const below = { ...place, file: path }
  const base = extended(below, file === undefined ? document : open(below), { name: service, above: [...above, id] })
  return { value: mergeServices(absolute(base), own), place: servicePlace }
}

/** Paths of an extended service are relative to its own file. */
function absolute({ value, place: { directory } }: RawService): Record<string, any> {
  const at = (path: string) => (isAbsolute(path) || path.includes('://') ? path : join(directory, path))
  const { build, env_file: files, volumes } = value
  return {
    ...value,
    ...(typeof build === 'string' && { build: at(build) }),
    ...(typeof build === 'object' && build && { build: { ...build, context: at(build.context ?? '.') } }),
    ...(files !== undefined && {
      env_file: [files].flat().map((one: any) => (typeof one === 'string' ? at(one) : { ...one, path: at(one.path) })),
    }),
    ...(volumes && {
      volumes: volumes.map((one: any) =>
        typeof one === 'string' && /^\.{1,2}(\/|$)/.test(one.split(':')[0] ?? '') ? at(one) : one,
      ),
    }),
  }
}

function placeOf(place: Place, { file, lineOf }: ComposeDocument, name: string): ServicePlace {
  const at = (path: readonly string[], text: string) => `${file}:${lineOf(['services', name, ...path])}: ${text}`
  return {
    directory: dirname(place.file),
    variables: place.variables,
    at,
    warn(path, text) {
      const line = at(path, text)
      if (!place.warnings.includes(line)) place.warnings.push(line)
    },
  }
}

function checkKeys(service: object, place: ServicePlace): void {
  for (const key of Object.keys(service)) {
    if (mapped.has(key) || harmless.has(key) || key.startsWith('x-')) continue
    const why = unmapped[key]
    if (why === undefined) {
      const known = [...mapped, ...Object.keys(unmapped)]
      throw new WorkflowError(place.at([key], `unknown key ${JSON.stringify(key)}${nearest(key, known)}`))
    }
    place.warn([key], `${key} is left out: ${why}`)
  }
}

function nearest(word: string, known: readonly string[]): string {
  const letters = (text: string) => [...text.replace(/[-_]/g, '')].sort().join('')
  const near = known.find((one) => letters(one) === letters(word) || one.startsWith(word.slice(0, -1)) || word.startsWith(one))
  return near ? `; is ${JSON.stringify(near)} meant?` : ''
}

function resolved(from: string, path: string): string {
  return isAbsolute(path) ? path : join(dirname(from), path)
}

function chosen(services: Readonly<Record<string, Service>>, profiles: readonly string[]): Record<string, Service> {
  const wanted = new Set<string>()
  const isOn = (service: Service) =>
    service.profiles.length === 0 || profiles.includes('*') || service.profiles.some((one) => profiles.includes(one))
  const want = (name: string) => {
    const service = services[name]
    if (!service || wanted.has(name)) return
    wanted.add(name)
    for (const { service: other } of service.dependsOn) want(other)
  }
  for (const [name, service] of Object.entries(services)) if (isOn(service)) want(name)
  return Object.fromEntries(Object.entries(services).filter(([name]) => wanted.has(name)))
}
