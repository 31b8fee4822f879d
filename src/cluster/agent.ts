/** The agent process: containerd, kubelet, service proxy and DNS of one node, composed. Restarting it touches no container. */
import { createWriteStream } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Node } from '#api/core/v1/node.ts'
import { type Client, TransportError } from '#client/client.ts'
import { httpsTransport } from '#client/https-transport.ts'
import { createClient } from '#client/typed-client.ts'
import { pauseReference } from '#images/pause.ts'
import { diskPodFiles } from '#kubelet/containers/pod-files.ts'
import { connectContainerd } from '#kubelet/cri/containerd.ts'
import type { Runtime } from '#kubelet/cri/runtime.ts'
import { createImageManager } from '#kubelet/images/image-manager.ts'
import { factsOf, type Kubelet, startKubelet } from '#kubelet/kubelet.ts'
import { type PreparedSandboxes, prepareSandboxes } from '#kubelet/lifecycle/prepare-sandboxes.ts'
import { openCgroups } from '#kubelet/node/cgroups.ts'
import { allocatableOf, type Machine, readMachine } from '#kubelet/node/machine.ts'
import { type NodeAgent, startNodeAgent } from '#kubelet/node/node-agent.ts'
import { createPodCgroups } from '#kubelet/node/pod-cgroups.ts'
import { pressureOf, readRemaining } from '#kubelet/node/pressure.ts'
import { reviewAccess, reviewToken } from '#kubelet/server/access.ts'
import { listenAgent } from '#kubelet/server/agent-server.ts'
import { rotateLogs } from '#kubelet/server/log-rotation.ts'
import { systemClock } from '#lib/clock.ts'
import { systemRandom } from '#lib/random.ts'
import { bringUpLoopback, cniConfigName, type PodNetwork, podNetwork, setUpPodNetwork } from '#network/pod-network.ts'
import { watchServices } from '#network/watch-services.ts'
import { hasReason } from '#schema/status-error.ts'
import { machineAddresses } from './addresses.ts'
import { prepareRoot } from './agent-root.ts'
import { startDns, startProxy } from './agent-services.ts'
import { collectImages } from './collect-images.ts'
import { type Containerd, type ContainerdOptions, importImages, keepContainerd } from './containerd.ts'
import type { ClusterConfig, DataDirectory } from './data-directory.ts'
import { registryPort } from './image-registry.ts'
import type { Log } from './log.ts'
import { ensureNodeCertificates, type KeyAndCertificate, type Pki, readNodePki } from './pki.ts'
import { waitReferenced } from './processes.ts'
import { writeRegistryHosts } from './registry-hosts.ts'
import { version } from './version.ts'

const clock = systemClock
const random = systemRandom

export interface RunningAgent {
  close(): Promise<void>
}

export interface AgentOptions {
  readonly directory: DataDirectory
  readonly config: ClusterConfig
  readonly log: Log
  readonly containerd: { readonly options: ContainerdOptions; readonly started: Promise<Containerd> }
}

export interface Context extends AgentOptions {
  readonly signal: AbortSignal
}

export async function runAgent(options: AgentOptions): Promise<RunningAgent> {
  const { directory, config, log } = options
  const stop = new AbortController()
  const { signal } = stop
  const context: Context = { ...options, signal }
  const clusterNetwork = podNetwork(config.podCidr, config.serviceCidr)
  const addresses = machineAddresses().length > 0 ? machineAddresses() : [clusterNetwork.gateway]
  // The server may still be starting: what can be done without it is done meanwhile.
  const prepared = prepareNode(context, addresses)
  // Whoever waits for it hears of it.
  prepared.catch(() => {})
  await bringUpLoopback()
  const pki = await serversPki(context)
  const certificates = await ensureNodeCertificates(pki, { nodeName: config.nodeName, addresses: [...addresses, '127.0.0.1'] })
  await writeRegistryHosts({
    directory: directory.containerd.registries,
    names: ['localhost', '127.0.0.1', config.nodeName, ...addresses],
    port: registryPort(config),
    server: '127.0.0.1',
    ca: join(directory.pki, 'ca.crt'),
    client: {
      certificate: join(directory.pki, 'nodes', config.nodeName, 'client.crt'),
      key: join(directory.pki, 'nodes', config.nodeName, 'client.key'),
    },
  })
  const client = clientOf(config, pki.ca.certificate, certificates.client)
  const ready = await prepared
  await untilListening(context)
  const volumes: VolumesInUse = { names: () => undefined }
  let node: NodeAgent | undefined
  const register = () => {
    node = registerNode(context, { ...ready, client, addresses, volumes })
  }
  // Only a node that the cluster has never seen has to be known before its pods are: its range of addresses is handed out to it.
  if (!ready.network) register()
  const network = ready.network ?? (await firstNetwork(context, client))
  const settled = confirmNetwork(context, client, ready)
  const proxyClient = clientOf(config, pki.ca.certificate, pki.proxy)
  node?.refresh()
  const services = watchServices(proxyClient, { clock, random, signal, onError: (error) => log.error('services', error) })
  const tls = { ...certificates.serving, clientCa: pki.ca.certificate }
  const pods = { ...ready, client, volumes, tls, settled, onVolumesInUse: () => node?.refresh() }
  const [dns, server] = await Promise.all([
    startDns(context, { services, network }),
    startPods(context, pods).then(({ server, synced }) => {
      if (!node) void synced.then(register, () => {})
      return server
    }),
    startProxy(context, { services, podClient: client, network }),
    settled,
  ])
  log.info(`node ${config.nodeName} at ${addresses[0]}, pods ${network.podCidr}`)
  return {
    async close() {
      stop.abort(new Error('the agent is stopping'))
      await Promise.allSettled([server.close(), dns.close(), node?.done])
      await Promise.allSettled([client.close(), proxyClient.close(), ready.runtime.close()])
    },
  }
}

interface ReadyNode {
  readonly runtime: Runtime
  readonly machine: Machine
  readonly rootFor: (endpoint: string) => string
  /** Of what runs pods, all that is not the API's. */
  readonly local: LocalPods
  /** As it was laid for the last agent; absent where there was none. */
  readonly network: PodNetwork | undefined
  readonly sandboxes: PreparedSandboxes | undefined
}

async function prepareNode(context: Context, addresses: readonly string[]): Promise<ReadyNode> {
  const { directory, log } = context
  const [{ runtime }, machine, network, rootFor] = await Promise.all([
    startRuntime(context),
    readMachine({ directory: directory.path }),
    rememberedNetwork(context),
    prepareRoot(directory.kubelet),
  ])
  const local = await localPods(context, { addresses, machine })
  const { cgroups, rootDirectory, logDirectory } = local
  const files = diskPodFiles({ rootDirectory, logDirectory })
  const onError = (error: unknown) => log.error('kubelet', error)
  const sandboxes = network && prepareSandboxes({ runtime, files, cgroups, facts: factsOf(local), clock, onError })
  return { runtime, machine, rootFor, local, network, sandboxes }
}

async function firstNetwork(context: Context, client: Client): Promise<PodNetwork> {
  const network = podNetwork(await assignedCidr(context, client), context.config.serviceCidr)
  await layNetwork(context, network)
  return network
}

/**
 * Resolves when the node has been given the range of addresses that it had before. Where it is another, what was prepared in the old one goes, and the
 * agent begins anew with what the API says.
 */
async function confirmNetwork(context: Context, client: Client, { network, sandboxes, runtime }: ReadyNode): Promise<void> {
  if (!network) return
  const podCidr = await assignedCidr(context, client)
  if (podCidr === network.podCidr) return
  for (const id of (await sandboxes?.end())?.keys() ?? []) {
    await runtime.stopPodSandbox(id)
    await runtime.removePodSandbox(id)
  }
  await layNetwork(context, podNetwork(podCidr, context.config.serviceCidr))
  throw new Error(`the node was given ${podCidr} for its pods`)
}

async function layNetwork({ directory, log }: Context, network: PodNetwork): Promise<void> {
  await setUpPodNetwork({
    network,
    cniConfDir: directory.containerd.cniConfDir,
    ipamDirectory: join(directory.run, 'ipam'),
    onWarning: (line) => log.error('pod network', line),
  })
}

/** What the last agent was given, from the configuration that it wrote: almost always it is given the same again. */
async function rememberedNetwork(context: Context): Promise<PodNetwork | undefined> {
  const { directory, config } = context
  const text = await readFile(join(directory.containerd.cniConfDir, cniConfigName), 'utf8').catch(() => '')
  const podCidr = /"subnet": "([^"]+)"/.exec(text)?.[1]
  if (!podCidr) return undefined
  const network = podNetwork(podCidr, config.serviceCidr)
  await layNetwork(context, network)
  return network
}

/** Server and agent start together; the agent takes the authority from the server and makes none. */
async function serversPki({ directory, signal }: Context): Promise<Pick<Pki, 'dir' | 'ca' | 'proxy'>> {
  for (;;) {
    const pki = await readNodePki(directory.pki)
    if (pki) return pki
    await waitReferenced(clock, 20, signal)
  }
}

function clientOf({ port }: ClusterConfig, ca: string, { key, certificate }: KeyAndCertificate): Client {
  return createClient(
    httpsTransport({ server: `https://127.0.0.1:${port}`, ca, key, certificate, clock, userAgent: `nami/${version}` }),
  )
}

async function startRuntime({ directory, log, signal, ...own }: Context): Promise<{ runtime: Runtime; containerd: Containerd }> {
  const containerd = await own.containerd.started
  void keepContainerd(own.containerd.options, { signal, onError: (error) => log.error('containerd', error) })
  const runtime = await connectContainerd({ ...containerd, clock })
  if (!(await runtime.imageStatus(pauseReference))) await importPause(directory, containerd)
  return { runtime, containerd }
}

/** Once in a cluster's life. */
async function importPause(directory: DataDirectory, containerd: Containerd): Promise<void> {
  const [{ writeArchive }, { openLayout }, { pauseImage }] = await Promise.all([
    import('#images/archive.ts'),
    import('#images/layout.ts'),
    import('#images/pause.ts'),
  ])
  const layout = await openLayout(directory.images)
  const image = await pauseImage(layout, process.arch === 'arm64' ? 'arm64' : 'amd64')
  const file = join(directory.run, 'pause.tar')
  await pipeline(await writeArchive([{ reference: pauseReference, image }]), createWriteStream(file))
  importImages(containerd, file)
  await rm(file, { force: true })
}

interface NodeParts {
  readonly client: Client
  readonly runtime: Runtime
  readonly addresses: readonly string[]
  readonly machine: Machine
  readonly volumes: VolumesInUse
}

/** What the kubelet knows and the node's status tells. */
interface VolumesInUse {
  names: Kubelet['volumesInUse']
}

function registerNode({ directory, config, log, signal }: Context, { volumes, ...parts }: NodeParts) {
  const pressure = async () =>
    pressureOf(await readRemaining({ directory: directory.path, imageDirectory: directory.containerd.root }))
  const onError = (error: unknown) => log.error('node', error)
  return startNodeAgent({
    ...{ ...parts, clock, random, signal, pressure, version, onError },
    nodeName: config.nodeName,
    port: config.agentPort,
    volumesInUse: () => volumes.names(),
  })
}

/** Server and agent start together, and the first moment in which it listens is not to be missed. */
async function untilListening({ config, signal }: Context): Promise<void> {
  while (!(await listens(config.port))) await waitReferenced(clock, 5, signal)
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port })
    const end = (result: boolean) => () => {
      socket.destroy()
      resolve(result)
    }
    socket.once('connect', end(true)).once('error', end(false))
  })
}

/** Waits for the controller that hands out ranges. */
async function assignedCidr({ config, signal }: Context, client: Client): Promise<string> {
  for (;;) {
    const node = await client.get(Node, { name: config.nodeName }, { signal }).catch((error) => {
      if (hasReason(error, 'NotFound') || error instanceof TransportError) return undefined
      throw error
    })
    if (node?.spec.podCIDR) return node.spec.podCIDR
    await waitReferenced(clock, 20, signal)
  }
}

type LocalPods = Awaited<ReturnType<typeof localPods>>

async function localPods(
  { directory, config }: Context,
  { addresses, machine }: { addresses: readonly string[]; machine: Machine },
) {
  const cgroups = await openCgroups({ clock, prefix: directory.cgroup })
  await cgroups.prepare({})
  return {
    nodeName: config.nodeName,
    nodeAddresses: addresses,
    rootDirectory: directory.kubelet,
    logDirectory: directory.podLogs,
    clusterDns: [config.clusterDns],
    clusterDomain: config.clusterDomain,
    resolvConf: await readFile('/etc/resolv.conf', 'utf8').catch(() => ''),
    hostsFile: await readFile('/etc/hosts', 'utf8').catch(() => ''),
    memoryCapacity: machine.memoryBytes,
    cgroupVersion: cgroups.version,
    allocatable: allocatableOf(machine, 110),
    cgroups: createPodCgroups(cgroups),
  }
}

interface PodParts extends ReadyNode {
  readonly client: Client
  readonly volumes: VolumesInUse
  readonly onVolumesInUse: () => void
  readonly settled: Promise<unknown>
  readonly tls: { readonly key: string; readonly certificate: string; readonly clientCa: string }
}

/** The kubelet itself, and the server through which its pods are looked into. */
async function startPods({ directory, config, log, signal }: Context, parts: PodParts) {
  const { client, runtime, machine, volumes, tls, local, rootFor, settled, onVolumesInUse } = parts
  const onError = (error: unknown) => log.error('kubelet', error)
  const staticPodPath = join(directory.path, 'manifests')
  const kubelet = await startKubelet({
    ...{ ...local, client, runtime, rootFor, settled, onVolumesInUse, clock, random, signal, onError, staticPodPath },
    prepared: parts.sandboxes,
    images: createImageManager({ runtime, clock, recordsFile: join(directory.kubelet, 'pulled-images.json') }),
  })
  volumes.names = () => kubelet.volumesInUse()
  void rotateLogs({ runtime, clock, onError }, signal)
  void collectImages({ runtime, signal, onError })
  const server = await listenAgent({
    ...{ runtime, clock, tls, onError },
    nodeName: config.nodeName,
    pods: () => kubelet.pods(),
    volumes: (pod) => kubelet.volumeUsage(pod),
    probes: () => kubelet.probeCounts(),
    machine,
    directories: { node: directory.kubelet, images: directory.containerd.root },
    port: config.agentPort,
    settings: {
      port: config.agentPort,
      clusterDomain: config.clusterDomain,
      clusterDns: [config.clusterDns],
      staticPodPath,
      containerRuntimeEndpoint: `unix://${directory.containerd.socket}`,
    },
    containerId: (at) => kubelet.containerId(at),
    authorize: reviewAccess({ client, clock, nodeName: config.nodeName }),
    authenticateToken: reviewToken({ client, clock }),
  })
  return { server, synced: kubelet.synced() }
}
