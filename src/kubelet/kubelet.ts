/**
 * `startKubelet`: the pods that the API binds to this node are made to run on its runtime, and their states told back.
 *
 * Guarantees: with the signal all watching ends and the pods go on; a later start adopts them. Nothing is started before the
 * first list of pods, and nothing is swept before it either.
 */
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { Service } from '#api/core/v1/service.ts'
import { RuntimeClass } from '#api/node/v1/runtime-class.ts'
import { createEventRecorder, type EventRecorder } from '#client/events.ts'
import { type Informer, startInformer } from '#client/informer.ts'
import { formatTime, sleep } from '#lib/clock.ts'
import { parseResolvConf, type ResolverConfig } from './containers/dns.ts'
import type { NodeFacts } from './containers/node-facts.ts'
import { diskPodFiles } from './containers/pod-files.ts'
import { fieldPathOf } from './containers/pod-names.ts'
import { latest } from './containers/runtime-pod.ts'
import type { NodeCsi } from './csi/csi.ts'
import { NodeClaims } from './dra/node-claims.ts'
import type { KubeletOptions } from './kubelet-options.ts'
import { evictOvergrown } from './lifecycle/evict-overgrown.ts'
import { collectDead, removeOrphans } from './lifecycle/housekeeping.ts'
import { admit, type Rejection } from './lifecycle/node-admission.ts'
import type { PodEvent, PodMeans, Verdict } from './lifecycle/pod-means.ts'
import { admitResize, type ResizeRefusal } from './lifecycle/resize.ts'
import { watchRuntime } from './lifecycle/runtime-watch.ts'
import { PodWorker } from './pod-worker.ts'
import { networkDialer } from './probes/dialer.ts'
import type { ProbeCount } from './probes/probe-tally.ts'
import { Probes } from './probes/prober.ts'
import { StaticPods } from './static-pods/static-pods.ts'
import { StatusWriter } from './status/status-writer.ts'
import { diskVolumes } from './volumes/disk-volumes.ts'
import { ObjectCache } from './volumes/object-cache.ts'
import { makeRoot, type PodVolumes } from './volumes/pod-volumes.ts'
import type { VolumeUsage } from './volumes/volume-usage.ts'

/** A run of a container; of the one before the last with `previous`. */
export interface ContainerAt {
  readonly namespace: string
  readonly name: string
  readonly container: string
  readonly previous?: boolean
}

export interface Kubelet {
  /** Resolves when the pods are known and every one has its worker. */
  synced(): Promise<void>
  /** The pods that this node has taken, with their newest statuses. */
  pods(): readonly Pod[]
  worker(at: { readonly namespace: string; readonly name: string }): PodWorker | undefined
  workers(): Iterable<PodWorker>
  containerId(at: ContainerAt): string | undefined
  volumeUsage(pod: Pod): Promise<readonly VolumeUsage[]>
  /** Names of attached volumes that pods hold, for the node's status; undefined while they are not known. */
  volumesInUse(): readonly string[] | undefined
  probeCounts(): readonly ProbeCount[]
  /** Ends a pod for the node's own reasons (`Evicted`); it becomes Failed. */
  evict(podUid: string, verdict: Verdict): void
  readonly events: EventRecorder
}

const noResolver: ResolverConfig = { servers: [], searches: [], options: [] }
const collectionPeriod = 60_000
const sizePeriod = 10_000

export async function startKubelet(options: KubeletOptions): Promise<Kubelet> {
  const { client, clock, random, signal, nodeName } = options
  const onError = options.onError ?? (() => {})
  if (!options.volumes) await makeRoot(options.rootDirectory)
  const watching = { clock, random, signal, onError }
  const pods = startInformer(client, Pod, { ...watching, fieldSelector: `spec.nodeName=${nodeName}` })
  const services = startInformer(client, Service, watching)
  const nodes = startInformer(client, Node, { ...watching, fieldSelector: `metadata.name=${nodeName}` })
  const { name: runtimeName } = await options.runtime.version()
  const kubelet = new NodeAgent(options, { pods, services, nodes, runtimeName })
  kubelet.start()
  return kubelet
}

interface Sources {
  readonly pods: Informer<Pod>
  readonly services: Informer<Service>
  readonly nodes: Informer<Node>
  readonly runtimeName: string
}

class NodeAgent implements Kubelet {
  readonly events: EventRecorder
  readonly #options: KubeletOptions
  readonly #sources: Sources
  readonly #means: PodMeans
  #static: StaticPods | undefined
  /** Static pods that this node refused, until their files go. */
  readonly #refused = new Map<string, PromiseWithResolvers<void>>()
  /** Agents without a disk have none. */
  #csi: NodeCsi | undefined
  #claims: NodeClaims | undefined
  readonly #workers = new Map<string, PodWorker>()
  /** Pods that this node refused. */
  readonly #rejected = new Set<string>()
  readonly #onError: (error: unknown) => void

  constructor(options: KubeletOptions, sources: Sources) {
    const { client, clock, random, signal, nodeName } = options
    this.#options = options
    this.#sources = sources
    this.#onError = options.onError ?? (() => {})
    this.events = createEventRecorder(client, {
      clock,
      random,
      component: 'kubelet',
      host: nodeName,
      signal,
      onError: this.#onError,
    })
    this.#means = this.#makeMeans()
  }

  start(): void {
    const { signal, clock, runtime, relistPeriod = 10_000 } = this.#options
    const stop = () => {
      for (const worker of this.#workers.values()) worker.stop()
    }
    signal.addEventListener('abort', stop, { once: true })
    void this.#begin().catch((error: unknown) => {
      if (!signal.aborted) this.#onError(error)
    })
    const onChange = (uid: string) => this.#workers.get(uid)?.runtimeChanged()
    void watchRuntime({ runtime, clock, signal, relistPeriod, onChange, onError: this.#onError })
  }

  synced(): Promise<void> {
    return this.#ready.promise
  }
  readonly #ready = Promise.withResolvers<void>()

  pods(): readonly Pod[] {
    return [...this.#workers.values()].map(({ pod, status }) => ({ ...pod, status }))
  }

  workers(): Iterable<PodWorker> {
    return this.#workers.values()
  }

  worker({ namespace, name }: { namespace: string; name: string }): PodWorker | undefined {
    const uid = this.#static?.uidOf({ namespace, name }) ?? this.#sources.pods.get({ namespace, name })?.metadata.uid
    return uid === undefined ? undefined : this.#workers.get(uid)
  }

  containerId(at: ContainerAt): string | undefined {
    const status = this.worker(at)?.runtimePod
    if (!status) return undefined
    if (!at.previous) return latest(status, at.container)?.id
    return status.containers.filter(({ name }) => name === at.container)[1]?.id
  }

  volumeUsage(pod: Pod): Promise<readonly VolumeUsage[]> {
    return this.#means.volumes.usageOf(pod)
  }

  volumesInUse(): readonly string[] | undefined {
    return this.#csi?.volumesInUse()
  }

  probeCounts(): readonly ProbeCount[] {
    return this.#means.probes.counts()
  }

  evict(podUid: string, verdict: Verdict): void {
    this.#workers.get(podUid)?.evict(verdict)
  }

  /** Oldest pods are admitted first, so that a restart decides as it did before. */
  async #begin(): Promise<void> {
    const { pods, services, nodes } = this.#sources
    await Promise.all([pods.synced(), services.synced(), nodes.synced()])
    const first = pods.list().toSorted((a, b) => (a.metadata.creationTimestamp < b.metadata.creationTimestamp ? -1 : 1))
    const adopted = new Set((await this.#options.runtime.listPodSandboxes()).map(({ metadata }) => metadata.uid))
    await this.#readStaticPods(adopted)
    for (const pod of first) this.#add(pod, adopted.has(pod.metadata.uid))
    pods.addHandlers({
      added: (pod) => this.#add(pod, false),
      updated: (pod) => this.#update(pod),
      deleted: (pod) => this.#remove(pod),
    })
    this.#ready.resolve()
    await Promise.all([
      this.#every(this.#options.housekeepingPeriod ?? 2000, removeOrphans),
      this.#every(collectionPeriod, collectDead),
      this.#claims?.begin(),
      this.#every(collectionPeriod, async ({ known }) => this.#claims?.sweep(known())),
      ...(this.#options.volumes ? [] : [this.#every(sizePeriod, () => evictOvergrown(this.#workers.values(), this.#options))]),
    ])
  }

  async #every(period: number, sweep: typeof removeOrphans): Promise<void> {
    const { signal, clock, runtime } = this.#options
    const { volumes, files } = this.#means
    const known = () => new Set([...this.#workers.keys(), ...this.#rejected])
    while (!signal.aborted) {
      await sweep({ runtime, clock, volumes, files, known }).catch((error: unknown) => {
        if (!signal.aborted) this.#onError(error)
      })
      await sleep(clock, period, signal).catch(() => {})
    }
  }

  /** Before anything is swept: what they run would be nobody's. */
  async #readStaticPods(adopted: ReadonlySet<string>): Promise<void> {
    const { staticPodPath: path } = this.#options
    if (path === undefined) return
    this.#static = new StaticPods({
      ...{ ...this.#options, path, onError: this.#onError },
      start: (pod) => this.#startStatic(pod, adopted.has(pod.metadata.uid)),
      stop: (uid) => {
        this.#workers.get(uid)?.removed()
        this.#refused.get(uid)?.resolve()
      },
      onMirror: (uid, mirror) => this.#means.status.mirrored(uid, mirror),
    })
    await this.#static.read()
    void this.#static.follow().catch(this.#onError)
  }

  async #startStatic(pod: Pod, isAdopted: boolean): Promise<void> {
    const { uid } = pod.metadata
    this.#means.status.expectMirror(uid)
    const rejection = isAdopted ? undefined : this.#admit(pod)
    if (!rejection) {
      const worker = this.#work(pod)
      worker.poke()
      return await worker.gone
    }
    const stopped = Promise.withResolvers<void>()
    this.#refused.set(uid, stopped)
    this.#reject(pod, rejection)
    await stopped.promise
    this.#refused.delete(uid)
    this.#rejected.delete(uid)
    this.#means.status.forget(uid)
  }

  #add(pod: Pod, isAdopted: boolean): void {
    const { uid } = pod.metadata
    if (this.#static?.takes(pod)) return
    if (this.#workers.has(uid) || this.#rejected.has(uid)) return
    const rejection = isAdopted || isOver(pod) || pod.metadata.deletionTimestamp ? undefined : this.#admit(pod)
    if (rejection) this.#reject(pod, rejection)
    else this.#work(pod).poke()
  }

  #work(pod: Pod): PodWorker {
    const { uid } = pod.metadata
    const worker = new PodWorker(pod, this.#means)
    this.#workers.set(uid, worker)
    void worker.gone.then(() => this.#workers.delete(uid))
    return worker
  }

  #update(pod: Pod): void {
    if (this.#static?.takes(pod)) return
    const worker = this.#workers.get(pod.metadata.uid)
    if (worker) worker.update(pod)
    else if (pod.metadata.deletionTimestamp && this.#rejected.delete(pod.metadata.uid)) this.#work(pod).update(pod)
    else this.#add(pod, false)
  }

  #remove(pod: Pod): void {
    const { uid } = pod.metadata
    if (this.#static?.takes(pod, true)) return
    this.#rejected.delete(uid)
    this.#means.status.forget(uid)
    this.#workers.get(uid)?.removed()
  }

  #admit(pod: Pod): Rejection | undefined {
    const node = this.#sources.nodes.get({ name: this.#options.nodeName })
    return node && admit(pod, this.#othersThan(pod), node)
  }

  #refuseResize(pod: Pod): ResizeRefusal | undefined {
    const node = this.#sources.nodes.get({ name: this.#options.nodeName })
    return node && admitResize(pod, this.#othersThan(pod), node)
  }

  #othersThan({ metadata }: Pod): Pod[] {
    const active = [...this.#workers.values()].filter(({ uid, isActive }) => uid !== metadata.uid && isActive)
    return active.map(({ pod }) => pod).filter((pod) => !isOver(pod))
  }

  /** The pod fails without ever having begun. */
  #reject(pod: Pod, { reason, message }: Rejection): void {
    this.#rejected.add(pod.metadata.uid)
    this.#means.record(pod, { type: 'Warning', reason, message })
    this.#means.status.set(pod, {
      ...pod.status,
      ...(pod.metadata.generation !== undefined && { observedGeneration: pod.metadata.generation }),
      phase: 'Failed',
      reason,
      message: `Pod was rejected: ${message}`,
      startTime: formatTime(this.#options.clock.now()),
    })
  }

  #makeMeans(): PodMeans {
    const options = this.#options
    const { client, clock, random, signal, runtime } = options
    const facts = factsOf(options)
    const onError = this.#onError
    const dialer = options.dialer ?? networkDialer
    const poke = (uid: string) => this.#workers.get(uid)?.poke()
    const objects = new ObjectCache({ client, clock, random, signal, onError, onChange: (uids) => uids.forEach(poke) })
    const { rootDirectory, logDirectory } = facts
    const record = (pod: Pod, { container, ...event }: PodEvent) =>
      this.events.record(pod, { ...event, ...(container && { fieldPath: fieldPathOf(pod, container) }) })
    return {
      client,
      clock,
      random,
      runtime,
      runtimeName: this.#sources.runtimeName,
      images: options.images,
      objects,
      volumes: options.volumes ?? this.#diskVolumes(objects, facts),
      claims: this.#claims ?? options.claims,
      files: options.files ?? diskPodFiles({ rootDirectory, logDirectory }),
      cgroups: options.cgroups,
      dialer,
      probes: new Probes({
        runtime,
        dialer,
        clock,
        random,
        onResult: poke,
        record: (pod, container, event) => record(pod, { type: 'Warning', container, ...event }),
      }),
      status: new StatusWriter({ client, clock, signal, onError }),
      facts,
      services: () => this.#sources.services.list(),
      runtimeHandler: async (name) => (await client.get(RuntimeClass, { name })).handler,
      refuseResize: (pod) => this.#refuseResize(pod),
      record,
      onError,
    }
  }

  #diskVolumes(objects: ObjectCache, { allocatable }: NodeFacts): PodVolumes {
    const { nodes } = this.#sources
    const { nodeName } = this.#options
    const claims = new NodeClaims({ ...this.#options, onDriver: () => this.#pokeAll(), onError: this.#onError })
    const { volumes, csi } = diskVolumes({
      ...this.#options,
      ...{ objects, allocatable, onError: this.#onError },
      node: () => nodes.get({ name: nodeName }),
      record: (about, event) => this.events.record(about, event),
      onDriver: () => this.#pokeAll(),
      otherPlugins: { DRAPlugin: claims.plugins },
    })
    this.#csi = csi
    this.#claims = claims
    // What waits to be attached is looked at again at once.
    const attached = (node: Node) => JSON.stringify([node.status.volumesAttached, node.status.volumesInUse])
    nodes.addHandlers({ updated: (node, old) => attached(node) !== attached(old) && this.#pokeAll() })
    return volumes
  }

  #pokeAll(): void {
    for (const worker of this.#workers.values()) worker.poke()
  }
}

function isOver({ status }: Pod): boolean {
  return status.phase === 'Succeeded' || status.phase === 'Failed'
}

function factsOf(options: KubeletOptions): NodeFacts {
  const { nodeName, nodeAddresses, rootDirectory, logDirectory, clusterDns, clusterDomain } = options
  return {
    nodeName,
    hostIps: nodeAddresses,
    rootDirectory,
    logDirectory,
    clusterDns,
    clusterDomain,
    resolver: options.resolvConf === undefined ? noResolver : parseResolvConf(options.resolvConf),
    hostsFile: options.hostsFile ?? '127.0.0.1\tlocalhost\n',
    memoryCapacity: options.memoryCapacity ?? 0,
    cgroupVersion: options.cgroupVersion ?? 1,
    allocatable: options.allocatable ?? {},
  }
}
