/** An application folder brought onto the cluster: manifests read and applied, and asked until it answers. */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { get } from 'node:http'
import { join } from 'node:path'
import { Deployment } from '#api/apps/v1/deployment.ts'
import { Service } from '#api/core/v1/service.ts'
import { kinds } from '#api/kinds.ts'
import { applyObject } from '#client/apply.ts'
import type { Client } from '#client/client.ts'
import type { Clock } from '#lib/clock.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import { parseYaml } from '#schema/yaml.ts'
import { ApplicationError } from './application-error.ts'
import { waitReferenced } from './processes.ts'
import type { Progress } from './progress.ts'

export interface Manifest {
  readonly kind: Kind
  readonly object: KubeObject
  readonly file: string
}

/** Reads `kubernetes/*.yaml` of the folder, or its own YAML files where there is no such folder. */
export function readManifests(directory: string): Manifest[] {
  const folder = existsSync(join(directory, 'kubernetes')) ? join(directory, 'kubernetes') : directory
  const files = globSync('*.{yaml,yml,json}', { cwd: folder }).filter((name) => !/^(package(-lock)?|tsconfig)\.json$/.test(name))
  const manifests = files.sort().flatMap((name) => {
    const file = join(folder, name)
    return parseYaml(readFileSync(file, 'utf8'), { file }).flatMap(({ value }) =>
      value ? [manifestOf(value as KubeObject, file)] : [],
    )
  })
  if (manifests.length === 0) {
    throw new ApplicationError(`${directory} has no manifests.`, [
      `Put a Deployment and a Service into ${join(directory, 'kubernetes')}/*.yaml`,
    ])
  }
  return manifests
}

function manifestOf(object: KubeObject, file: string): Manifest {
  const kind = kinds.find((one) => one.apiVersion === object.apiVersion && one.kind === object.kind)
  if (!kind)
    throw new ApplicationError(`${file}: no kind ${JSON.stringify(object.kind)} in version ${JSON.stringify(object.apiVersion)}`)
  if (!object.metadata?.name) throw new ApplicationError(`${file}: metadata.name is missing`)
  const namespace = kind.namespaced ? { namespace: object.metadata.namespace ?? 'default' } : {}
  return { kind, object: { ...object, metadata: { ...object.metadata, ...namespace } }, file }
}

/** Puts the built image where a manifest names it without a tag. */
export function withImage(manifest: Manifest, reference: string): Manifest {
  const untagged = reference.slice(0, reference.lastIndexOf(':'))
  const replace = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(replace)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, key === 'image' && inner === untagged ? reference : replace(inner)]),
    )
  }
  return { ...manifest, object: replace(manifest.object) as KubeObject }
}

export async function applyAll(client: Client, manifests: readonly Manifest[], signal: AbortSignal): Promise<readonly string[]> {
  const lines: string[] = []
  for (const { kind, object, file } of manifests) {
    try {
      const { result } = await applyObject(client, kind, object, { signal, fieldManager: 'nami', fieldValidation: 'Strict' })
      const group = kind.group ? `.${kind.group}` : ''
      lines.push(`${(kind.def.singular ?? kind.kind.toLowerCase()) + group}/${object.metadata.name} ${result}`)
    } catch (error) {
      throw new ApplicationError(`${file}: ${(error as Error).message}`, [], { cause: error })
    }
  }
  return lines
}

export interface Answers {
  readonly url: string
  /** Names of the pods that answered. */
  readonly pods: readonly string[]
}

/** Waits until the Deployments among the manifests are rolled out and the first NodePort service answers from as many pods as it has. */
export async function untilItAnswers(
  client: Client,
  manifests: readonly Manifest[],
  options: { clock: Clock; signal: AbortSignal; progress: Progress; address: string },
): Promise<Answers | undefined> {
  const manifest = frontDoor(manifests)
  let replicas = 0
  for (const one of manifests) {
    if (one.kind.kind !== 'Deployment') continue
    const ready = await rolledOut(client, one.object, options)
    if (isBehind(one, manifest)) replicas += ready
  }
  if (!manifest) return undefined
  const service = await client.get(Service, manifest.object.metadata)
  const url = `http://${options.address}:${service.spec.ports?.[0]?.nodePort}/`
  const pods = new Set<string>()
  for (let asked = 0; asked < 2000 && pods.size < Math.max(1, replicas); asked++) {
    const answer = await ask(url)
    if (answer === undefined) await waitReferenced(options.clock, 25, options.signal)
    else pods.add(podOf(answer))
    // An application that does not say who it is has answered all that can be asked of it.
    if (pods.has(somePod)) break
  }
  if (pods.size === 0) throw new ApplicationError(`${url} does not answer.`, ['nami kubectl get pods -o wide', 'nami doctor'])
  return { url, pods: [...pods].sort() }
}

/** The Deployment that the application is reached by, else its first. */
export function mainWorkload(manifests: readonly Manifest[]): string | undefined {
  const deployments = manifests.filter(({ kind }) => kind.kind === 'Deployment')
  const main = deployments.find((one) => isBehind(one, frontDoor(manifests))) ?? deployments[0]
  return main?.object.metadata.name
}

function frontDoor(manifests: readonly Manifest[]): Manifest | undefined {
  return manifests.find(({ kind, object }) => kind === Service && (object as Service).spec.type === 'NodePort')
}

function isBehind(deployment: Manifest, service: Manifest | undefined): boolean {
  const { labels = {} } = (deployment.object as Deployment).spec.template.metadata
  return Object.entries((service?.object as Service | undefined)?.spec.selector ?? {}).every(
    ([key, value]) => labels[key] === value,
  )
}

async function rolledOut(
  client: Client,
  { metadata }: KubeObject,
  { clock, signal, progress }: { clock: Clock; signal: AbortSignal; progress: Progress },
): Promise<number> {
  const deadline = clock.monotonic() + 120_000
  for (;;) {
    const { spec, status, metadata: now } = await client.get(Deployment, metadata, { signal })
    const { updatedReplicas = 0, availableReplicas = 0, replicas = 0, observedGeneration = 0 } = status
    const isDone =
      observedGeneration >= (now.generation ?? 0) && updatedReplicas === spec.replicas && replicas === updatedReplicas
    if (isDone && availableReplicas === spec.replicas) return spec.replicas
    progress.update(`${availableReplicas} of ${spec.replicas} pods ready`)
    if (clock.monotonic() > deadline) {
      throw new ApplicationError(
        `Deployment ${metadata.name} is not ready after two minutes: ${availableReplicas} of ${spec.replicas} pods.`,
        ['nami kubectl get pods', `nami kubectl describe deployment ${metadata.name}`],
      )
    }
    await waitReferenced(clock, 50, signal)
  }
}

const somePod = 'a pod'

/** The address is this machine's. Packets to a pod that is gone are lost without a word, and waiting for them would outlast the next pod's start. */
const longestConnect = 250

/** The body of a 2xx answer; undefined when nobody answers (yet). */
function ask(url: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false, timeout: 2000 }, (response) => {
      response.setEncoding('utf8')
      let body = ''
      response.on('data', (chunk) => {
        body += chunk
      })
      response.on('end', () => resolve((response.statusCode ?? 500) < 300 ? body : undefined))
      response.on('error', () => resolve(undefined))
    })
    request.on('timeout', () => request.destroy())
    request.on('socket', (socket) => {
      const late = AbortSignal.timeout(longestConnect)
      const end = () => request.destroy()
      late.addEventListener('abort', end)
      socket.on('connect', () => late.removeEventListener('abort', end))
    })
    request.on('error', () => resolve(undefined))
  })
}

function podOf(answer: string): string {
  try {
    return JSON.parse(answer).pod ?? somePod
  } catch {
    return somePod
  }
}
