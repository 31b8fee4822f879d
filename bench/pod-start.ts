/** A pod from its creation to Running through API server and node agent, beside the CRI calls alone on the same containerd. Needs root. */
import { join } from 'node:path'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { containerConfig, sandboxConfig } from '#kubelet/cri/test-configs.ts'
import { createImageManager } from '#kubelet/images/image-manager.ts'
import { type Kubelet, startKubelet } from '#kubelet/kubelet.ts'
import { systemMounter } from '#kubelet/volumes/mounter.ts'
import { systemClock } from '#lib/clock.ts'
import { systemRandom } from '#lib/random.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { busybox, noContainerd, type TestContainerd, testContainerd } from '#testing/containerd.ts'
import { node } from '#testing/make.ts'
import { defineBench } from './define-bench.ts'
import { each, median, timed } from './parts/timing.ts'

const rounds = 15
const crowd = 30
const command = ['sleep', '1000000']

export default defineBench({
  name: 'pod-start',
  skip: noContainerd,
  async run(report) {
    await using bed = await testContainerd()
    await using cluster = await testCluster()
    await cluster.client.create(Node, node('n1'))
    const stop = new AbortController()
    try {
      const raw = await each(rounds, (round) => runByHand(bed, `raw-${round}`))
      await removeAll(bed)
      const rawCrowd = await timed(() => many((index) => runByHand(bed, `crowd-${index}`)))
      await removeAll(bed)
      const kubelet = await startAgent(bed, cluster, stop.signal)
      const own = await each(rounds, (round) => runPod(cluster, `own-${round}`))
      await removePods(cluster, kubelet)
      const ownCrowd = await timed(() => many((index) => runPod(cluster, `crowd-${index}`)))
      report({
        what: 'a pod from its creation to Running',
        value: median(own),
        unit: 'ms',
        limit: { what: 'raw CRI', value: median(raw) },
        note: `median of ${rounds}, one after the other`,
      })
      report({
        what: `${crowd} pods from their creation until the last is Running`,
        value: ownCrowd,
        unit: 'ms',
        limit: { what: `${crowd} by raw CRI at once`, value: rawCrowd },
      })
    } finally {
      stop.abort()
      for (const mount of await systemMounter.mountsBelow(bed.directory)) {
        if (mount.includes('/kubelet/')) await systemMounter.unmount(mount)
      }
    }
  },
})

function many(work: (index: number) => Promise<unknown>): Promise<unknown> {
  return Promise.all(Array.from({ length: crowd }, (_, index) => work(index)))
}

async function startAgent(
  { runtime, directory }: TestContainerd,
  { client }: TestCluster,
  signal: AbortSignal,
): Promise<Kubelet> {
  const kubelet = await startKubelet({
    ...{ client, runtime, signal, clock: systemClock, random: systemRandom },
    images: createImageManager({ runtime, clock: systemClock }),
    nodeName: 'n1',
    nodeAddresses: ['192.168.1.10'],
    rootDirectory: join(directory, 'kubelet'),
    logDirectory: join(directory, 'pod-logs'),
    clusterDns: ['10.96.0.10'],
    clusterDomain: 'cluster.local',
    onError: (error) => signal.aborted || console.error(error),
  })
  await kubelet.synced()
  return kubelet
}

async function runPod({ client }: TestCluster, name: string): Promise<void> {
  const containers = [{ name: 'main', image: busybox, command, imagePullPolicy: 'IfNotPresent' as const }]
  const spec = { nodeName: 'n1', containers, terminationGracePeriodSeconds: 0 }
  const { metadata } = await client.create(Pod, { metadata: { name, namespace: 'default' }, spec })
  const end = new AbortController()
  const fieldSelector = `metadata.name=${name}`
  const { resourceVersion } = metadata
  for await (const events of client.watch(Pod, { namespace: 'default', fieldSelector, resourceVersion, signal: end.signal })) {
    if (events.some(({ object }) => 'status' in object && object.status.phase === 'Running')) break
  }
  end.abort()
}

async function runByHand({ runtime, directory }: TestContainerd, name: string): Promise<void> {
  const config = sandboxConfig(name, { logDirectory: join(directory, 'logs', name) })
  const sandbox = await runtime.runPodSandbox(config)
  const id = await runtime.createContainer(
    sandbox,
    containerConfig('main', { image: busybox, command, logPath: 'main.log' }),
    config,
  )
  await runtime.startContainer(id)
}

/** The agent would take those that it does not know for orphans. */
async function removeAll({ runtime }: TestContainerd): Promise<void> {
  for (const { id } of await runtime.listPodSandboxes()) {
    await runtime.stopPodSandbox(id)
    await runtime.removePodSandbox(id)
  }
}

/** Resolves when nothing of them is left. */
async function removePods({ client }: TestCluster, kubelet: Kubelet): Promise<void> {
  const gone = [...kubelet.workers()].map((worker) => worker.gone)
  await client.deleteCollection(Pod, { namespace: 'default' })
  await Promise.all(gone)
}
