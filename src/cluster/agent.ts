/** The agent process: containerd, kubelet, service proxy and DNS of one node, composed. Restarting it touches no container. */
import { createWriteStream } from 'node:fs'
import { readFile, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Node } from '#api/core/v1/node.ts'
import { type Client, TransportError } from '#client/client.ts'
import { httpsTransport } from '#client/https-transport.ts'
import { createClient } from '#client/typed-client.ts'
import { pauseReference } from '#images/pause.ts'
import { connectContainerd } from '#kubelet/cri/containerd.ts'
import type { Runtime } from '#kubelet/cri/runtime.ts'
import { createImageGc } from '#kubelet/images/image-gc.ts'
import { createImageManager } from '#kubelet/images/image-manager.ts'
import { type Kubelet, startKubelet } from '#kubelet/kubelet.ts'
import { openCgroups } from '#kubelet/node/cgroups.ts'
import { allocatableOf, type Machine, readMachine } from '#kubelet/node/machine.ts'
import { startNodeAgent } from '#kubelet/node/node-agent.ts'
import { createPodCgroups } from '#kubelet/node/pod-cgroups.ts'
import { pressureOf, readRemaining } from '#kubelet/node/pressure.ts'
import { reviewAccess, reviewToken } from '#kubelet/server/access.ts'
import { listenAgent } from '#kubelet/server/agent-server.ts'
import { rotateLogs } from '#kubelet/server/log-rotation.ts'
import { sleep, systemClock } from '#lib/clock.ts'
import { systemRandom } from '#lib/random.ts'
import { watchNames } from '#network/dns/cluster-names.ts'
import { runDns } from '#network/dns/dns.ts'
import { bringUpLoopback, cniConfigName, type PodNetwork, podNetwork, setUpPodNetwork } from '#network/pod-network.ts'
import { nftSession } from '#network/proxy/nft.ts'
import { runProxy } from '#network/proxy/proxy.ts'
import { fixedPort } from '#network/proxy/ruleset.ts'
import { hasReason } from '#schema/status-error.ts'
import { machineAddresses } from './addresses.ts'
import { prepareRoot } from './agent-root.ts'
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

interface Context extends AgentOptions {
  readonly signal: AbortSignal
}

export async function runAgent(options: AgentOptions): Promise<RunningAgent> {
  const { directory, config, log } = options
  const stop = new AbortController()
  const { signal } = stop
  const context: Context = { ...options, signal }
  // The server may still be starting: what can be done without it is done meanwhile.
  const prepared = Promise.all([
    startRuntime(context),
    readMachine({ directory: directory.path }),
    rememberedNetwork(context),
    prepareRoot(directory.kubelet),
  ])
  // Whoever waits for it hears of it.
  prepared.catch(() => {})
  await bringUpLoopback()
  const pki = await serversPki(context)
  const clusterNetwork = podNetwork(config.podCidr, config.serviceCidr)
  const addresses = machineAddresses().length > 0 ? machineAddresses() : [clusterNetwork.gateway]
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
  const connect = (identity: KeyAndCertificate) => clientOf(config, pki.ca.certificate, identity)
  const client = connect(certificates.client)
  const [{ runtime }, machine, known, rootFor] = await prepared
  await untilServing(context, client)
  const volumes: VolumesInUse = { names: () => undefined }
  const node = registerNode(context, { client, runtime, addresses, machine, volumes })
  const network = podNetwork(await assignedCidr(context, client), config.serviceCidr)
  if (network.podCidr !== known?.podCidr) await layNetwork(context, network)
  node.refresh()
  const proxyClient = connect(pki.proxy)
  const tls = { ...certificates.serving, clientCa: pki.ca.certificate }
  const [dns, server] = await Promise.all([
    startDns(context, { client: proxyClient, network }),
    startPods(context, { client, runtime, addresses, machine, volumes, tls, rootFor, onVolumesInUse: () => node.refresh() }),
    startProxy(context, { proxyClient, podClient: client, network }),
  ])
  log.info(`node ${config.nodeName} at ${addresses[0]}, pods ${network.podCidr}`)
  return {
    async close() {
      stop.abort(new Error('the agent is stopping'))
      await Promise.allSettled([server.close(), dns.close(), node.done])
      await Promise.allSettled([client.close(), proxyClient.close(), runtime.close()])
    },
  }
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

/** Server and agent start together: to be refused meanwhile is no failure, and the first moment in which it listens is not to be missed. */
async function untilServing({ config, signal }: Context, client: Client): Promise<void> {
  for (;;) {
    try {
      await client.get(Node, { name: config.nodeName }, { signal })
      return
    } catch (error) {
      if (!(error instanceof TransportError)) return
    }
    await waitReferenced(clock, 10, signal)
  }
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

async function startDns({ config, log, signal }: Context, { client, network }: { client: Client; network: PodNetwork }) {
  const names = watchNames(client, { clock, random, signal, onError: (error) => log.error('dns', error) })
  await names.synced()
  const own = [network.gateway, config.clusterDns]
  const resolv = await readFile('/etc/resolv.conf', 'utf8').catch(() => '')
  const upstreams = [...resolv.matchAll(/^nameserver\s+([\d.]+)/gm)]
    .map(([, ip]) => ip as string)
    .filter((ip) => !own.includes(ip))
  return runDns({
    ...{ names, upstreams, clock, random },
    domain: config.clusterDomain,
    listen: { host: network.gateway, port: 53 },
    onError: (error) => log.error('dns', error),
  })
}

async function startProxy(
  { config, log, signal }: Context,
  { proxyClient, podClient, network }: { proxyClient: Client; podClient: Client; network: PodNetwork },
): Promise<void> {
  const dns = (protocol: 'udp' | 'tcp') =>
    fixedPort(`kube-system/node-dns/${protocol}/dns`, {
      protocol,
      from: { ip: config.clusterDns, port: 53 },
      to: { ip: network.gateway, port: 53 },
    })
  await runProxy({
    client: proxyClient,
    ...{ podClient, clock, random, signal },
    nodeName: config.nodeName,
    addresses: { podCidr: config.podCidr, serviceCidr: config.serviceCidr },
    fixed: [dns('udp'), dns('tcp')],
    nft: nftSession({ clock, signal }),
    onError: (error) => log.error('proxy', error),
  })
}

interface PodParts extends NodeParts {
  readonly rootFor: (endpoint: string) => string
  readonly onVolumesInUse: () => void
  readonly tls: { readonly key: string; readonly certificate: string; readonly clientCa: string }
}

/** The kubelet itself, and the server through which its pods are looked into. */
async function startPods({ directory, config, log, signal }: Context, { addresses, machine, volumes, tls, ...parts }: PodParts) {
  const { client, runtime } = parts
  const onError = (error: unknown) => log.error('kubelet', error)
  const staticPodPath = join(directory.path, 'manifests')
  const cgroups = await openCgroups({ clock, prefix: directory.cgroup })
  await cgroups.prepare({})
  const kubelet = await startKubelet({
    ...{ ...parts, clock, random, signal, onError },
    images: createImageManager({ runtime, clock, recordsFile: join(directory.kubelet, 'pulled-images.json') }),
    nodeName: config.nodeName,
    nodeAddresses: addresses,
    rootDirectory: directory.kubelet,
    staticPodPath,
    logDirectory: directory.podLogs,
    clusterDns: [config.clusterDns],
    clusterDomain: config.clusterDomain,
    resolvConf: await readFile('/etc/resolv.conf', 'utf8').catch(() => ''),
    hostsFile: await readFile('/etc/hosts', 'utf8').catch(() => ''),
    memoryCapacity: machine.memoryBytes,
    cgroupVersion: cgroups.version,
    allocatable: allocatableOf(machine, 110),
    cgroups: createPodCgroups(cgroups),
  })
  volumes.names = () => kubelet.volumesInUse()
  void rotateLogs({ runtime, clock, onError }, signal)
  void collectImages({ runtime, signal, onError })
  return listenAgent({
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
}

const collectEvery = 5 * 60_000

async function collectImages({
  runtime,
  signal,
  onError,
}: {
  runtime: Runtime
  signal: AbortSignal
  onError: (error: unknown) => void
}): Promise<void> {
  const filesystem = async (path: string) => {
    const { blocks, bavail, bsize } = await statfs(path)
    return { capacity: blocks * bsize, available: bavail * bsize }
  }
  const gc = createImageGc({ runtime, clock, filesystem })
  while (!signal.aborted) {
    await gc.collect().catch(onError)
    await sleep(clock, collectEvery, signal).catch(() => {})
  }
}
