/** A container's environment: services, `envFrom`, then `env` in order, each seeing what came before it. */
import type { EnvFromSource, EnvVar, FileKeySelector } from '#api/core/v1/env.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import type { Container } from '../containers/pod-names.ts'
import type { ObjectSource } from '../volumes/object-source.ts'
import { parseEnvFile } from './env-file.ts'
import { expand } from './expand.ts'
import { type Addresses, fieldText, resourceText } from './field-ref.ts'

export interface EnvInputs {
  readonly objects: ObjectSource
  readonly addresses: Addresses
  readonly allocatable: Readonly<Record<string, string>>
  readonly services: ReadonlyMap<string, string>
  /** An env file in a volume (`fileKeyRef`); undefined where there is none. */
  readonly readFile: (volume: string, path: string) => Promise<Buffer | undefined>
}

export interface ResolvedEnv {
  readonly env: ReadonlyMap<string, string>
  /** Messages for Warning events InvalidEnvironmentVariableNames. */
  readonly warnings: readonly string[]
}

/** Throws with upstream's text when something that is not optional is missing. */
export async function resolveEnv(pod: Pod, container: Container, inputs: EnvInputs): Promise<ResolvedEnv> {
  const env = new Map<string, string>()
  const warnings: string[] = []
  for (const source of container.envFrom ?? []) await addFrom(env, pod, { source, inputs, warnings })
  for (const variable of container.env ?? []) {
    const value = await resolveValue(pod, container, { variable, env, inputs })
    if (value === undefined) continue
    env.delete(variable.name)
    env.set(variable.name, value)
  }
  for (const [name, value] of inputs.services) if (!env.has(name)) env.set(name, value)
  return { env, warnings }
}

async function addFrom(
  env: Map<string, string>,
  pod: Pod,
  { source, inputs, warnings }: { source: EnvFromSource; inputs: EnvInputs; warnings: string[] },
): Promise<void> {
  const { configMapRef, secretRef, prefix = '' } = source
  const reference = configMapRef ?? secretRef
  if (!reference) return
  const namespace = pod.metadata.namespace ?? ''
  const data = configMapRef
    ? await inputs.objects.configMap(namespace, reference.name ?? '')
    : await inputs.objects.secret(namespace, reference.name ?? '')
  if (!data) {
    if (reference.optional) return
    throw new Error(`${configMapRef ? 'configmap' : 'secret'} "${reference.name}" not found`)
  }
  const invalid: string[] = []
  for (const [key, value] of data.entries) {
    const name = prefix + key
    if (!isEnvName(name)) invalid.push(name)
    else if (!configMapRef || !data.binary.has(key)) env.set(name, value.toString('utf8'))
  }
  if (invalid.length === 0) return
  const kind = configMapRef ? 'ConfigMap' : 'Secret'
  const keys = invalid.sort().join(', ')
  warnings.push(
    `Keys [${keys}] from the EnvFrom ${kind === 'ConfigMap' ? 'configMap' : 'secret'} ${namespace}/${reference.name} were skipped since they are considered invalid environment variable names.`,
  )
}

/** Since 1.34: printable ASCII without `=`. */
function isEnvName(name: string): boolean {
  return /^[\x20-\x3c\x3e-\x7e]+$/.test(name)
}

async function resolveValue(
  pod: Pod,
  container: Container,
  { variable, env, inputs }: { variable: EnvVar; env: ReadonlyMap<string, string>; inputs: EnvInputs },
): Promise<string | undefined> {
  if (variable.value) return expand(variable.value, withServices(env, inputs.services))
  const from = variable.valueFrom
  if (from?.fieldRef) return fieldText(pod, from.fieldRef.fieldPath, inputs.addresses)
  if (from?.resourceFieldRef) {
    return resourceText(pod, from.resourceFieldRef, { container, allocatable: inputs.allocatable })
  }
  if (from?.configMapKeyRef) return await keyOf('ConfigMap', pod, { reference: from.configMapKeyRef, objects: inputs.objects })
  if (from?.secretKeyRef) return await keyOf('Secret', pod, { reference: from.secretKeyRef, objects: inputs.objects })
  if (from?.fileKeyRef) {
    return await fileValue(from.fileKeyRef, inputs)
  }
  return ''
}

/** Empty counts as absent, as upstream. */
async function fileValue(
  { volumeName, path, key, optional }: FileKeySelector,
  { readFile }: EnvInputs,
): Promise<string | undefined> {
  const file = await readFile(volumeName, path)
  if (!file && !optional) throw new Error(`failed to open environment variable file "${path}": no such file or directory`)
  const value = parseEnvFile(file?.toString('utf8') ?? '', key)
  if (value) return value
  if (optional) return undefined
  throw new Error(`environment variable key ${JSON.stringify(key)} not found in file`)
}

/** The environment so far, with the services' variables below it, without copying either. */
function withServices(env: ReadonlyMap<string, string>, services: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return { get: (name: string) => env.get(name) ?? services.get(name) } as ReadonlyMap<string, string>
}

interface KeyRef {
  readonly name?: string | undefined
  readonly key: string
  readonly optional?: boolean | undefined
}

async function keyOf(
  kind: 'ConfigMap' | 'Secret',
  pod: Pod,
  { reference, objects }: { reference: KeyRef; objects: ObjectSource },
): Promise<string | undefined> {
  const namespace = pod.metadata.namespace ?? ''
  const { name = '', key, optional } = reference
  const data = kind === 'ConfigMap' ? await objects.configMap(namespace, name) : await objects.secret(namespace, name)
  if (!data) {
    if (optional) return undefined
    throw new Error(`${kind.toLowerCase()} "${name}" not found`)
  }
  const value = data.entries.get(key)
  if (value !== undefined) return value.toString('utf8')
  if (optional) return undefined
  throw new Error(`couldn't find key ${key} in ${kind} ${namespace}/${name}`)
}
