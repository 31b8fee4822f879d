/**
 * The cluster's DNS server, one on every node: answers for the cluster's domain out of the informer caches and hands everything else to the
 * node's own resolvers.
 *
 * Guarantees: an answer for the cluster's domain never leaves the node and never waits for another server, unless the service stands for a name
 * outside; a name that does not exist says so, with an SOA so that clients may remember it. Questions to others are bounded in number and time.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { createServer, type Socket as TcpSocket } from 'node:net'
import {
  AUTHORITATIVE_ANSWER,
  decode,
  encode,
  type Packet,
  RECURSION_AVAILABLE,
  RECURSION_DESIRED,
  TRUNCATED_RESPONSE,
} from 'dns-packet'
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import { followAliases } from './follow-aliases.ts'
import { createForwarder, type Forwarder } from './forward.ts'
import { type ClusterNames, type DnsRecord, lookUp } from './records.ts'

export interface DnsOptions {
  readonly names: ClusterNames
  /** `cluster.local`. */
  readonly domain: string
  /** Addresses and port to listen on. */
  readonly listen: { readonly host: string; readonly port: number }
  /** Resolvers for names outside, such as those of the node's resolv.conf; without any they get SERVFAIL. */
  readonly upstreams: readonly string[]
  readonly clock: Clock
  readonly random: Random
  readonly onError: (error: unknown) => void
}

export interface DnsServer {
  readonly port: number
  close(): Promise<void>
}

/** Seconds that clients may keep an answer (upstream's `ttl 30`; 5 is the plugin's default). */
const ttl = 5
const largestUdp = 1232
const codes = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4 } as const

export async function runDns(options: DnsOptions): Promise<DnsServer> {
  const { host, port } = options.listen
  const forwarder = createForwarder(options)
  const udp = createSocket({ type: 'udp4', reuseAddr: true })
  udp.on('message', (message, from) => void answerUdp(udp, message, from, { options, forwarder }))
  udp.on('error', options.onError)
  await new Promise<void>((resolve, reject) => {
    udp.once('error', reject)
    udp.bind(port, host, () => resolve())
  })
  const bound = udp.address().port
  const open = new Set<TcpSocket>()
  const tcp = createServer((socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    serveTcp(socket, (message) => respond(message, { options, forwarder, limit: 65_535 }))
  })
  tcp.on('error', options.onError)
  await new Promise<void>((resolve, reject) => {
    tcp.once('error', reject)
    tcp.listen(bound, host, () => resolve())
  })
  return {
    port: bound,
    async close() {
      forwarder.close()
      for (const socket of open) socket.destroy()
      await Promise.all([new Promise<void>((done) => udp.close(() => done())), new Promise((done) => tcp.close(done))])
    },
  }
}

interface Context {
  readonly options: DnsOptions
  readonly forwarder: Forwarder
}

async function answerUdp(socket: Socket, message: Buffer, from: RemoteInfo, context: Context): Promise<void> {
  const answer = await respond(message, { ...context, limit: udpLimit(message) })
  if (answer) socket.send(answer, from.port, from.address, () => {})
}

/** What the client says it can take (EDNS0), within reason. */
function udpLimit(message: Buffer): number {
  try {
    const size = decode(message).additionals?.find(({ type }) => type === 'OPT') as { udpPayloadSize?: number } | undefined
    return Math.min(Math.max(size?.udpPayloadSize ?? 512, 512), largestUdp)
  } catch {
    return 512
  }
}

/** The answer's bytes; undefined where the message is nothing one answers. */
async function respond(message: Buffer, { options, forwarder, limit }: Context & { limit: number }): Promise<Buffer | undefined> {
  let query: Packet
  try {
    query = decode(message)
  } catch {
    return undefined
  }
  const question = query.questions?.[0]
  if (query.type !== 'query' || !question) return undefined
  const name = question.name.toLowerCase().replace(/\.$/, '')
  const found = lookUp(name, question.type, options)
  if (!found) return (await forwarder.ask(message)) ?? failure(query, 'SERVFAIL')
  const { exists, records, foreign } = await followAliases(found, question.type, { ...options, forwarder })
  const isAlias = records[0]?.type === 'CNAME'
  const own = (isAlias ? records : shuffled(records, options.random)).map(withTtl)
  // As the client wrote it: some compare the case.
  for (const record of own) if (record.name === name) record.name = question.name
  const reply: Packet = {
    id: query.id ?? 0,
    type: 'response',
    flags: AUTHORITATIVE_ANSWER | RECURSION_AVAILABLE | ((query.flags ?? 0) & RECURSION_DESIRED) | (exists ? 0 : codes.NXDOMAIN),
    questions: [question],
    answers: [...own, ...foreign],
    additionals: found.additional.map(withTtl),
    authorities: own.length === 0 ? [authority(options.domain)] : [],
  }
  return fitted(reply, limit)
}

type Wire = NonNullable<Packet['answers']>[number]

function withTtl(record: DnsRecord): Wire {
  return { ...record, class: 'IN', ttl } as Wire
}

function authority(domain: string): Wire {
  const data = {
    mname: `ns.dns.${domain}`,
    rname: `hostmaster.${domain}`,
    serial: 1,
    refresh: 7200,
    retry: 1800,
    expire: 86_400,
    minimum: ttl,
  }
  return { name: domain, type: 'SOA', class: 'IN', ttl, data }
}

/** Round robin for clients that take the first address. */
function shuffled<T>(items: readonly T[], random: Random): T[] {
  const mixed = [...items]
  for (let i = mixed.length - 1; i > 0; i--) {
    const j = Math.floor(random.next() * (i + 1))
    ;[mixed[i], mixed[j]] = [mixed[j] as T, mixed[i] as T]
  }
  return mixed
}

/** Drops additional records, then answers with the mark that makes the client ask again over TCP. */
function fitted(reply: Packet, limit: number): Buffer {
  const whole = encode(reply)
  if (whole.length <= limit) return whole
  const bare = encode({ ...reply, additionals: [] })
  if (bare.length <= limit) return bare
  return encode({ ...reply, answers: [], additionals: [], authorities: [], flags: (reply.flags ?? 0) | TRUNCATED_RESPONSE })
}

function failure(query: Packet, code: keyof typeof codes): Buffer {
  return encode({
    id: query.id ?? 0,
    type: 'response',
    flags: RECURSION_AVAILABLE | ((query.flags ?? 0) & RECURSION_DESIRED) | codes[code],
    questions: query.questions ?? [],
  })
}

/** Messages on TCP carry their length in two bytes; several may share a connection. */
function serveTcp(socket: TcpSocket, answer: (message: Buffer) => Promise<Buffer | undefined>): void {
  let pending = Buffer.alloc(0)
  socket.setTimeout(10_000, () => socket.destroy())
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk) => {
    pending = Buffer.concat([pending, chunk])
    while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
      const length = pending.readUInt16BE(0)
      const message = pending.subarray(2, 2 + length)
      pending = pending.subarray(2 + length)
      void answer(message).then((reply) => {
        if (!reply || socket.destroyed) return
        const head = Buffer.alloc(2)
        head.writeUInt16BE(reply.length)
        socket.write(Buffer.concat([head, reply]))
      })
    }
  })
}
