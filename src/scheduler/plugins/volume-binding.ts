/**
 * VolumeBinding finds volumes for the claims of a pod: bound ones must be reachable from the node, others are bound or provisioned once
 * the node is chosen (KEP-490), where there is room (KEP-1472).
 */
import type { NodeSelector } from '#api/core/v1/affinity.ts'
import { matchesSelector } from '#api/core/v1/node-selector.ts'
import { PersistentVolume } from '#api/core/v1/persistent-volume.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { definePlugin, type Plugin, type Rejection, unresolvable } from '../framework/plugin.ts'
import type { NodeInfo, Snapshot } from '../framework/snapshot.ts'
import { bindVolumes, type VolumeChoice } from './volume-bind.ts'
import { claimsOf, isFullyBound, selectedNode, usesClaims, volumeOf, waitsForConsumer } from './volume-claims.ts'
import { volumeBindingCures } from './volume-cures.ts'
import { canProvision, isFor, matchVolumes } from './volume-match.ts'

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

export function volumeBinding({ bindTimeoutSeconds = 600 }: VolumeBindingArgs = {}): Plugin<State> {
  return definePlugin<State>({
    name: 'VolumeBinding',
    requeueOn: volumeBindingCures,

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
      const choice = choiceFor(state.delayed, node, snapshot)
      if (!choice) return rejectionOf([...reasons, bindConflict])
      for (const claim of choice.provisioned) {
        const reason = canProvision(claim, node, snapshot)
        if (reason && !reasons.includes(reason)) reasons.push(reason)
      }
      if (reasons.length > 0) return rejectionOf(reasons)
      state.choices.set(node.name, choice)
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

    async preBind({ state, snapshot }, node, actor) {
      if (!state.chosen) return undefined
      const where = { snapshot, node, timeout: bindTimeoutSeconds * 1000 }
      return bindVolumes(writesFor(state.chosen, node), where, actor)
    },
  })
}

/** Undefined where a volume is being made for a claim, and for another node. */
function choiceFor(claims: readonly PersistentVolumeClaim[], node: NodeInfo, snapshot: Snapshot): VolumeChoice | undefined {
  const underWay = claims.filter(isUnderWay)
  if (underWay.some(({ metadata }) => metadata.annotations?.[selectedNode] !== node.name)) return undefined
  const open = underWay.length === 0 ? claims : claims.filter((claim) => !isUnderWay(claim))
  const { matches, unmatched } = matchVolumes(open, node, snapshot)
  return { matches, provisioned: [...underWay, ...unmatched] }
}

function writesFor({ matches, provisioned }: VolumeChoice, node: string): VolumeChoice {
  return {
    matches: matches.map(({ claim, volume }) => ({ claim, volume: promised(volume, claim) })),
    provisioned: provisioned.map((claim) => selected(claim, node)),
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

/** A volume is being made for it, for the node that its annotation names: any other volume would leave that one behind. */
function isUnderWay({ metadata }: PersistentVolumeClaim): boolean {
  return metadata.annotations?.[selectedNode] !== undefined
}

/** Only what is bound here is said to be bound here: who keeps a volume for a claim keeps it when the claim is gone. */
function promised(volume: PersistentVolume, claim: PersistentVolumeClaim): PersistentVolume {
  const { name, namespace, uid, resourceVersion } = claim.metadata
  const { claimRef: before } = volume.spec
  const isKept = before !== undefined && isFor(before, claim)
  const annotations = { ...volume.metadata.annotations, ...(!isKept && { 'pv.kubernetes.io/bound-by-controller': 'yes' }) }
  const claimRef = { kind: 'PersistentVolumeClaim', apiVersion: 'v1', name, namespace, uid, resourceVersion }
  return {
    ...volume,
    metadata: { ...volume.metadata, annotations },
    spec: { ...volume.spec, claimRef: isKept && before.uid === uid ? before : claimRef },
  } as PersistentVolume
}

function selected(claim: PersistentVolumeClaim, node: string): PersistentVolumeClaim {
  const annotations = { ...claim.metadata.annotations, [selectedNode]: node }
  return { ...claim, metadata: { ...claim.metadata, annotations } }
}
