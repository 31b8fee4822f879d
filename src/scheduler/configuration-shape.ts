/**
 * Which field stands where in a KubeSchedulerConfiguration (upstream `kube-scheduler/config/v1`), and what a strict decoder of Go's says of fields that
 * stand nowhere, or hold something of another type.
 */
import { extensionPoints } from './profile-plugins.ts'

/** Undefined: anything, which is looked at elsewhere or not at all. */
type Shape = 'string' | 'bool' | 'int32' | 'int64' | 'duration' | Struct | readonly [Shape] | undefined

interface Struct {
  readonly type: string
  readonly fields: Readonly<Record<string, Shape>>
}

/** Names of fields that are not known, as paths. Throws where something cannot be decoded at all. */
export function unknownFields(value: unknown, shape: Struct): readonly string[] {
  const unknown: string[] = []
  decode(value, shape, { at: '', struct: '', fields: [], unknown })
  return unknown
}

interface Place {
  /** With indices: `profiles[0].plugins`. */
  readonly at: string
  /** The innermost struct, and the names of fields that lead there. */
  readonly struct: string
  readonly fields: readonly string[]
  readonly unknown: string[]
}

function decode(value: unknown, shape: Shape, place: Place): void {
  if (value === null || value === undefined || shape === undefined) return
  if (isList(shape)) {
    if (!Array.isArray(value)) throw mismatch(value, shape, place)
    for (const [i, one] of value.entries()) decode(one, shape[0], { ...place, at: `${place.at}[${i}]` })
    return
  }
  if (typeof shape === 'string') {
    if (!isOf(value, shape)) throw mismatch(value, shape, place)
    return
  }
  if (kindOf(value) !== 'object') throw mismatch(value, shape, place)
  for (const [name, one] of Object.entries(value)) {
    const at = place.at ? `${place.at}.${name}` : name
    if (!Object.hasOwn(shape.fields, name)) place.unknown.push(at)
    else decode(one, shape.fields[name], { ...place, at, struct: nameOf(shape), fields: [...place.fields, name] })
  }
}

function isList(shape: Shape): shape is readonly [Shape] {
  return Array.isArray(shape)
}

function isOf(value: unknown, shape: Shape & string): boolean {
  if (shape === 'string' || shape === 'duration') return typeof value === 'string'
  if (shape === 'bool') return typeof value === 'boolean'
  const most = shape === 'int32' ? 2 ** 31 : 2 ** 63
  if (typeof value === 'bigint') return value >= -most && value < most
  return typeof value === 'number' && Number.isInteger(value) && value >= -most && value < most
}

/** In the words of Go's `encoding/json`. */
function mismatch(value: unknown, shape: Shape, { struct, fields }: Place): Error {
  const isWrongNumber = kindOf(value) === 'number' && (shape === 'int32' || shape === 'int64')
  const what = isWrongNumber ? `number ${value}` : kindOf(value)
  // Durations decode themselves, from a string.
  if (shape === 'duration') return new Error(`json: cannot unmarshal ${kindOf(value)} into Go value of type string`)
  const where = struct ? `struct field ${struct}.${fields.join('.')}` : 'value'
  return new Error(`json: cannot unmarshal ${what} into Go ${where} of type ${typeOf(shape)}`)
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'boolean') return 'bool'
  return typeof value === 'bigint' ? 'number' : typeof value
}

function typeOf(shape: Shape): string {
  if (shape === undefined || typeof shape === 'string') return shape ?? ''
  if (isList(shape)) return `[]${typeOf(shape[0])}`
  return shape.type.includes('.') ? shape.type : `v1.${shape.type}`
}

function nameOf({ type }: Struct): string {
  return type.slice(type.indexOf('.') + 1)
}

const struct = (type: string, fields: Struct['fields']): Struct => ({ type, fields })

const resources = [struct('ResourceSpec', { name: 'string', weight: 'int64' })] as const
const shapePoints = [struct('UtilizationShapePoint', { utilization: 'int32', score: 'int32' })] as const
const requirement = struct('NodeSelectorRequirement', { key: 'string', operator: 'string', values: ['string'] })
const term = struct('NodeSelectorTerm', { matchExpressions: [requirement], matchFields: [requirement] })

/** Arguments by the plugin's name; those of other plugins are their own affair. */
export const argumentShapes: Readonly<Record<string, Struct>> = {
  DefaultPreemption: struct('DefaultPreemptionArgs', {
    minCandidateNodesPercentage: 'int32',
    minCandidateNodesAbsolute: 'int32',
  }),
  DynamicResources: struct('DynamicResourcesArgs', { filterTimeout: 'duration', bindingTimeout: 'duration' }),
  InterPodAffinity: struct('InterPodAffinityArgs', {
    hardPodAffinityWeight: 'int32',
    ignorePreferredTermsOfExistingPods: 'bool',
  }),
  NodeAffinity: struct('NodeAffinityArgs', {
    addedAffinity: struct('NodeAffinity', {
      requiredDuringSchedulingIgnoredDuringExecution: struct('NodeSelector', { nodeSelectorTerms: [term] }),
      preferredDuringSchedulingIgnoredDuringExecution: [struct('PreferredSchedulingTerm', { weight: 'int32', preference: term })],
    }),
  }),
  NodeResourcesBalancedAllocation: struct('NodeResourcesBalancedAllocationArgs', { resources }),
  NodeResourcesFit: struct('NodeResourcesFitArgs', {
    ignoredResources: ['string'],
    ignoredResourceGroups: ['string'],
    scoringStrategy: struct('ScoringStrategy', {
      ...{ type: 'string', resources },
      requestedToCapacityRatio: struct('RequestedToCapacityRatioParam', { shape: shapePoints }),
    }),
  }),
  PodTopologySpread: struct('PodTopologySpreadArgs', {
    defaultConstraints: [
      struct('TopologySpreadConstraint', {
        ...{ maxSkew: 'int32', topologyKey: 'string', whenUnsatisfiable: 'string', labelSelector: undefined },
        ...{ minDomains: 'int32', nodeAffinityPolicy: 'string', nodeTaintsPolicy: 'string', matchLabelKeys: ['string'] },
      }),
    ],
    defaultingType: 'string',
  }),
  VolumeBinding: struct('VolumeBindingArgs', { bindTimeoutSeconds: 'int64', shape: shapePoints }),
}

const plugin = struct('Plugin', { name: 'string', weight: 'int32' })
const pluginSet = struct('PluginSet', { enabled: [plugin], disabled: [plugin] })

export const configurationShape: Struct = struct('KubeSchedulerConfiguration', {
  ...{ apiVersion: 'string', kind: 'string', parallelism: 'int32', percentageOfNodesToScore: 'int32' },
  leaderElection: struct('v1alpha1.LeaderElectionConfiguration', {
    ...{ leaderElect: 'bool', leaseDuration: 'duration', renewDeadline: 'duration', retryPeriod: 'duration' },
    ...{ resourceLock: 'string', resourceName: 'string', resourceNamespace: 'string' },
  }),
  clientConnection: struct('v1alpha1.ClientConnectionConfiguration', {
    ...{ kubeconfig: 'string', acceptContentTypes: 'string', contentType: 'string', qps: undefined, burst: 'int32' },
  }),
  ...{ enableProfiling: 'bool', enableContentionProfiling: 'bool', delayCacheUntilActive: 'bool' },
  ...{ podInitialBackoffSeconds: 'int64', podMaxBackoffSeconds: 'int64' },
  profiles: [
    struct('KubeSchedulerProfile', {
      ...{ schedulerName: 'string', percentageOfNodesToScore: 'int32' },
      plugins: struct('Plugins', Object.fromEntries([...extensionPoints, 'multiPoint'].map((name) => [name, pluginSet]))),
      pluginConfig: [struct('PluginConfig', { name: 'string', args: undefined })],
    }),
  ],
  extenders: [
    struct('Extender', {
      ...{ urlPrefix: 'string', filterVerb: 'string', preemptVerb: 'string', prioritizeVerb: 'string', bindVerb: 'string' },
      ...{ weight: 'int64', enableHTTPS: 'bool', nodeCacheCapable: 'bool', ignorable: 'bool', httpTimeout: 'duration' },
      tlsConfig: struct('ExtenderTLSConfig', {
        ...{ insecure: 'bool', serverName: 'string', certFile: 'string', keyFile: 'string', caFile: 'string' },
        ...{ certData: 'string', keyData: 'string', caData: 'string' },
      }),
      managedResources: [struct('ExtenderManagedResource', { name: 'string', ignoredByScheduler: 'bool' })],
    }),
  ],
})
