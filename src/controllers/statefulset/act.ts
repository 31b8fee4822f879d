/** Carries out the steps of a StatefulSet's plan, with upstream's events (`stateful_pod_control.go`). */
import type { StatefulSet } from '#api/apps/v1/stateful-set.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { Pod } from '#api/core/v1/pod.ts'
import type { PodTemplateSpec } from '#api/core/v1/pod-spec.ts'
import { edit } from '#client/client.ts'
import { hasReason } from '#schema/status-error.ts'
import { messageOf } from '../pod-control.ts'
import type { Cluster } from '../runtime/controller.ts'
import { identityOf, type PodIdentity, planOwners } from './claim-owners.ts'
import { claimsOf, hasIdentity, hasStorage, identityLabels, ordinalOf, podName, podOf, volumesOf } from './identity.ts'
import type { Step } from './plan.ts'

type PodsAndClaims = typeof Pod | typeof PersistentVolumeClaim
type ActCluster = Cluster<PodsAndClaims, PodsAndClaims>

export interface Revision {
  readonly name: string
  readonly template: PodTemplateSpec
}

export interface Hand {
  readonly cluster: ActCluster
  readonly set: StatefulSet
  readonly revisions: { readonly current: Revision; readonly update: Revision }
}

export async function take(step: Step, hand: Hand): Promise<void> {
  switch (step.type) {
    case 'create':
      return create(hand, step.ordinal, hand.revisions[step.revision])
    case 'delete':
      return told(hand, { verb: 'delete', name: step.pod.metadata.name }, () => hand.cluster.delete(Pod, step.pod))
    case 'claims':
      return makeClaims(hand, ordinalOf(step.pod))
    case 'mend':
      return told(hand, { verb: 'update', name: step.pod.metadata.name }, () => mend(hand, step.pod))
    case 'own':
      return own(hand, identityOf(step.pod))
  }
}

/** Claims first, so that the pod never waits for one that nobody has made. */
async function create(hand: Hand, ordinal: number, revision: Revision): Promise<void> {
  const { cluster, set } = hand
  const name = podName(set, ordinal)
  try {
    await makeClaims(hand, ordinal)
  } catch (error) {
    tell(hand, { verb: 'create', name }, error)
    throw error
  }
  let uid = ''
  const made = async () => {
    uid = (await cluster.create(Pod, podOf(set, ordinal, revision), set)).metadata.uid
  }
  try {
    await made()
  } catch (error) {
    // Somebody's pod of that name is seen at the next visit; that is no failure to tell of.
    if (!hasReason(error, 'AlreadyExists')) tell(hand, { verb: 'create', name }, error)
    throw error
  }
  await own(hand, { name, uid })
  tell(hand, { verb: 'create', name })
}

async function makeClaims({ cluster, set }: Hand, ordinal: number): Promise<void> {
  const pod = podName(set, ordinal)
  for (const draft of claimsOf(set, ordinal)) {
    const name = draft.metadata?.name ?? ''
    const known = cluster.get(PersistentVolumeClaim, { name, namespace: set.metadata.namespace })
    if (known?.metadata.deletionTimestamp) throw new Error(`pvc ${name} is being deleted`)
    if (known) continue
    try {
      await cluster.create(PersistentVolumeClaim, draft)
    } catch (error) {
      if (hasReason(error, 'AlreadyExists')) continue
      const message = `create Claim ${name} for Pod ${pod} in StatefulSet ${set.metadata.name} failed error: ${messageOf(error)}`
      cluster.event(set, { type: 'Warning', reason: 'FailedCreate', message })
      throw new Error(`failed to create PVC ${name}: ${messageOf(error)}`, { cause: error })
    }
    const message = `create Claim ${name} Pod ${pod} in StatefulSet ${set.metadata.name} success`
    cluster.event(set, { type: 'Normal', reason: 'SuccessfulCreate', message })
  }
}

async function mend(hand: Hand, pod: Pod): Promise<void> {
  const { cluster, set } = hand
  const ordinal = ordinalOf(pod)
  await own(hand, identityOf(pod))
  if (hasIdentity(pod) && hasStorage(set, pod)) return
  await makeClaims(hand, ordinal)
  const changed = edit(pod)
  changed.metadata.labels = { ...changed.metadata.labels, ...identityLabels(set, ordinal) }
  if (!hasStorage(set, pod)) changed.spec.volumes = volumesOf(set, ordinal, pod.spec.volumes)
  await cluster.update(Pod, changed)
}

async function own({ cluster, set }: Hand, pod: PodIdentity): Promise<void> {
  const ordinal = Number(/\d+$/.exec(pod.name)?.[0])
  for (const { metadata } of claimsOf(set, ordinal)) {
    const claim = cluster.get(PersistentVolumeClaim, { name: metadata?.name ?? '', namespace: set.metadata.namespace })
    const ownerReferences = claim && planOwners(set, pod, claim)
    if (ownerReferences)
      await cluster.update(PersistentVolumeClaim, { ...claim, metadata: { ...claim.metadata, ownerReferences } })
  }
}

interface Deed {
  readonly verb: 'create' | 'update' | 'delete'
  readonly name: string
}

async function told(hand: Hand, deed: Deed, act: () => Promise<unknown>): Promise<void> {
  try {
    await act()
  } catch (error) {
    tell(hand, deed, error)
    throw error
  }
  tell(hand, deed)
}

function tell({ cluster, set }: Hand, { verb, name }: Deed, error?: unknown): void {
  const what = `${verb} Pod ${name} in StatefulSet ${set.metadata.name}`
  const Verb = verb[0]?.toUpperCase() + verb.slice(1)
  if (error === undefined) cluster.event(set, { type: 'Normal', reason: `Successful${Verb}`, message: `${what} successful` })
  else cluster.event(set, { type: 'Warning', reason: `Failed${Verb}`, message: `${what} failed error: ${messageOf(error)}` })
}
