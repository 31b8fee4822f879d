/** Plays the part of all nodes for tests that have none: pods run and are ready at once, deleted ones go. */
import { Pod } from '#api/core/v1/pod.ts'
import { edit } from '#client/client.ts'
import { formatTime } from '#lib/clock.ts'
import type { TestCluster } from './cluster.ts'

/** Settles, and lets every pod run and become ready, until nothing changes any more. */
export async function runPods(cluster: TestCluster, options: { ready?: (pod: Pod) => boolean } = {}): Promise<void> {
  const { ready = () => true } = options
  for (;;) {
    await cluster.settle()
    const before = (await cluster.client.list(Pod)).metadata.resourceVersion
    for (const pod of await cluster.list(Pod)) {
      if (pod.metadata.deletionTimestamp) await cluster.client.delete(Pod, pod, { gracePeriodSeconds: 0 })
      else if (hasEnded(pod)) continue
      else if (pod.status.phase !== 'Running' || isReady(pod) !== ready(pod)) await setReady(cluster, pod, ready(pod))
    }
    await cluster.settle()
    if ((await cluster.client.list(Pod)).metadata.resourceVersion === before) return
  }
}

/** Sets a pod's phase to Running and its Ready condition; `ip` gives it an address. */
export async function setReady(cluster: TestCluster, pod: Pod, ready: boolean, ip?: string): Promise<Pod> {
  const changed = edit(pod)
  const lastTransitionTime = formatTime(cluster.clock.now())
  changed.status.phase = 'Running'
  changed.status.conditions = [
    ...(changed.status.conditions ?? []).filter(({ type }) => type !== 'Ready'),
    { type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime } as never,
  ]
  if (ip) {
    changed.status.podIP = ip
    changed.status.podIPs = [{ ip }]
  }
  return cluster.client.update(Pod, changed, { subresource: 'status' })
}

function hasEnded({ status }: Pod): boolean {
  return status.phase === 'Succeeded' || status.phase === 'Failed'
}

function isReady({ status }: Pod): boolean {
  return status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false
}
