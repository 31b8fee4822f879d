/** `scale`: the number of replicas of whatever has one, as an `autoscaling/v1` Scale. */
import { Scale } from '#api/autoscaling/v1/scale.ts'
import { copyJson } from '#schema/copy.ts'
import type { Kind, KubeObject, ScalePaths } from '#schema/kind.ts'
import type { ManagedFieldsEntry } from '#schema/object-meta.ts'
import { labelSelectorText } from '#schema/selector.ts'
import { invalid } from '#schema/status-error.ts'
import { validateObject } from '#schema/validate.ts'
import type { Request, Response } from '../../request.ts'
import { admitMutating, admitValidating } from '../admit.ts'
import { trackWrite } from '../field-managers.ts'
import { getEntry } from '../get.ts'
import { writeOptions } from '../options.ts'
import { patchedBy } from '../patch.ts'
import { readObject } from '../read-object.ts'
import type { Registry } from '../registry.ts'
import { valueAt } from '../same-json.ts'
import { checkAddress } from '../update.ts'
import { type WriteContext, writeContext } from '../write-context.ts'
import { writeLoop } from '../write-loop.ts'
import { entriesAfterScale, entriesOfScale } from './scale-managers.ts'

export async function getScale(registry: Registry, request: Request, kind: Kind): Promise<Response> {
  const { name, namespace } = request.info
  const { object } = await getEntry(registry, kind, { name, namespace })
  return { type: 'object', status: 200, object: scaleOf(kind, object) }
}

export async function updateScale(registry: Registry, request: Request, kind: Kind): Promise<Response> {
  const options = writeOptions(request.query, 'UpdateOptions')
  const sent = (await readObject(request, Scale, { kinds: registry.kinds, options })) as Scale
  const context = writeContext(registry, request, { kind, options })
  checkAddress(context, sent)
  return writeScale(context, (live) => {
    const scale = structuredClone(sent)
    trackWrite({ ...context, kind: Scale }, scale, live)
    return scale
  })
}

export async function patchScale(registry: Registry, request: Request, kind: Kind): Promise<Response> {
  const { context, next } = await patchedBy(registry, request, Scale)
  return writeScale({ ...context, kind }, (live) => next(live))
}

/** A Scale with a resource version or UID changes only that very state. */
async function writeScale(context: WriteContext, wanted: (live: Scale) => Scale): Promise<Response> {
  const { kind, registry } = context
  const paths = kind.def.scale as ScalePaths
  const next = async (current: KubeObject) => {
    const live = scaleOf(kind, current)
    const owners = entriesOfScale(registry.kinds, kind, current)
    if (owners) live.metadata.managedFields = owners
    const scale = wanted(live)
    await admit(context, scale, scaleOf(kind, current))
    const errors = validateObject(Scale, { ...scale, metadata: { ...scale.metadata, name: context.name } })
    if (errors.length > 0) throw invalid(Scale, context.name, errors)
    const object = copyJson(current) as KubeObject
    setManagers(object, entriesAfterScale(registry.kinds, kind, { object: current, scale }))
    setAt(object, paths.specReplicas, scale.spec?.replicas ?? 0)
    if (scale.metadata.uid) object.metadata.uid = scale.metadata.uid
    if (scale.metadata.resourceVersion) object.metadata.resourceVersion = scale.metadata.resourceVersion
    else delete (object.metadata as { resourceVersion?: string }).resourceVersion
    return object
  }
  const { object } = await writeLoop({ context, part: 'main', next, admits: false })
  return { type: 'object', status: 200, object: scaleOf(kind, object) }
}

function setManagers({ metadata }: KubeObject, entries: ManagedFieldsEntry[] | undefined): void {
  if (entries) metadata.managedFields = entries
  else delete metadata.managedFields
}

/** Admission sees the Scale, not what is scaled. */
async function admit(context: WriteContext, object: Scale, old: Scale): Promise<void> {
  await admitMutating(context, { operation: 'UPDATE', object, old })
  await admitValidating(context, { operation: 'UPDATE', object, old })
}

export function scaleOf(kind: Kind, object: KubeObject): Scale {
  const { specReplicas, statusReplicas, selector } = kind.def.scale as ScalePaths
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata
  const replicas = Number(valueAt(object, specReplicas) ?? 0)
  const text = selectorText(valueAt(object, selector))
  return {
    kind: Scale.kind,
    apiVersion: Scale.apiVersion,
    metadata: { name, ...(namespace && { namespace }), uid, resourceVersion, creationTimestamp },
    spec: { ...(replicas && { replicas }) },
    status: { replicas: Number(valueAt(object, statusReplicas) ?? 0), ...(text && { selector: text }) },
  } as Scale
}

/** A LabelSelector, a plain map of labels, or text as custom resources have it. */
function selectorText(selector: unknown): string {
  if (typeof selector === 'string') return selector
  if (typeof selector !== 'object' || selector === null) return ''
  const whole = 'matchLabels' in selector || 'matchExpressions' in selector || Object.keys(selector).length === 0
  return labelSelectorText(whole ? selector : { matchLabels: selector as Record<string, string> })
}

function setAt(object: any, path: string, value: unknown): void {
  const parts = path.split('.')
  const last = parts.pop() as string
  let holder = object
  for (const part of parts) holder = holder[part] ??= {}
  holder[last] = value
}
