/**
 * VolumeBinding finds volumes for the claims of a pod: bound ones must be reachable from the node, others are bound or provisioned once
 * the node is chosen (KEP-490), where there is room (KEP-1472).
 */
import type { NodeSelector } from '#api/core/v1/affinity.ts'
import { Node } from '#api/core/v1/node.ts'
import { matchesSelector } from '#api/core/v1/node-selector.ts'
import { PersistentVolume } from '#api/core/v1/persistent-volume.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { CSIDriver } from '#api/storage/v1/csi-driver.ts'
import { CSINode } from '#api/storage/v1/csi-node.ts'
import { CSIStorageCapacity } from '#api/storage/v1/csi-storage-capacity.ts'
import { StorageClass } from '#api/storage/v1/storage-class.ts'
import { type Cure, definePlugin, type Plugin, type Rejection, unresolvable } from '../framework/plugin.ts'
import type { NodeInfo, Snapshot } from '../framework/snapshot.ts'
import { bindVolumes, type VolumeChoice } from './volume-bind.ts'
import { claimsOf, isFullyBound, usesClaims, volumeOf, waitsForConsumer } from './volume-claims.ts'
import { canProvision, matchVolumes } from './volume-match.ts'

export interface VolumeBindingArgs {
  /** How long a pod waits for its volumes before it is scheduled anew. */
  readonly bindTimeoutSeconds?: number
}

interface State {
  /** Of the claims that have volumes already. */
  readonly places: readonly Place[]
  readonly delayed: readonly PersistentVolumeClaim[]
  readonly choices: Map<string, VolumeChoice>
  chosen?: VolumeChoice
}

const cures: readonly Cure[] = [
  { kind: StorageClass, when: ['added', 'updated'] },
  {
    kind: PersistentVolumeClaim,
    when: ['added', 'updated'],
    helps: (pod, _before, after: PersistentVolumeClaim) => after.metadata.namespace === pod.metadata.namespace,
  },
  { kind: PersistentVolume, when: ['added', 'updated'] },
  { kind: Node, when: ['added', 'labelsChanged'] },
  { kind: CSINode, when: ['added', 'updated'] },
  { kind: CSIDriver, when: ['updated'] },
  { kind: CSIStorageCapacity, when: ['added', 'updated'] },
]

export function volumeBinding({ bindTimeoutSeconds = 600 }: VolumeBindingArgs = {}): Plugin<State> {
  return definePlugin<State>({
    name: 'VolumeBinding',
    requeueOn: cures,

    prepare(pod, snapshot) {
      if (!usesClaims(pod)) return { skip: true }
      const found = claimsOf(pod, snapshot)
      if ('reject' in found) return { reject: found.reject }
      const bound = found.claims.filter(isFullyBound)
      const open = found.claims.filter((claim) => !isFullyBound(claim))
      const delayed = open.filter((claim) => !claim.spec.volumeName && waitsForConsumer(claim, snapshot))
      if (delayed.length < open.length) return { reject: unresolvable('pod has unbound immediate PersistentVolumeClaims') }
      return { state: { places: placesOf(bound, snapshot), delayed, choices: new Map() } }
    },

    filter({ state, snapshot }, node) {
      const reasons = [...boundReasons(state.places, node)]
      if (state.delayed.length === 0) return reasons.length === 0 ? undefined : rejectionOf(reasons)
      const { matches, unmatched, message } = matchVolumes(state.delayed, node, snapshot)
      const provisioned = unmatched.filter((claim) => !isPromisedElsewhere(claim, node))
      if (message || provisioned.length < unmatched.length) reasons.push(message ?? bindConflict)
      for (const claim of provisioned) {
        const reason = canProvision(claim, node, snapshot)
        if (reason && !reasons.includes(reason)) reasons.push(reason)
      }
      if (reasons.length > 0) return rejectionOf(reasons)
      state.choices.set(node.name, { matches, provisioned })
      return undefined
    },

    reserve({ state, snapshot }, node) {
      const choice = state.choices.get(node.name)
      if (!choice) return undefined
      state.chosen = choice
      for (const { claim, volume } of choice.matches) snapshot.objects.assume(PersistentVolume, promised(volume, claim))
      for (const claim of choice.provisioned) snapshot.objects.assume(PersistentVolumeClaim, selected(claim, node.name))
      return undefined
    },

    unreserve({ state, snapshot }) {
      const choice = state.chosen
      if (!choice) return
      delete state.chosen
      for (const { volume } of choice.matches) snapshot.objects.forget(PersistentVolume, volume.metadata)
      for (const claim of choice.provisioned) snapshot.objects.forget(PersistentVolumeClaim, claim.metadata)
    },

    willPreBind: ({ state }) => state?.chosen !== undefined,

    async preBind({ state, snapshot, pod }, node, actor) {
      if (!state.chosen) return undefined
      const work = { ...writesFor(state.chosen, node), timeout: bindTimeoutSeconds * 1000 }
      return bindVolumes(work, { pod, snapshot, node }, actor)
    },
  })
}

function writesFor({ matches, provisioned }: VolumeChoice, node: string) {
  return {
    volumes: matches.map(({ claim, volume }) => promised(volume, claim)),
    claims: provisioned.map((claim) => selected(claim, node)),
    waitFor: [...matches.map(({ claim }) => claim), ...provisioned],
  }
}

const bindConflict = "node(s) didn't find available persistent volumes to bind"

function rejectionOf(reasons: readonly string[]): Rejection {
  return { message: reasons.join(', '), reasons, unresolvable: true }
}

/** Of the claims' volumes: where they can be used, unless that is everywhere; `gone` for one that does not exist. */
type Place = NodeSelector | 'gone'

function placesOf(claims: readonly PersistentVolumeClaim[], snapshot: Snapshot): readonly Place[] {
  return claims.flatMap((claim): Place[] => {
    const volume = volumeOf(claim, snapshot)
    const required = volume?.spec.nodeAffinity?.required
    return volume ? (required ? [required] : []) : ['gone']
  })
}

const nothing: ReadonlySet<string> = new Set()

function boundReasons(places: readonly Place[], { node }: NodeInfo): ReadonlySet<string> {
  if (places.length === 0) return nothing
  const reasons = new Set<string>()
  for (const place of places) {
    if (place === 'gone') reasons.add('node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)')
    else if (!matchesSelector(place, node)) reasons.add("node(s) didn't match PersistentVolume's node affinity")
  }
  return reasons
}

const selectedNode = 'volume.kubernetes.io/selected-node'

/** Provisioning for another node is under way. */
function isPromisedElsewhere({ metadata }: PersistentVolumeClaim, { name }: NodeInfo): boolean {
  const node = metadata.annotations?.[selectedNode]
  return node !== undefined && node !== '' && node !== name
}

function promised(volume: PersistentVolume, claim: PersistentVolumeClaim): PersistentVolume {
  const { name, namespace, uid, resourceVersion } = claim.metadata
  const claimRef = { kind: 'PersistentVolumeClaim', apiVersion: 'v1', name, namespace, uid, resourceVersion }
  const annotations = { ...volume.metadata.annotations, 'pv.kubernetes.io/bound-by-controller': 'yes' }
  return {
    ...volume,
    metadata: { ...volume.metadata, annotations },
    spec: { ...volume.spec, claimRef },
  } as PersistentVolume
}

function selected(claim: PersistentVolumeClaim, node: string): PersistentVolumeClaim {
  const annotations = { ...claim.metadata.annotations, [selectedNode]: node }
  return { ...claim, metadata: { ...claim.metadata, annotations } }
}
