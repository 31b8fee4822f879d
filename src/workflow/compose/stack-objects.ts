/** What a stack has beside its pods: a namespace, names, volumes, configs and secrets. */
import { existsSync, readFileSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Namespace } from '#api/core/v1/namespace.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { Secret } from '#api/core/v1/secret.ts'
import { Service as KubeService } from '#api/core/v1/service.ts'
import { applyObject } from '#client/apply.ts'
import type { Client } from '#client/client.ts'
import { hasReason } from '#schema/status-error.ts'
import { cleanName } from '../project/clean-name.ts'
import { WorkflowError } from '../workflow-error.ts'
import type { Variables } from './interpolate.ts'
import { labelOf, planNames } from './plan-pods.ts'
import type { Stack } from './read-stack.ts'

export interface StackPlace {
  readonly client: Client
  readonly stack: Stack
  readonly project: string
  readonly namespace: string
  readonly env: Variables
}

const manager = { fieldManager: 'nami-compose' }

/** Idempotent. */
export async function ensureObjects(place: StackPlace): Promise<void> {
  const { client, stack, project, namespace } = place
  const labels = { [labelOf.project]: project, [labelOf.kind]: 'stack' }
  await client.create(Namespace, { metadata: { name: namespace, labels } }).catch((error) => {
    if (!hasReason(error, 'AlreadyExists')) throw error
  })
  const used = Object.values(stack.services).flatMap(({ mounts }) => mounts)
  const named = (kind: string) => [
    ...new Set(used.flatMap((mount) => (mount.kind === kind && 'source' in mount ? [mount.source] : []))),
  ]
  const names = Object.values(stack.services).flatMap((service) => planNames(service, { project, namespace }))
  await Promise.all([
    ...names.map((object) => applyObject(client, KubeService, typed(KubeService, object), manager)),
    ...named('volume').map((name) => ensureClaim(place, name, labels)),
    ...named('config').map((name) => ensureContent(place, { kind: 'config', name, labels })),
    ...named('secret').map((name) => ensureContent(place, { kind: 'secret', name, labels })),
  ])
}

function typed<T>({ apiVersion, kind }: { apiVersion: string; kind: string }, object: T): T {
  return { apiVersion, kind, ...object }
}

async function ensureClaim(
  { client, stack, namespace }: StackPlace,
  name: string,
  labels: Record<string, string>,
): Promise<void> {
  const volume = stack.volumes[name]
  if (!volume) throw new WorkflowError(`service refers to undefined volume ${name}: add it below "volumes:".`)
  if (volume.external) return
  const claim = {
    metadata: { name: cleanName(name), namespace, labels },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: volume['x-size'] ?? '1Gi' } } },
  }
  await client.create(PersistentVolumeClaim, claim as never).catch((error) => {
    if (!hasReason(error, 'AlreadyExists')) throw error
  })
}

interface Content {
  readonly kind: 'config' | 'secret'
  readonly name: string
  readonly labels: Record<string, string>
}

async function ensureContent(place: StackPlace, { kind, name, labels }: Content): Promise<void> {
  const { client, stack, namespace } = place
  const given = (kind === 'config' ? stack.configs : stack.secrets)[name]
  if (!given) throw new WorkflowError(`service refers to undefined ${kind} ${name}: add it below "${kind}s:".`)
  const content = Buffer.from(contentOf(given, { kind, name, env: place.env })).toString('base64')
  const metadata = { name: `${kind}-${cleanName(name)}`, namespace, labels }
  if (kind === 'config')
    await applyObject(client, ConfigMap, typed(ConfigMap, { metadata, binaryData: { content } }) as never, manager)
  else await applyObject(client, Secret, typed(Secret, { metadata, data: { content } }) as never, manager)
}

function contentOf(given: any, { kind, name, env }: { kind: string; name: string; env: Variables }): Buffer | string {
  if (given.content !== undefined) return String(given.content)
  if (given.environment !== undefined) {
    const value = env[given.environment]
    if (value === undefined) throw new WorkflowError(`${kind} ${name}: the variable ${given.environment} is not set.`)
    return value
  }
  if (given.file === undefined) throw new WorkflowError(`${kind} ${name} has neither file, content nor environment.`)
  const file = isAbsolute(given.file) ? given.file : join(given.directory, given.file)
  if (!existsSync(file)) throw new WorkflowError(`${kind} ${name}: ${file} does not exist.`)
  return readFileSync(file)
}
