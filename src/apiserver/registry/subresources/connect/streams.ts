/** `pods/exec`, `pods/attach`, `pods/portforward`: a connection, switched to SPDY or WebSocket, that the node's agent serves. */
import { Pod } from '#api/core/v1/pod.ts'
import { badRequest } from '#schema/status-error.ts'
import type { Request, Response } from '../../../request.ts'
import { isTrue } from '../../../request-info.ts'
import type { Registry } from '../../registry.ts'
import { admitConnect, demandCreate } from './admit-connect.ts'
import { chooseContainer, nodeNameOf, podOf } from './containers.ts'
import { dialNode, plainError } from './dial.ts'
import { forward } from './forward.ts'

/** Browsers, which can only GET, open WebSockets too. */
const methods = ['GET', 'POST']

interface StreamOptions {
  readonly kind: 'PodExecOptions' | 'PodAttachOptions'
  readonly apiVersion: 'v1'
  stdin?: true
  stdout?: true
  stderr?: true
  tty?: true
  container?: string
  command?: string[]
}

export async function exec(registry: Registry, request: Request): Promise<Response> {
  const options = { ...streamOptions('PodExecOptions', request.query), command: request.query.getAll('command') }
  return intoContainer(registry, request, { path: 'exec', options })
}

export async function attach(registry: Registry, request: Request): Promise<Response> {
  return intoContainer(registry, request, { path: 'attach', options: streamOptions('PodAttachOptions', request.query) })
}

export async function portForward(registry: Registry, request: Request): Promise<Response> {
  const ports = request.query.getAll('ports').map(port)
  const options = { kind: 'PodPortForwardOptions', apiVersion: 'v1', ...(ports.length > 0 && { ports }) }
  await admitConnect(registry, request, { kind: Pod, methods, options })
  await demandCreate(registry, request)
  const pod = await podOf(registry, request)
  const search = ports.length > 0 ? `?${new URLSearchParams({ port: ports.join(',') })}` : ''
  return toAgent(registry, request, { pod, target: `/portForward/${pod.metadata.namespace}/${pod.metadata.name}${search}` })
}

function streamOptions(kind: StreamOptions['kind'], query: URLSearchParams): StreamOptions {
  const options: StreamOptions = { kind, apiVersion: 'v1' }
  for (const name of ['stdin', 'stdout', 'stderr', 'tty'] as const) if (isTrue(query.get(name))) options[name] = true
  const container = query.get('container')
  if (container) options.container = container
  return options
}

function port(text: string): number {
  if (/^[+-]?\d+$/.test(text)) return Number(text)
  throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`)
}

async function intoContainer(
  registry: Registry,
  request: Request,
  { path, options }: { path: string; options: StreamOptions },
): Promise<Response> {
  await admitConnect(registry, request, { kind: Pod, methods, options })
  await demandCreate(registry, request)
  const pod = await podOf(registry, request)
  const container = chooseContainer(pod, options.container ?? '')
  const { namespace, name } = pod.metadata
  return toAgent(registry, request, { pod, target: `/${path}/${namespace}/${name}/${container}?${agentQuery(options)}` })
}

/** The agent's names of the streams are older than the API's. */
function agentQuery({ stdin, stdout, stderr, tty, command = [] }: StreamOptions): URLSearchParams {
  const query = new URLSearchParams()
  if (stdin) query.set('input', '1')
  if (stdout) query.set('output', '1')
  if (stderr) query.set('error', '1')
  if (tty) query.set('tty', '1')
  for (const word of command) query.append('command', word)
  return query
}

/** Only HTTP/1.1 can switch protocols. */
async function toAgent(registry: Registry, request: Request, { pod, target }: { pod: Pod; target: string }): Promise<Response> {
  const nodeName = nodeNameOf(pod)
  if (!request.upgrade) throw badRequest('Upgrade request required')
  const refuse = (text: string, cause: unknown) => plainError(`error dialing backend: ${text}`, cause)
  const socket = await dialNode(registry, nodeName, { signal: request.signal, refuse })
  return forward(request, { socket, target, identityHeaders: registry.identityHeaders, refuse })
}
