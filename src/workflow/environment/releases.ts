/**
 * Numbered releases: what ran, with which values, made by whom and when.
 *
 * Guarantees
 * - `PROJECT-environment-vN` and `PROJECT-secrets-vN` hold a release's values and `PROJECT-release-vN` everything else; all three are
 *   immutable. Only the state of a release moves, in an annotation.
 * - A number is given once: who creates the record has it, and everybody else is told.
 * - `PROJECT-environment` mirrors the values of the release that runs (Hokusai's contract).
 */
import type { Deployment } from '#api/apps/v1/deployment.ts'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Secret } from '#api/core/v1/secret.ts'
import { formatTime } from '#lib/clock.ts'
import { hasReason } from '#schema/status-error.ts'
import type { Draft } from '#schema/words.ts'
import { WorkflowError } from '../workflow-error.ts'
import { environmentName, secretsName } from './pin.ts'
import { commandOf, type Target } from './target.ts'
import { noValues, type Values, withValues } from './values.ts'
import { projectDeployments } from './workloads.ts'

/** `pending`: being rolled out, or left so by a process that died. `staged`: written, and to run with the next rollout. */
export type ReleaseState = 'pending' | 'running' | 'staged' | 'superseded' | 'failed' | 'interrupted'

export interface ReleaseRecord {
  /** What was done: `deploy 1.2`, `env set A, B`, `rollback to v3`. */
  readonly description: string
  readonly by: string
  /** RFC 3339. */
  readonly at: string
  /** `repo@sha256:..`; absent before the first image. */
  readonly image?: string | undefined
  readonly tag?: string | undefined
  /** Names of the secrets that an external store gave. */
  readonly sourced?: readonly string[] | undefined
  /** Pod templates by Deployment. */
  readonly templates: Readonly<Record<string, Deployment['spec']['template']>>
}

export interface Release extends ReleaseRecord {
  readonly number: number
  readonly state: ReleaseState
  readonly values: Values
}

const stateKey = 'nami.dev/state'
const runningKey = 'nami.dev/release'
const recordName = (project: string, number: number) => `${project}-release-v${number}`
/** Beside those that are still needed. */
const mostKept = 30

/** Where an environment's objects are. */
export type Place = Pick<Target, 'client' | 'namespace' | 'project'>

/** Oldest first, without their values. */
export async function listReleases(target: Place): Promise<Omit<Release, 'values'>[]> {
  const { client, namespace, project } = target
  const { items } = await client.list(ConfigMap, { namespace, labelSelector: `app=${project.name},nami.dev/kind=release` })
  return items
    .map((item) => ({
      ...(JSON.parse(item.data?.release ?? '{}') as ReleaseRecord),
      number: Number(item.metadata.name.slice(recordName(project.name, 0).length - 1)),
      state: (item.metadata.annotations?.[stateKey] ?? 'interrupted') as ReleaseState,
    }))
    .sort((a, b) => a.number - b.number)
}

export async function getRelease(target: Target, number: number): Promise<Release> {
  const found = (await listReleases(target)).find((one) => one.number === number)
  if (!found) throw new WorkflowError(`There is no release v${number}.`, { next: [commandOf(target, 'releases')] })
  return { ...found, values: await valuesOf(target, number) }
}

/** The release whose templates run. */
export async function runningRelease(target: Target): Promise<Release | undefined> {
  const found = (await listReleases(target)).findLast(({ state }) => state === 'running')
  return found && { ...found, values: await valuesOf(target, found.number) }
}

/**
 * The values that the next release begins with: those of the newest that is staged or runs. Before there was any release, what Hokusai or a
 * person put into `PROJECT-environment`, and `review_app setup` into `PROJECT-secrets`.
 */
export async function nextValues(target: Place): Promise<Values> {
  const latest = (await listReleases(target)).findLast(({ state }) => state === 'running' || state === 'staged')
  if (latest) return valuesOf(target, latest.number)
  return valuesAt(target, { plain: environmentName(target.project.name), secret: secretsName(target.project.name) })
}

/** Values for the next release, with what the external store holds at this moment. */
export async function nextRelease(target: Target): Promise<{ readonly values: Values; readonly sourced?: readonly string[] }> {
  const values = await nextValues(target)
  if (!target.secrets) return { values }
  const fresh = await target.secrets.read()
  const latest = (await listReleases(target)).findLast(({ state }) => state === 'running' || state === 'staged')
  const isOwn = ([key]: [string, unknown]) => !latest?.sourced?.includes(key)
  const own = { plain: values.plain, secret: Object.fromEntries(Object.entries(values.secret).filter(isOwn)) }
  return { values: withValues(own, { secret: fresh }), sourced: Object.keys(fresh) }
}

function valuesOf(target: Place, number: number): Promise<Values> {
  const { name } = target.project
  return valuesAt(target, { plain: environmentName(name, number), secret: secretsName(name, number) })
}

async function valuesAt({ client, namespace }: Place, names: { plain: string; secret: string }): Promise<Values> {
  const [plain, secret] = await Promise.all([
    client.get(ConfigMap, { name: names.plain, namespace }).catch(absent),
    client.get(Secret, { name: names.secret, namespace }).catch(absent),
  ])
  if (!plain && !secret) return noValues
  const text = ([key, value]: [string, unknown]) => [key, decoded(value)] as const
  return { plain: { ...plain?.data }, secret: Object.fromEntries(Object.entries(secret?.data ?? {}).map(text)) }
}

function decoded(value: unknown): string {
  return (typeof value === 'string' ? Buffer.from(value, 'base64') : Buffer.from(value as Uint8Array)).toString()
}

export type NewRelease = Pick<ReleaseRecord, 'description' | 'image' | 'tag' | 'sourced'> & { readonly values: Values }

/** The number that the next release will have. */
export async function nextNumber(target: Target): Promise<number> {
  return ((await listReleases(target)).at(-1)?.number ?? 0) + 1
}

/** Writes values and record under `number`. Throws where somebody else was given it in the meantime. */
export async function writeRelease(
  target: Target,
  number: number,
  release: NewRelease & { readonly state: ReleaseState; readonly templates: ReleaseRecord['templates'] },
): Promise<Release> {
  const { around } = target
  const { values, state, ...rest } = release
  const record: ReleaseRecord = { ...rest, by: around.user, at: formatTime(around.clock.now()) }
  const text = { release: JSON.stringify(record) }
  // First, for it decides who has the number.
  await create(target, recordName(target.project.name, number), { kind: 'release', data: text, state })
  await createValues(target, number, values)
  return { ...record, values, number, state }
}

async function createValues(target: Target, number: number, values: Values): Promise<void> {
  const { client, namespace, project } = target
  await create(target, environmentName(project.name, number), { kind: 'values', data: values.plain })
  if (Object.keys(values.secret).length === 0) return
  const metadata = { name: secretsName(project.name, number), namespace, labels: labelsOf(target, 'values') }
  const data = Object.fromEntries(
    Object.entries(values.secret).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  )
  await client.create(Secret, { metadata, immutable: true, type: 'Opaque', data } as unknown as Draft<Secret>)
}

async function create(
  target: Target,
  name: string,
  { kind, data, state }: { kind: string; data: Readonly<Record<string, string>>; state?: ReleaseState },
): Promise<void> {
  const { client, namespace } = target
  const annotations = state && { annotations: { [stateKey]: state } }
  const metadata = { name, namespace, labels: labelsOf(target, kind), ...annotations }
  try {
    await client.create(ConfigMap, { metadata, data, immutable: true })
  } catch (error) {
    if (!hasReason(error, 'AlreadyExists')) throw error
    throw new WorkflowError('Somebody else makes a release of this environment at the same moment.', {
      next: [commandOf(target, 'releases'), 'and try again'],
      cause: error,
    })
  }
}

function labelsOf({ project }: Target, kind: string): Record<string, string> {
  return { app: project.name, 'nami.dev/kind': kind }
}

export async function setState(target: Target, number: number, state: ReleaseState): Promise<void> {
  const { client, namespace, project } = target
  const body = { metadata: { annotations: { [stateKey]: state } } }
  await client.patch(ConfigMap, { name: recordName(project.name, number), namespace }, { type: 'merge', body })
}

/** The release runs: those before are superseded, the mirror says what it says, and what nobody needs any more goes. */
export async function markRunning(target: Target, release: Release): Promise<void> {
  await setState(target, release.number, 'running')
  await mirror(target, release)
  const others = (await listReleases(target)).filter(({ number }) => number !== release.number)
  for (const { number, state } of others) {
    if (state === 'running' || (state === 'staged' && number < release.number)) await setState(target, number, 'superseded')
  }
  const old = others.filter(({ state }) => state !== 'running').slice(0, -mostKept)
  const needed = old.length > 0 ? await numbersInUse(target) : new Set()
  for (const { number } of old) if (!needed.has(number)) await forget(target, number)
}

/** Of the releases whose values some Deployment still names: one that no file mentions keeps those of its last rollout. */
async function numbersInUse(target: Target): Promise<ReadonlySet<number>> {
  const text = JSON.stringify((await projectDeployments(target)).map(({ spec }) => spec.template))
  return new Set([...text.matchAll(/-(?:environment|secrets)-v(\d+)"/g)].map(([, number]) => Number(number)))
}

async function mirror({ client, namespace, project }: Target, { number, values }: Release): Promise<void> {
  const metadata = {
    name: environmentName(project.name),
    namespace,
    labels: { app: project.name },
    annotations: { [runningKey]: String(number) },
  }
  const current = await client.get(ConfigMap, metadata).catch(absent)
  if (!current) return void (await client.create(ConfigMap, { metadata, data: values.plain }))
  const { resourceVersion } = current.metadata
  await client.update(ConfigMap, { metadata: { ...metadata, resourceVersion }, data: values.plain } as Draft<ConfigMap>)
}

async function forget({ client, namespace, project: { name } }: Target, number: number): Promise<void> {
  await client.delete(Secret, { name: secretsName(name, number), namespace }).catch(absent)
  for (const one of [environmentName(name, number), recordName(name, number)]) {
    await client.delete(ConfigMap, { name: one, namespace }).catch(absent)
  }
}

/** Everything that releases wrote, and the mirror. */
export async function deleteReleases({ client, namespace, project }: Target): Promise<void> {
  for (const kind of ['release', 'values']) {
    const selection = { namespace, labelSelector: `app=${project.name},nami.dev/kind=${kind}` }
    await client.deleteCollection(ConfigMap, selection)
    if (kind === 'values') await client.deleteCollection(Secret, selection)
  }
  await client.delete(ConfigMap, { name: environmentName(project.name), namespace }).catch(absent)
  await client.delete(Secret, { name: secretsName(project.name), namespace }).catch(absent)
}

function absent(error: unknown): undefined {
  if (hasReason(error, 'NotFound')) return undefined
  throw error
}
