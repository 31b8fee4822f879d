/** `kubectl port-forward`: local ports that lead into a pod. */
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { duration, list } from './command-line.ts'
import { KubectlError, usageError } from './errors.ts'
import { attachablePod, objectOf, podPath } from './pods.ts'
import type { Json } from './session.ts'
import { dialSpdy } from './streams/dial.ts'
import { forwardConnection } from './streams/forward-connection.ts'
import type { SpdyConnection } from './streams/spdy.ts'
import { defineVerb, type VerbCall } from './verb.ts'

const flags = { address: list(), 'pod-running-timeout': duration(60_000) } as const

type Call = VerbCall<typeof flags>

interface PortPair {
  /** 0 takes a free one. */
  readonly local: number
  readonly remote: number
}

export default defineVerb({
  usage: 'port-forward TYPE/NAME [options] [LOCAL_PORT:]REMOTE_PORT [...[LOCAL_PORT_N:]REMOTE_PORT_N]',
  summary: 'Forward one or more local ports to a pod',
  examples: ['port-forward pod/web 8080:80', 'port-forward service/web 8080:http'],
  flags,
  async run(call) {
    const { flags, args, path, session, terminal } = call
    if (args.length < 2) throw usageError(path, 'TYPE/NAME and list of ports are required for port-forward')
    const object = await objectOf(session, args[0] as string)
    const pod = await attachablePod(session, object, { timeout: flags['pod-running-timeout'], doing: 'attach to' })
    const pairs = args.slice(1).map((text) => pairOf(text, object, pod))
    if (pod.status?.phase !== 'Running') {
      throw new KubectlError(`unable to forward port because pod is not running. Current status=${pod.status?.phase ?? ''}`)
    }
    const dial = async () => (await dialSpdy(session, podPath(pod, 'portforward'), ['portforward.k8s.io'])).spdy
    // Carries nothing: whether it can be had is known before a port is opened, and its end is that of the way to the pod.
    const first = await dial()
    const lost = Promise.withResolvers<true>()
    void first.closed.then(() => lost.resolve(true))
    const servers: Server[] = []
    try {
      for (const pair of pairs) servers.push(...(await listenAll(call, pair, { dial, onLost: () => lost.resolve(true) })))
      const aborted = terminal.signal.aborted ? Promise.resolve() : once(terminal.signal, 'abort')
      const isLost = await Promise.race([aborted.then(() => false), lost.promise])
      if (isLost) throw new KubectlError('lost connection to pod')
    } finally {
      for (const server of servers) server.close()
      first.close()
    }
  },
})

interface Way {
  dial(): Promise<SpdyConnection>
  /** The pod cannot be reached any more. */
  onLost(): void
}

function pairOf(text: string, object: Json, pod: Json): PortPair {
  const parts = text.split(':')
  const [local = '', remote = ''] = parts.length === 2 ? parts : [text, text]
  const number = object.kind === 'Service' ? servicePort(object, pod, remote) : podPort(pod, remote)
  const wanted = local === remote && !/^\d+$/.test(local) ? String(number) : local
  if (parts.length > 2 || !/^\d*$/.test(wanted) || Number(wanted) > 65_535) {
    throw new KubectlError(
      `error parsing local port '${wanted}': strconv.ParseUint: parsing ${JSON.stringify(wanted)}: invalid syntax`,
    )
  }
  if (!(number > 0) || number > 65_535) throw new KubectlError('remote port must be > 0')
  return { local: Number(wanted), remote: number }
}

function podPort(pod: Json, text: string): number {
  if (text === '') throw new KubectlError('remote port cannot be empty')
  const ports = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].flatMap(({ ports }: Json) => ports ?? [])
  const found = ports.filter(({ name, containerPort }: Json) => name === text || String(containerPort) === text)
  const port = /^\d+$/.test(text) ? Number(text) : found[0]?.containerPort
  if (port === undefined) throw new KubectlError(`Pod '${pod.metadata.name}' does not have a named port '${text}'`)
  refuseUdp(found, text)
  return port
}

function servicePort({ metadata, spec }: Json, pod: Json, text: string): number {
  const isNumber = /^\d+$/.test(text)
  const found = (spec.ports ?? []).filter(({ name, port }: Json) => (isNumber ? String(port) === text : name === text))
  const [first] = found
  if (!first) {
    const what = isNumber
      ? `Service ${metadata.name} does not have a service port ${text}`
      : `Service '${metadata.name}' does not have a named port '${text}'`
    throw new KubectlError(what)
  }
  refuseUdp(found, text)
  if (spec.clusterIP === 'None') return first.port
  return typeof first.targetPort === 'string' ? podPort(pod, first.targetPort) : first.targetPort || first.port
}

function refuseUdp(ports: readonly Json[], text: string): void {
  const isUdp = ports.length > 0 && ports.every(({ protocol }) => protocol === 'UDP')
  if (isUdp) throw new KubectlError(`UDP protocol is not supported for ${text}`)
}

/** `localhost` is both loopback addresses; of the two one is enough. */
async function listenAll(call: Call, { local, remote }: PortPair, way: Way): Promise<Server[]> {
  const given = call.flags.address.length > 0 ? call.flags.address : ['localhost']
  const addresses = given.flatMap((address) => (address === 'localhost' ? ['127.0.0.1', '::1'] : [address]))
  const servers: Server[] = []
  const failures: string[] = []
  let port = local
  for (const address of addresses) {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      void forward(call, socket, { ...way, local: port, remote })
    })
    try {
      server.listen(port, address)
      await once(server, 'listening')
    } catch (error) {
      failures.push(`unable to create listener: Error listen tcp ${hostPort(address, port)}: ${bindText(error as Error)}`)
      continue
    }
    port = (server.address() as { port: number }).port
    call.out(`Forwarding from ${hostPort(address, port)} -> ${remote}\n`)
    servers.push(server)
  }
  if (servers.length === 0) {
    call.err(`Unable to listen on port ${local}: Listeners failed to create with the following errors: [${failures.join(' ')}]\n`)
    throw new KubectlError(`unable to listen on any of the requested ports: [{${local} ${remote}}]`)
  }
  return servers
}

function bindText({ message }: Error): string {
  return message.includes('EADDRINUSE') ? 'bind: address already in use' : message
}

function hostPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

async function forward({ out, err }: Call, socket: Socket, { dial, onLost, local, remote }: Way & PortPair): Promise<void> {
  out(`Handling connection for ${local}\n`)
  try {
    const text = await forwardConnection(socket, { dial, remote })
    if (text !== '') err(`an error occurred forwarding ${local} -> ${remote}: ${text.trimEnd()}\n`)
  } catch (error) {
    err(`an error occurred forwarding ${local} -> ${remote}: ${(error as Error).message}\n`)
    onLost()
  }
}
