/** Ends pods that have written more to the node's disk than they may. */
import { labels, type Runtime } from '../cri/runtime.ts'
import type { PodWorker } from '../pod-worker.ts'
import { limitsStorage, overgrown } from '../volumes/size-limits.ts'

interface Place {
  readonly runtime: Runtime
  readonly rootDirectory: string
  readonly logDirectory: string
}

export async function evictOvergrown(workers: Iterable<PodWorker>, { runtime, ...directories }: Place): Promise<void> {
  const measured = [...workers].filter(({ state }) => state === 'syncing')
  const stats = measured.some(({ pod }) => limitsStorage(pod)) ? await runtime.containerStats() : []
  for (const worker of measured) {
    const own = stats.filter(({ labels: { [labels.podUid]: of } }) => of === worker.uid)
    const layers = new Map(own.map((one) => [one.labels[labels.containerName] ?? '', one.writableLayerBytes]))
    const message = await overgrown(worker.pod, { ...directories, layers })
    if (message) worker.evict({ reason: 'Evicted', message, grace: 1 })
  }
}
