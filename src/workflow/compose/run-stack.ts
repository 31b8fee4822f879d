/**
 * Starts, changes and stops a stack. Services start behind what they depend on and stop in the reverse order. Level-triggered: whatever an
 * interrupted run left is a starting point for the next.
 */
import { Namespace } from '#api/core/v1/namespace.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { hasReason } from '#schema/status-error.ts'
import type { Draft } from '#schema/words.ts'
import { cleanName } from '../project/clean-name.ts'
import type { Surroundings } from '../surroundings.ts'
import { WorkflowError } from '../workflow-error.ts'
import type { Condition } from './health.ts'
import { startOrder } from './order.ts'
import { hashAnnotation, labelOf, planPod } from './plan-pods.ts'
import { podProblem, stateOf } from './pod-state.ts'
import type { Service } from './service.ts'
import { ensureObjects, type StackPlace } from './stack-objects.ts'

export interface RunningStack extends StackPlace {
  readonly around: Surroundings
  /** Which image a service runs: built before, or as the file says. */
  readonly images: ReadonlyMap<string, { readonly reference: string; readonly isLocal: boolean }>
  readonly publishes: boolean
}

/** Resolves when all of them (default: all there are) have started. Throws when one cannot. */
export async function startStack(running: RunningStack, names?: readonly string[]): Promise<void> {
  const { stack, around } = running
  const order = startOrder(stack.services).filter(({ name }) => names?.includes(name) ?? true)
  await ensureObjects(running)
  if (!names) await removeOrphans(running)
  const started = new Map<string, Promise<{ readonly isNew: boolean }>>()
  for (const service of order) {
    const before = service.dependsOn.filter(({ service: name }) => started.has(name))
    const start = async () => {
      const others = await Promise.all(
        before.map(async (one) => ({ one, ...(await (started.get(one.service) as Promise<{ isNew: boolean }>)) })),
      )
      await Promise.all(
        before.map(({ service: name, condition, isRequired }) =>
          untilMet(running, { name, condition, isRequired, by: service.name }),
        ),
      )
      const isForced = others.some(({ one, isNew }) => one.isRestarted && isNew)
      return { isNew: await startService(running, service, isForced) }
    }
    const starting = start()
    starting.catch(() => {})
    started.set(service.name, starting)
  }
  await Promise.all(started.values())
  await Promise.all(
    order.map(
      ({ name, scale }) => scale > 0 && untilMet(running, { name, condition: 'service_started', isRequired: true, by: '' }),
    ),
  )
  around.signal.throwIfAborted()
}

export async function podsOf(
  { client, namespace }: Pick<RunningStack, 'client' | 'namespace'>,
  service?: string,
): Promise<readonly Pod[]> {
  const labelSelector = [`${labelOf.kind}=stack`, ...(service ? [`${labelOf.service}=${cleanName(service)}`] : [])].join(',')
  return (await client.list(Pod, { namespace, labelSelector })).items
}

/** Whether a pod was made. */
async function startService(running: RunningStack, service: Service, isForced: boolean): Promise<boolean> {
  const { client, namespace, project, stack, images, publishes, around } = running
  const image = images.get(service.name)
  if (!image) throw new WorkflowError(`service ${service.name} has no image.`)
  const existing = new Map((await podsOf(running, service.name)).map((pod) => [pod.metadata.name, pod]))
  const wanted = Array.from({ length: service.scale }, (_, i) =>
    planPod(service, i + 1, { stack, project, namespace, image, publishes }),
  )
  const names = new Set(wanted.map(nameOf))
  const surplus = [...existing.values()].filter((pod) => !names.has(nameOf(pod)))
  await Promise.all(surplus.map((pod) => removePod(running, pod)))
  let isNew = false
  for (const pod of wanted) {
    const known = existing.get(nameOf(pod))
    if (known && !isForced && isSame(known, pod)) continue
    if (known) await removePod(running, known)
    around.signal.throwIfAborted()
    await client.create(Pod, pod)
    around.note(`${nameOf(pod)} ${known ? 'made anew' : 'created'}`)
    isNew = true
  }
  return isNew
}

function nameOf(pod: Draft<Pod>): string {
  return pod.metadata?.name ?? ''
}

/** Runs, or will, as the file wants it. */
function isSame({ metadata, status }: Pod, wanted: Draft<Pod>): boolean {
  if (metadata.deletionTimestamp || /^(Succeeded|Failed)$/.test(status.phase ?? '')) return false
  return metadata.annotations?.[hashAnnotation] === wanted.metadata?.annotations?.[hashAnnotation]
}

interface Waiting {
  readonly name: string
  readonly condition: Condition
  readonly isRequired: boolean
  /** Who waits; empty for the user. */
  readonly by: string
}

const pollEvery = 60

async function untilMet(running: RunningStack, { name, condition, isRequired, by }: Waiting): Promise<void> {
  const { around } = running
  const service = running.stack.services[name] as Service
  if (condition === 'service_healthy' && !service.check) {
    throw new WorkflowError(`service ${name}, which ${by} waits for until it is healthy, has no healthcheck.`)
  }
  for (;;) {
    const pods = await podsOf(running, name)
    const states = pods.map(stateOf)
    if (states.length >= service.scale && states.every((state) => isMet(state, condition))) return
    const failed = states.find((state) => isHopeless(state, condition))
    const problem = pods.map(podProblem).find((text) => text !== undefined)
    if (failed || problem) {
      const why = problem ?? `it ended with exit code ${failed?.exitCode}${failed?.reason ? ` (${failed.reason})` : ''}`
      if (!isRequired) return around.note(`${by} goes on without ${name}: ${why}`)
      throw new WorkflowError(by ? `dependency failed to start: service ${name}: ${why}` : `service ${name}: ${why}`)
    }
    await around.pause(pollEvery)
  }
}

type State = ReturnType<typeof stateOf>

function isMet({ isStarted, isReady, exitCode }: State, condition: Condition): boolean {
  if (condition === 'service_started') return isStarted
  return condition === 'service_healthy' ? isReady : exitCode === 0
}

function isHopeless({ exitCode }: State, condition: Condition): boolean {
  if (exitCode === undefined || condition === 'service_started') return false
  return condition === 'service_healthy' || exitCode !== 0
}

async function removeOrphans(running: RunningStack): Promise<void> {
  const known = new Set(Object.keys(running.stack.services).map(cleanName))
  const orphans = (await podsOf(running)).filter(({ metadata }) => !known.has(metadata.labels?.[labelOf.service] ?? ''))
  await Promise.all(orphans.map((pod) => removePod(running, pod)))
}

/** Dependents first. Volumes stay. */
export async function stopStack(running: Pick<RunningStack, 'client' | 'namespace' | 'around' | 'stack'>): Promise<void> {
  const pods = await podsOf(running)
  const order = startOrder(running.stack.services).map(({ name }) => cleanName(name))
  const depth = new Map(order.map((name, index) => [name, index]))
  const levels = Map.groupBy(pods, ({ metadata }) => depth.get(metadata.labels?.[labelOf.service] ?? '') ?? order.length)
  for (const level of [...levels.keys()].sort((a, b) => b - a)) {
    await Promise.all((levels.get(level) ?? []).map((pod) => removePod(running, pod)))
  }
}

/** Resolves when its name is free. */
export async function removePod({ client, around }: Pick<RunningStack, 'client' | 'around'>, { metadata }: Pod): Promise<void> {
  const preconditions = { uid: metadata.uid }
  await client.delete(Pod, metadata, { preconditions }).catch(gone)
  for (;;) {
    const now = await client.get(Pod, metadata).catch(gone)
    if (!now || now.metadata.uid !== metadata.uid) return
    await around.pause(pollEvery)
  }
}

function gone(error: unknown): undefined {
  if (hasReason(error, 'NotFound') || hasReason(error, 'Conflict')) return undefined
  throw error
}

/** Everything of the stack, volumes too. Resolves when nothing is left. */
export async function cleanStack({
  client,
  namespace,
  around,
}: Pick<RunningStack, 'client' | 'namespace' | 'around'>): Promise<boolean> {
  const at = { name: namespace }
  const found = await client.get(Namespace, at).catch(gone)
  if (!found) return false
  if (found.metadata.labels?.[labelOf.kind] !== 'stack') {
    throw new WorkflowError(`The namespace ${namespace} was not made by nami: it stays as it is.`)
  }
  await client.delete(Namespace, at).catch(gone)
  while (await client.get(Namespace, at).catch(gone)) await around.pause(pollEvery)
  return true
}
