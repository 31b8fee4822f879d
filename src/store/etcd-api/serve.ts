/**
 * etcd's API v3 in front of any engine: `etcdctl` and other clients of etcd work on the embedded store.
 *
 * Guarantees: nobody gets in without a certificate that `mayUse` accepts. What is not there (users and roles, hashes, changing members)
 * is refused with etcd's own error. A snapshot is a backup of ours (`backup.ts`), which `nami restore` takes, and no file of etcd's.
 *
 * Warns: keys are text here; a key that is no UTF-8 is refused.
 */
import {
  type handleBidiStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import type { Clock } from '#lib/clock.ts'
import type { Header } from '../etcd/messages.ts'
import { serviceOf } from '../etcd/rpc.ts'
import type { Cause, Store } from '../store.ts'
import { kvMethods } from './kv-methods.ts'
import { leaseMethods, serveKeepAlive } from './lease-methods.ts'
import { maintenanceMethods, sendSnapshot } from './maintenance-methods.ts'
import { Refusal, refusalOf } from './refusals.ts'
import { serveWatchStream } from './watch-stream.ts'

/** The subject of a client's certificate. */
export interface Peer {
  readonly name: string
  readonly organizations: readonly string[]
}

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
  const server = new Server({ 'grpc.max_receive_message_length': 16 << 20, 'grpc.max_send_message_length': -1 })
  let port = options.port
  const context: Context = {
    ...options,
    header: (revision) => ({ cluster_id: memberId, member_id: memberId, revision, raft_term: 1 }),
    endpoint: () => `https://${options.host}:${port}`,
  }
  const guard = new Guard(context)
  server.addService(serviceOf('KV'), guard.unary(kvMethods(context)))
  server.addService(serviceOf('Lease'), {
    ...guard.unary(leaseMethods(context)),
    LeaseKeepAlive: guard.duplex((call) => serveKeepAlive(call, context)),
  })
  server.addService(serviceOf('Watch'), { Watch: guard.duplex((call) => serveWatchStream(call, context)) })
  const { Maintenance, Cluster } = maintenanceMethods(context)
  server.addService(serviceOf('Maintenance'), {
    ...guard.unary(Maintenance),
    Snapshot: guard.serverStream((call) => sendSnapshot(call, context)),
  })
  server.addService(serviceOf('Cluster'), guard.unary(Cluster))
  server.addService(serviceOf('Auth'), guard.unary(authMethods()))
  const credentials = ServerCredentials.createSsl(
    Buffer.from(options.clientCa),
    [{ private_key: Buffer.from(options.key), cert_chain: Buffer.from(options.certificate) }],
    true,
  )
  port = await new Promise<number>((resolve, reject) => {
    const bound = (error: Error | null, found: number) => (error ? reject(error) : resolve(found))
    server.bindAsync(`${options.host}:${options.port}`, credentials, bound)
  })
  return {
    port,
    async close() {
      server.forceShutdown()
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

type AnyCall = ServerUnaryCall<any, any> | ServerDuplexStream<any, any> | ServerWritableStream<any, any>

/** Lets in who may, and words errors. */
class Guard {
  #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  unary(methods: Record<string, Method>): UntypedServiceImplementation {
    const guarded: Record<string, handleUnaryCall<any, any>> = {}
    for (const [name, method] of Object.entries(methods)) {
      guarded[name] = (call, done) => {
        this.#run(call, method).then(
          (answer) => done(null, answer),
          (error) => done(errorOf(error)),
        )
      }
    }
    return guarded
  }

  duplex(serve: (call: ServerDuplexStream<any, any>) => void): handleBidiStreamingCall<any, any> {
    return (call) => {
      try {
        this.#enter(call)
        serve(call)
      } catch (error) {
        call.emit('error', errorOf(error))
      }
    }
  }

  serverStream(serve: (call: ServerWritableStream<any, any>) => Promise<void>): handleServerStreamingCall<any, any> {
    return (call) => {
      const served = async () => {
        this.#enter(call)
        await serve(call)
      }
      served().catch((error) => call.emit('error', errorOf(error)))
    }
  }

  async #run(call: ServerUnaryCall<any, any>, method: Method): Promise<object> {
    const { name } = this.#enter(call)
    return method(call.request, { cause: { user: name, time: this.#context.clock.now(), request: 'etcd' } })
  }

  #enter(call: AnyCall): Peer {
    const subject = call.getAuthContext().sslPeerCertificate?.subject
    const organizations = [subject?.O ?? []].flat()
    const peer = { name: String(subject?.CN ?? ''), organizations }
    if (this.#context.mayUse(peer)) return peer
    throw new Refusal(status.PERMISSION_DENIED, 'etcdserver: permission denied')
  }
}

function errorOf(error: unknown) {
  const { code, details } = refusalOf(error)
  return { code, details, metadata: new Metadata() }
}
