/** From a request for exec, attach or port-forward to the runtime's streaming URL, and the two connections joined. */
import type { Runtime, StreamOptions } from '../cri/runtime.ts'
import { AgentError, checkContainerName, findPod, type PodLookup, runningContainer } from './find-container.ts'
import { passThrough, type Upgrade } from './upgrade.ts'
import { offersOnlyV5, offersTunnel, tunnelPortForward } from './websocket-tunnel.ts'

export interface StreamingContext extends PodLookup {
  readonly runtime: Runtime
}

export interface StreamTarget {
  readonly kind: 'exec' | 'attach' | 'portForward'
  readonly namespace: string
  readonly pod: string
  /** '' for port-forward. */
  readonly container: string
}

export async function serveStream(context: StreamingContext, target: StreamTarget, upgrade: Upgrade): Promise<void> {
  const { headers, url = '' } = upgrade.request
  const isWebSocket = headers.upgrade?.toLowerCase() === 'websocket'
  const protocols = headers['sec-websocket-protocol']
  const tunnels = isWebSocket && offersTunnel(protocols)
  if (isWebSocket && offersOnlyV5(protocols)) {
    throw new AgentError(403, 'unable to upgrade: the container runtime does not speak v5.channel.k8s.io')
  }
  const query = new URL(url, 'http://agent').searchParams
  const streamUrl = await streamingUrl(context, target, query)
  if (tunnels) await tunnelPortForward(upgrade, streamUrl)
  else await passThrough(upgrade, streamUrl)
}

async function streamingUrl(context: StreamingContext, target: StreamTarget, query: URLSearchParams): Promise<string> {
  const { runtime } = context
  const pod = findPod(context, target.namespace, target.pod)
  if (target.kind === 'portForward') {
    const ports = query.getAll('port').flatMap((text) => text.split(',').map(Number))
    return runtime.portForward(await readySandbox(runtime, pod.metadata.uid), ports)
  }
  checkContainerName(pod, target.container)
  const streams = streamOptions(query)
  const id = runningContainer(context, pod, target.container)
  if (target.kind === 'attach') return runtime.attach(id, streams)
  return runtime.exec(id, { ...streams, command: query.getAll('command') })
}

/** `input`, `output`, `error`, `tty` are the API server's names. With a terminal there is no stderr of its own. */
export function streamOptions(query: URLSearchParams): StreamOptions {
  const flag = (...names: string[]) => names.some((name) => ['1', 'true'].includes(query.get(name) ?? ''))
  const tty = flag('tty')
  const options = {
    stdin: flag('input', 'stdin'),
    stdout: flag('output', 'stdout'),
    stderr: flag('error', 'stderr') && !tty,
    tty,
  }
  if (options.stdin || options.stdout || options.stderr) return options
  throw new AgentError(400, 'you must specify at least 1 of stdin, stdout, stderr')
}

async function readySandbox(runtime: Runtime, uid: string): Promise<string> {
  const sandboxes = await runtime.listPodSandboxes({ labels: { 'io.kubernetes.pod.uid': uid } })
  const newest = sandboxes.filter(({ state }) => state === 'ready').toSorted((a, b) => b.createdAt - a.createdAt)[0]
  if (!newest) throw new AgentError(500, `failed to find sandboxID for pod ${uid}`)
  return newest.id
}
