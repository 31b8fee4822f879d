/** The default profile: which plugins run, in which order, and how much their scores weigh. Order and weights stand only here. */
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import type { Plugin } from './framework/plugin.ts'
import { type BalancedAllocationArgs, balancedAllocation } from './plugins/balanced-allocation.ts'
import { defaultBinder } from './plugins/default-binder.ts'
import { type DefaultPreemptionArgs, defaultPreemption } from './plugins/default-preemption.ts'
import { type DynamicResourcesArgs, dynamicResources } from './plugins/dynamic-resources.ts'
import { imageLocality } from './plugins/image-locality.ts'
import { type InterPodAffinityArgs, interPodAffinity } from './plugins/inter-pod-affinity.ts'
import { type NodeAffinityArgs, nodeAffinity } from './plugins/node-affinity.ts'
import { nodeDeclaredFeatures } from './plugins/node-declared-features.ts'
import { nodeName } from './plugins/node-name.ts'
import { nodePorts } from './plugins/node-ports.ts'
import { type NodeResourcesFitArgs, nodeResourcesFit } from './plugins/node-resources-fit.ts'
import { nodeUnschedulable } from './plugins/node-unschedulable.ts'
import { nodeVolumeLimits } from './plugins/node-volume-limits.ts'
import { podTopologySpread } from './plugins/pod-topology-spread.ts'
import { prioritySort } from './plugins/priority-sort.ts'
import { schedulingGates } from './plugins/scheduling-gates.ts'
import { taintToleration } from './plugins/taint-toleration.ts'
import type { SpreadArgs } from './plugins/topology-constraints.ts'
import { type VolumeBindingArgs, volumeBinding } from './plugins/volume-binding.ts'
import { volumeRestrictions } from './plugins/volume-restrictions.ts'
import { volumeZone } from './plugins/volume-zone.ts'

export interface Weighted {
  readonly plugin: Plugin
  /** 0: does not score. */
  readonly weight: number
}

/** What pods with one `spec.schedulerName` are scheduled by. */
export interface Profile {
  readonly name: string
  readonly plugins: readonly Weighted[]
  /** Share of the nodes that are enough; 0 or absent adapts to the size of the cluster. */
  readonly percentageOfNodesToScore?: number | undefined
}

/** Arguments by the plugin's name. */
export interface PluginArgs {
  readonly DefaultPreemption?: DefaultPreemptionArgs
  readonly DynamicResources?: DynamicResourcesArgs
  readonly InterPodAffinity?: InterPodAffinityArgs
  readonly NodeAffinity?: NodeAffinityArgs
  readonly NodeResourcesBalancedAllocation?: BalancedAllocationArgs
  readonly NodeResourcesFit?: NodeResourcesFitArgs
  readonly PodTopologySpread?: SpreadArgs
  readonly VolumeBinding?: VolumeBindingArgs
}

export interface ProfileOptions {
  readonly args?: PluginArgs
  readonly random?: Random
  /** For what takes too long; without one nothing does. */
  readonly clock?: Clock | undefined
}

/** In order; `weight` is that of the default profile. */
export const plugins: readonly { readonly weight: number; make(options: ProfileOptions): Plugin }[] = [
  { weight: 0, make: () => schedulingGates },
  { weight: 0, make: () => prioritySort },
  { weight: 0, make: () => nodeUnschedulable },
  { weight: 0, make: () => nodeName },
  { weight: 3, make: () => taintToleration },
  { weight: 2, make: ({ args }) => nodeAffinity(args?.NodeAffinity) },
  { weight: 0, make: () => nodePorts },
  { weight: 1, make: ({ args }) => nodeResourcesFit(args?.NodeResourcesFit) },
  { weight: 0, make: () => volumeRestrictions },
  { weight: 0, make: () => nodeVolumeLimits },
  { weight: 0, make: ({ args }) => volumeBinding(args?.VolumeBinding) },
  { weight: 0, make: () => volumeZone },
  { weight: 2, make: ({ args }) => podTopologySpread(args?.PodTopologySpread) },
  { weight: 2, make: ({ args }) => interPodAffinity(args?.InterPodAffinity) },
  { weight: 2, make: ({ args, random, clock }) => dynamicResources(args?.DynamicResources, { random, clock }) },
  { weight: 0, make: ({ args, random }) => defaultPreemption(args?.DefaultPreemption, random) },
  { weight: 1, make: ({ args }) => balancedAllocation(args?.NodeResourcesBalancedAllocation) },
  { weight: 1, make: () => imageLocality },
  { weight: 0, make: () => defaultBinder },
  { weight: 0, make: () => nodeDeclaredFeatures },
]

export function makeDefaultProfile(options: ProfileOptions = {}): readonly Weighted[] {
  return plugins.map(({ weight, make }) => ({ weight, plugin: make(options) }))
}

export const defaultProfile: readonly Weighted[] = makeDefaultProfile()

export const defaultSchedulerName = 'default-scheduler'
