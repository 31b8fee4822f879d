/** A test cluster with one node agent on a runtime of memory; nothing touches the disk unless a test asks for it. */
import { Event } from '#api/core/v1/event.ts'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { type MemoryFiles, type MemoryVolumes, memoryFiles, memoryVolumes } from '#kubelet/containers/memory-files.ts'
import { MemoryRuntime } from '#kubelet/cri/memory-runtime.ts'
import { createImageManager } from '#kubelet/images/image-manager.ts'
import { type Kubelet, startKubelet } from '#kubelet/kubelet.ts'
import type { KubeletOptions } from '#kubelet/kubelet-options.ts'
import type { ProbeDialer } from '#kubelet/probes/dialer.ts'
import type { Draft } from '#schema/words.ts'
import { type TestCluster, testCluster } from './cluster.ts'
import { node } from './make.ts'
// The server loads it on the first patch, which takes real time that `settle` does not wait for.
import '#schema/merge.ts'

export interface TestNode extends AsyncDisposable {
  readonly cluster: TestCluster
  readonly runtime: MemoryRuntime
  readonly volumes: MemoryVolumes
  readonly files: MemoryFiles
  /** Errors that workers reported. */
  readonly errors: unknown[]
  kubelet: Kubelet
  /** Ends the agent and starts another on the same runtime. */
  restart(): Promise<void>
  /** Creates the pod on this node and settles. */
  run(pod: Draft<Pod>): Promise<Pod>
  pod(name: string): Promise<Pod>
  /** `reason: message` of the events about a pod, in order. */
  events(name: string): Promise<string[]>
}

export const nodeName = 'n1'

const deafDialer: ProbeDialer = {
  http: async () => ({ status: 200, body: 'ok' }),
  tcp: async () => {},
  grpc: async () => ({ status: 'SERVING' }),
}

export async function testNode(over: Partial<KubeletOptions> = {}): Promise<TestNode> {
  const cluster = await testCluster()
  const { clock, random, client } = cluster
  await client.create(Node, node(nodeName))
  const runtime = new MemoryRuntime({ clock })
  const [volumes, files, errors] = [memoryVolumes(), memoryFiles(), [] as unknown[]]
  let stop = new AbortController()
  const start = async () => {
    stop = new AbortController()
    const { signal } = stop
    const images = createImageManager({ runtime, clock })
    return await startKubelet({
      ...{ client, clock, random, runtime, images, signal, volumes, files, nodeName },
      nodeAddresses: ['192.168.1.10'],
      rootDirectory: '/var/lib/kubelet',
      logDirectory: '/var/log/pods',
      clusterDns: ['10.96.0.10'],
      clusterDomain: 'cluster.local',
      dialer: deafDialer,
      onError: (error) => errors.push(error),
      ...over,
    })
  }
  const result: TestNode = {
    ...{ cluster, runtime, volumes, files, errors },
    kubelet: await start(),
    async restart() {
      stop.abort()
      await cluster.settle()
      result.kubelet = await start()
      await cluster.settle()
    },
    async run(draft) {
      await client.create(Pod, { ...draft, spec: { ...draft.spec, nodeName } })
      await cluster.settle()
      return await result.pod(draft.metadata?.name ?? '')
    },
    pod: (name) => client.get(Pod, { namespace: 'default', name }),
    async events(name) {
      await result.kubelet.events.flush()
      const all = await cluster.list(Event, 'default')
      return all.filter((event) => event.involvedObject.name === name).map(({ reason, message }) => `${reason}: ${message}`)
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await cluster.settle()
      await cluster[Symbol.asyncDispose]()
    },
  }
  await cluster.settle()
  return result
}
