/** Rules for Nodes (upstream `ValidateNode`, `ValidateNodeUpdate`). */
import type { NodeParts } from '#api/core/v1/node.ts'
import type { Taint } from '#api/core/v1/taint.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import {
  isConfigMapKey,
  isDns1123Label,
  isDns1123Subdomain,
  isValidCidrForLegacyField,
  isValidLabelValue,
} from '#schema/formats.ts'
import { parseJson } from '#schema/json.ts'
import { validateLabelName } from '#schema/validate.ts'
import { among, formatted, positive, requiredAs } from './checks.ts'
import { validateFinalizers } from './metadata.ts'
import { resourceQuantityErrors } from './resources.ts'
import { taintEffects } from './scheduling.ts'

export function validateNode(node: NodeParts, at: Path): FieldError[] {
  const { metadata, spec, status } = node
  const meta = at.child('metadata')
  return [
    ...validateFinalizers(metadata, at),
    ...annotationErrors(metadata.annotations ?? {}, meta.child('annotations')),
    // Upstream looks for the taints below the metadata.
    ...validateTaints(spec.taints ?? [], meta.child('taints')),
    ...resourceErrors(node, at),
    ...positive(status.nodeInfo.swap?.capacity, meta.child('nodeSwapStatus', 'capacity')),
    ...featureErrors(status.declaredFeatures ?? [], at.child('status', 'declaredFeatures')),
    ...podCidrErrors(spec.podCIDRs ?? [], at.child('spec', 'podCIDRs')),
  ]
}

const taintsKey = 'scheduler.alpha.kubernetes.io/taints'
const avoidedKey = 'scheduler.alpha.kubernetes.io/preferAvoidPods'

interface Avoided {
  readonly preferAvoidPods?: readonly { readonly podSignature?: { readonly podController?: { readonly controller?: boolean } } }[]
}

/** Annotations that nobody reads any more and that must make sense all the same. */
function annotationErrors(annotations: Readonly<Record<string, string>>, at: Path): FieldError[] {
  const [taints, avoided] = [annotations[taintsKey], annotations[avoidedKey]]
  const errors: FieldError[] = []
  if (taints)
    errors.push(...parsed<Taint[] | null>(taints, (list) => validateTaints(list ?? [], at.child(taintsKey)), [at, taintsKey]))
  if (!avoided) return errors
  const read = (list: Avoided) =>
    (list.preferAvoidPods ?? []).flatMap(({ podSignature }, index) => {
      const here = at.child(avoidedKey).index(index).child('PodSignature')
      const controller = podSignature?.podController
      if (!controller) return [here.required()]
      const isController = controller.controller === true
      const message = 'must point to a controller'
      return isController ? [] : [here.child('PodController', 'Controller').invalid(controller.controller ?? false, message)]
    })
  return [...errors, ...parsed<Avoided>(avoided, read, [at.child('AvoidPods'), avoidedKey])]
}

function parsed<T>(text: string, read: (value: T) => FieldError[], [at, key]: readonly [Path, string]): FieldError[] {
  try {
    return read(parseJson(text).value as T)
  } catch (error) {
    return [at.invalid(key, (error as Error).message)]
  }
}

export function validateTaints(taints: readonly Taint[], at: Path): FieldError[] {
  const seen = new Set<string>()
  return taints.flatMap(({ key, value = '', effect, timeAdded }, index) => {
    const here = at.index(index)
    const messages = isValidLabelValue(value)
    const errors = [
      ...validateLabelName(key, here.child('key')),
      ...(messages.length > 0 ? [here.child('value').invalid(value, messages.join(';'))] : []),
      ...(effect ? among(effect, taintEffects, here.child('effect')) : [here.child('effect').required()]),
    ]
    const pair = `${effect}/${key}`
    if (seen.has(pair)) {
      const error = here.duplicate({ Key: key, Value: value, Effect: effect, TimeAdded: timeAdded ?? null })
      errors.push({ ...error, body: `${error.body}: taints must be unique by key and effect pair` })
    }
    seen.add(pair)
    return errors
  })
}

function resourceErrors({ status }: NodeParts, at: Path): FieldError[] {
  return (['capacity', 'allocatable'] as const).flatMap((list) =>
    Object.entries(status[list] ?? {}).flatMap(([name, value]) =>
      resourceQuantityErrors(name, value, at.child('status', list, name)),
    ),
  )
}

function featureErrors(features: readonly string[], at: Path): FieldError[] {
  const shape =
    "must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes"
  return features.flatMap((feature, index) => {
    const errors: FieldError[] = []
    const name = `invalid feature name ${JSON.stringify(feature)}`
    if (feature.length > 253) errors.push(at.index(index).invalid(feature, `${name}: must be no more than 253 characters`))
    else if (!/^[A-Z][a-zA-Z0-9]*(\/[a-zA-Z][a-zA-Z0-9]*)*$/.test(feature)) {
      errors.push(at.index(index).invalid(feature, `${name}: ${shape}`))
    }
    const next = features[index + 1]
    if (next === undefined) return errors
    if (next === feature) errors.push(at.index(index + 1).duplicate(next))
    else if (next < feature) errors.push(at.index(index + 1).invalid(next, 'list must be sorted alphabetically'))
    return errors
  })
}

function podCidrErrors(ranges: readonly string[], at: Path): FieldError[] {
  const errors = ranges.flatMap((range, index) =>
    formatted((value) => isValidCidrForLegacyField(value, true), range, at.index(index)),
  )
  const families = new Set(ranges.map((range) => range.includes(':')))
  if (ranges.length > 1 && (families.size < 2 || ranges.length > 2)) {
    errors.push(at.invalid(ranges, 'may specify no more than one CIDR for each IP family'))
  }
  const repeated = ranges.flatMap((range, index) => (ranges.indexOf(range) < index ? [at.index(index).duplicate(range)] : []))
  return [...errors, ...repeated]
}

/** The rules of an update, of spec and status alike. */
export function validateNodeUpdate(node: NodeParts, old: NodeParts, at: Path): FieldError[] {
  const { spec } = node
  const here = at.child('spec')
  const errors: FieldError[] = [...addressErrors(node, at)]
  const before = old.spec.podCIDRs ?? []
  const now = spec.podCIDRs ?? []
  const fixed = (field: string) => `node updates may not change ${field} except from "" to valid`
  if (before.length > 0) {
    const changes = before.length === now.length ? before.filter((range, index) => range !== now[index]).length : 1
    errors.push(...Array.from({ length: changes }, () => here.child('podCIDRs').forbidden(fixed('podCIDR'))))
  }
  if (old.spec.providerID && old.spec.providerID !== spec.providerID) {
    errors.push(here.child('providerID').forbidden(fixed('providerID')))
  }
  if (spec.configSource) errors.push(...configSourceErrors(spec.configSource, here.child('configSource')))
  if ((spec.externalID ?? '') !== (old.spec.externalID ?? '')) {
    errors.push(here.child('externalID').forbidden('may not be updated'))
  }
  return errors
}

export function validateNodeStatusUpdate(node: NodeParts, old: NodeParts, at: Path): FieldError[] {
  return [
    ...resourceErrors(node, at),
    ...featureErrors(node.status.declaredFeatures ?? [], at.child('status', 'declaredFeatures')),
    ...validateNodeUpdate(node, old, at),
    ...validateTaints(node.spec.taints ?? [], at.child('metadata', 'taints')),
  ]
}

function addressErrors({ status }: NodeParts, at: Path): FieldError[] {
  const seen = new Set<string>()
  return (status.addresses ?? []).flatMap(({ type, address }, index) => {
    const key = `${type}/${address}`
    if (seen.has(key)) return [at.child('status', 'addresses').index(index).duplicate({ Type: type, Address: address })]
    seen.add(key)
    return []
  })
}

type ConfigSource = NonNullable<NodeParts['spec']['configSource']>

/** Of a removed feature: only nodes that have it from before keep it. */
function configSourceErrors({ configMap }: ConfigSource, at: Path): FieldError[] {
  if (!configMap) return [at.invalid({ ConfigMap: null }, 'exactly one reference subfield must be non-nil')]
  const here = at.child('configMap')
  const { uid, resourceVersion, namespace, name, kubeletConfigKey } = configMap
  return [
    ...(uid ? [here.child('uid').forbidden('uid must not be set in spec')] : []),
    ...(resourceVersion ? [here.child('resourceVersion').forbidden('resourceVersion must not be set in spec')] : []),
    ...requiredAs(isDns1123Label, namespace, here.child('namespace')),
    ...requiredAs(isDns1123Subdomain, name, here.child('name')),
    ...requiredAs(isConfigMapKey, kubeletConfigKey, here.child('kubeletConfigKey')),
  ]
}
