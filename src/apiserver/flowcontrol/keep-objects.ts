/** Keeps the objects of priority and fairness as a server needs them, and tells flow schemas whether their level exists (upstream `flowcontrol/ensurer`). */
import { FlowSchema } from '#api/flowcontrol/v1/flow-schema.ts'
import { PriorityLevelConfiguration } from '#api/flowcontrol/v1/priority-level-configuration.ts'
import { type Client, edit } from '#client/client.ts'
import { type Clock, formatTime, type Timer } from '#lib/clock.ts'
import { applyDefaults } from '#schema/default.ts'
import { semanticEqual } from '#schema/equal.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import { hasReason } from '#schema/status-error.ts'
import type { Draft } from '#schema/words.ts'
import type { Lister } from '../admission/plugin.ts'
import { mandatoryLevels, mandatorySchemas, suggestedLevels, suggestedSchemas } from './bootstrap-objects.ts'

export interface KeeperOptions {
  /** As the API server itself. */
  readonly client: Client
  readonly lister: Lister
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly onError?: ((error: unknown, doing: string) => void) | undefined
}

const again = 60_000
/** So many changes are one. */
const soon = 50

/** Looks at once, every minute, and shortly after a change. */
export function keepFlowObjects(options: KeeperOptions): void {
  const { lister, clock, signal, onError } = options
  let timer: Timer | undefined
  let isBusy = false
  const work = async () => {
    if (signal.aborted || isBusy) return
    isBusy = true
    await reconcileFlowObjects(options).catch((error) => signal.aborted || onError?.(error, 'priority and fairness'))
    isBusy = false
    schedule(again)
  }
  const schedule = (delay: number) => {
    timer?.cancel()
    if (!signal.aborted) timer = clock.after(delay, () => void work())
  }
  const changed = () => !isBusy && schedule(soon)
  lister.onChange?.(FlowSchema, changed)
  lister.onChange?.(PriorityLevelConfiguration, changed)
  signal.addEventListener('abort', () => timer?.cancel(), { once: true })
  void work()
}

export async function reconcileFlowObjects({ client, lister, clock }: Omit<KeeperOptions, 'signal'>): Promise<void> {
  await ensure(client, { kind: PriorityLevelConfiguration, lister, mandatory: mandatoryLevels, suggested: suggestedLevels })
  await ensure(client, { kind: FlowSchema, lister, mandatory: mandatorySchemas, suggested: suggestedSchemas })
  const levels = new Set(lister.list(PriorityLevelConfiguration).map(({ metadata }) => metadata.name))
  for (const schema of lister.list(FlowSchema)) await tell(client, schema, { levels, now: clock.now() })
}

const autoupdate = 'apf.kubernetes.io/autoupdate-spec'

interface Wanted<T extends KubeObject> {
  readonly kind: Kind<string, T>
  readonly lister: Lister
  readonly mandatory: Readonly<Record<string, object>>
  readonly suggested: Readonly<Record<string, object>>
}

/** Mandatory objects are kept as they are; suggested ones until somebody says otherwise by the annotation. */
async function ensure<T extends KubeObject & { readonly spec: object }>(
  client: Client,
  { kind, lister, mandatory, suggested }: Wanted<T>,
): Promise<void> {
  for (const [name, spec] of [...Object.entries(mandatory), ...Object.entries(suggested)]) {
    const wanted = {
      apiVersion: kind.apiVersion,
      kind: kind.kind,
      metadata: { name, annotations: { [autoupdate]: 'true' } },
      spec,
    }
    const current = lister.get(kind, name)
    if (!current) await client.create(kind, wanted as unknown as Draft<T>).catch(unlessSomebodyDid)
    else await adjust(client, current, { kind, wanted, isMandatory: name in mandatory })
  }
  for (const { metadata } of lister.list(kind)) {
    const isOurs = metadata.name in mandatory || metadata.name in suggested
    if (!isOurs && metadata.annotations?.[autoupdate] === 'true') {
      await client.delete(kind, metadata, { preconditions: { uid: metadata.uid } }).catch(unlessSomebodyDid)
    }
  }
}

interface Adjustment<T extends KubeObject> {
  readonly kind: Kind<string, T>
  readonly wanted: { readonly metadata: object; readonly spec: object }
  readonly isMandatory: boolean
}

async function adjust<T extends KubeObject & { readonly spec: object }>(
  client: Client,
  current: T,
  { kind, wanted, isMandatory }: Adjustment<T>,
): Promise<void> {
  const given = current.metadata.annotations?.[autoupdate]
  // Who changed a suggested object before there was the annotation wanted it so: its generation tells.
  const isOurs = isMandatory || given === 'true' || (given === undefined && current.metadata.generation === 1)
  const full = structuredClone(wanted) as unknown as T
  applyDefaults(kind, full)
  // The shares of the exempt level are the administrator's.
  const isSame = semanticEqual(comparable(current), comparable(full))
  const flag = String(isOurs)
  if ((!isOurs || isSame) && given === flag) return
  const changed = edit(current) as T & { spec: object }
  changed.metadata.annotations = { ...current.metadata.annotations, [autoupdate]: flag }
  if (isOurs && !isSame) changed.spec = full.spec
  await client.update(kind, changed as unknown as Draft<T>).catch(unlessSomebodyDid)
}

function comparable({ metadata, spec }: { metadata: { name: string }; spec: object }): object {
  return metadata.name === 'exempt' && 'exempt' in spec ? { ...spec, exempt: undefined } : spec
}

function unlessSomebodyDid(error: unknown): void {
  if (!hasReason(error, 'AlreadyExists') && !hasReason(error, 'Conflict') && !hasReason(error, 'NotFound')) throw error
}

/** The condition `Dangling`. */
async function tell(
  client: Client,
  { metadata, spec, status }: FlowSchema,
  { levels, now }: { levels: ReadonlySet<string>; now: number },
): Promise<void> {
  const { name: level } = spec.priorityLevelConfiguration
  const isThere = levels.has(level)
  const reference = `This FlowSchema references the PriorityLevelConfiguration object named ${JSON.stringify(level)}`
  const wanted = {
    type: 'Dangling',
    status: isThere ? 'False' : 'True',
    reason: isThere ? 'Found' : 'NotFound',
    message: `${reference} ${isThere ? 'and it exists' : 'but there is no such object'}`,
  }
  const known = status?.conditions?.find(({ type }) => type === 'Dangling')
  if (known?.status === wanted.status && known.reason === wanted.reason && known.message === wanted.message) return
  const body = {
    apiVersion: FlowSchema.apiVersion,
    kind: FlowSchema.kind,
    metadata: { name: metadata.name },
    status: { conditions: [{ ...wanted, lastTransitionTime: formatTime(now) }] },
  }
  const fieldManager = 'api-priority-and-fairness-config-consumer-v1'
  const options = { subresource: 'status', fieldManager }
  await client.patch(FlowSchema, metadata, { type: 'apply', force: true, body }, options).catch(unlessSomebodyDid)
}
