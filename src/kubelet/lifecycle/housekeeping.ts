/** Sweeps what no pod owns any more: sandboxes, folders and logs of pods that are gone, and dead containers. */
import type { Clock } from '#lib/clock.ts'
import { annotationNames } from '../containers/annotations.ts'
import type { PodFiles } from '../containers/pod-files.ts'
import { type Container, labels, type Runtime, type Sandbox } from '../cri/runtime.ts'
import type { PodVolumes } from '../volumes/pod-volumes.ts'

export interface HousekeepingMeans {
  readonly runtime: Runtime
  readonly clock: Clock
  readonly volumes: PodVolumes
  readonly files: PodFiles
  /** Pods that have a worker. */
  readonly known: () => ReadonlySet<string>
}

/** Dead containers younger than this may still be of interest. */
const youngest = 60_000

/** Pods of the runtime that the API does not have: ended, with the grace they were started with, and removed. */
export async function removeOrphans({ runtime, volumes, files, known }: HousekeepingMeans): Promise<void> {
  const [sandboxes, containers] = await Promise.all([runtime.listPodSandboxes(), runtime.listContainers()])
  const inRuntime = new Set<string>()
  const orphans = new Map<string, { sandboxes: Sandbox[]; containers: Container[] }>()
  const workers = known()
  const orphanOf = (uid: string) => {
    const orphan = orphans.get(uid) ?? { sandboxes: [], containers: [] }
    orphans.set(uid, orphan)
    return orphan
  }
  for (const sandbox of sandboxes) {
    const uid = sandbox.labels[labels.podUid]
    if (uid) inRuntime.add(uid)
    if (uid && !workers.has(uid)) orphanOf(uid).sandboxes.push(sandbox)
  }
  for (const container of containers) {
    const uid = container.labels[labels.podUid]
    if (uid && !workers.has(uid)) orphanOf(uid).containers.push(container)
  }
  await Promise.all([...orphans.values()].map((orphan) => removeOrphan(runtime, orphan)))
  for (const uid of await volumes.podsOnDisk()) {
    if (!workers.has(uid) && !inRuntime.has(uid) && !known().has(uid)) await volumes.tearDown(uid)
  }
  for (const name of await files.logDirectories()) {
    const [namespace = '', pod = '', uid = ''] = name.split('_')
    if (uid && !inRuntime.has(uid) && !known().has(uid)) await files.removeLogs({ namespace, name: pod, uid })
  }
}

async function removeOrphan(runtime: Runtime, orphan: { sandboxes: Sandbox[]; containers: Container[] }): Promise<void> {
  await Promise.all(
    orphan.containers.map(async ({ id, state, annotations }) => {
      const grace = Number(annotations[annotationNames.terminationGracePeriod] ?? 30)
      if (state === 'running') await runtime.stopContainer(id, grace)
      await runtime.removeContainer(id)
    }),
  )
  for (const { id } of orphan.sandboxes) {
    await runtime.stopPodSandbox(id)
    await runtime.removePodSandbox(id)
  }
}

/** Keeps one dead container per name, and sandboxes that are ready, the newest of their pod, or hold a container. */
export async function collectDead({ runtime, clock, known }: HousekeepingMeans): Promise<void> {
  const containers = await runtime.listContainers()
  const workers = known()
  const byName = new Map<string, Container[]>()
  for (const container of containers) {
    const uid = container.labels[labels.podUid]
    if (!uid || !workers.has(uid)) continue
    const key = `${uid}/${container.labels[labels.containerName]}`
    byName.set(key, [...(byName.get(key) ?? []), container])
  }
  const kept = new Set(containers.map(({ sandboxId }) => sandboxId))
  for (const runs of byName.values()) {
    const dead = runs
      .filter(({ state }) => state === 'exited' || state === 'created')
      .toSorted((a, b) => b.createdAt - a.createdAt)
    for (const { id, createdAt } of dead.slice(1)) if (clock.now() - createdAt > youngest) await runtime.removeContainer(id)
  }
  await collectSandboxes(runtime, workers, kept)
}

async function collectSandboxes(runtime: Runtime, workers: ReadonlySet<string>, kept: ReadonlySet<string>): Promise<void> {
  const newest = new Map<string, Sandbox>()
  const sandboxes = await runtime.listPodSandboxes()
  for (const sandbox of sandboxes) {
    const uid = sandbox.labels[labels.podUid] ?? ''
    const known = newest.get(uid)
    if (!known || known.createdAt < sandbox.createdAt) newest.set(uid, sandbox)
  }
  for (const sandbox of sandboxes) {
    const uid = sandbox.labels[labels.podUid] ?? ''
    if (!workers.has(uid) || sandbox.state === 'ready' || kept.has(sandbox.id) || newest.get(uid) === sandbox) continue
    await runtime.removePodSandbox(sandbox.id)
  }
}
