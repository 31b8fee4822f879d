/**
 * etcd's API v3 in front of any engine: `etcdctl` and other clients of etcd work on the embedded store.
 *
 * Guarantees: nobody gets in without a certificate that `mayUse` accepts. What is not there (users and roles, changing members)
 * is refused with etcd's own error. A snapshot is a backup of ours (`backup.ts`), which `nami restore` takes, and no file of etcd's.
 *
 * Warns: keys are text here; a key that is no UTF-8 is refused.
 */
import { status } from '@grpc/grpc-js'
import type { Clock } from '#lib/clock.ts'
import type { Header } from '../etcd/messages.ts'
import { methodOf, type ServiceName, serviceOf } from '../etcd/rpc.ts'
import type { Cause, Store } from '../store.ts'
import { type GrpcCall, type Peer, type Stream, serveGrpc, type Unary } from './grpc-server.ts'
import { kvMethods } from './kv-methods.ts'
import { leaseMethods, serveKeepAlive } from './lease-methods.ts'
import { maintenanceMethods, sendSnapshot } from './maintenance-methods.ts'
import { Refusal, refusalOf } from './refusals.ts'
import { serveWatchStream } from './watch-stream.ts'

export interface EtcdApiOptions {
  readonly store: Store
  readonly clock: Clock
  readonly host: string
  /** 0: any that is free. */
  readonly port: number
  /** PEM. */
  readonly key: string
  readonly certificate: string
  readonly clientCa: string
  /** Whose certificates, of those that `clientCa` signed, get in. */
  readonly mayUse: (peer: Peer) => boolean
  /** Of the only member. */
  readonly name: string
  readonly snapshot: () => AsyncIterable<Uint8Array>
}

export interface EtcdApi {
  readonly port: number
  close(): Promise<void>
}

/** What a method is handed. */
export interface Context extends EtcdApiOptions {
  header(revision: number): Header
  /** Of the server once it listens. */
  endpoint(): string
}

export type Method = (request: any, about: { readonly cause: Cause }) => Promise<object>

/** The only member of the only cluster; never 0, which etcd's clients take for nobody. */
export const memberId = 0x6e616d69

export async function serveEtcdApi(options: EtcdApiOptions): Promise<EtcdApi> {
  let port = options.port
  const context: Context = {
    ...options,
    header: (revision) => ({ cluster_id: memberId, member_id: memberId, revision, raft_term: 1 }),
    endpoint: () => `https://${options.host}:${port}`,
  }
  const guard = new Guard(context)
  const { Maintenance, Cluster } = maintenanceMethods(context)
  guard.addUnary('KV', kvMethods(context))
  guard.addUnary('Lease', leaseMethods(context))
  guard.addUnary('Maintenance', Maintenance)
  guard.addUnary('Cluster', Cluster)
  guard.addUnary('Auth', authMethods())
  guard.addStream('Lease.LeaseKeepAlive', (call) => serveKeepAlive(call, context))
  guard.addStream('Watch.Watch', (call) => serveWatchStream(call, context))
  guard.addStream('Maintenance.Snapshot', (call) => {
    call.onRequest(() => void sendSnapshot(call, context).catch((error) => call.destroy(error)))
  })
  const { host, key, certificate, clientCa: ca } = options
  const services = guard.services
  const server = await serveGrpc({ host, port, key, certificate, ca, services, methods: guard, refusalOf })
  port = server.port
  return {
    port,
    async close() {
      server.close()
    },
  }
}

/** Every method of the service, as etcd answers without authentication. */
function authMethods(): Record<string, Method> {
  const refuse = async () => {
    throw new Refusal(status.FAILED_PRECONDITION, 'etcdserver: authentication is not enabled')
  }
  const names = Object.keys(serviceOf('Auth'))
  return { ...Object.fromEntries(names.map((name) => [name, refuse])), AuthStatus: async () => ({ enabled: false }) }
}

/** The methods, each behind the question whether the peer may use it. */
class Guard {
  readonly services = (['KV', 'Watch', 'Lease', 'Cluster', 'Maintenance', 'Auth'] as const).map(serviceOf)
  readonly unary = new Map<string, Unary>()
  readonly streams = new Map<string, Stream>()
  #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  addUnary(service: ServiceName, methods: Record<string, Method>): void {
    for (const [name, method] of Object.entries(methods)) {
      this.unary.set(methodOf(`${service}.${name}`).path, async (request, peer) => {
        this.#check(peer)
        return method(request, { cause: { user: peer.name, time: this.#context.clock.now(), request: 'etcd' } })
      })
    }
  }

  addStream(name: `${ServiceName}.${string}`, serve: (call: GrpcCall) => void): void {
    this.streams.set(methodOf(name).path, (call, peer) => {
      this.#check(peer)
      serve(call)
    })
  }

  #check(peer: Peer): void {
    if (!this.#context.mayUse(peer)) throw new Refusal(status.PERMISSION_DENIED, 'etcdserver: permission denied')
  }
}
