/** `createApiServer`: the API server without a socket. */
import { CustomResourceDefinition } from '#api/apiextensions/v1/custom-resource-definition.ts'
import { defaultGates, type FeatureGates } from '#api/feature-gates.ts'
import { kinds as builtInKinds } from '#api/kinds.ts'
import { previewKinds } from '#api/preview-kinds.ts'
import { enabledKinds } from '#api/runtime-config.ts'
import type { Client, Transport } from '#client/client.ts'
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import type { Soon } from '#lib/soon.ts'
import type { Kind } from '#schema/kind.ts'
import type { Store } from '#store/store.ts'
import type { AdmissionPlugin, Lister } from './admission/plugin.ts'
import { type AggregationOptions, aggregator, type RemoteVersion } from './aggregation/aggregator.ts'
import type { AuditOptions } from './audit/stage.ts'
import type { Authenticator } from './authn/authenticator.ts'
import type { TokenOptions } from './authn/bearer-token.ts'
import type { IdentityHeaders } from './authn/request-header.ts'
import type { Authorizer } from './authz/authorizer.ts'
import { serveCustomResources } from './custom-resources/custom-resources.ts'
import type { NodeDialer, ServiceDialer } from './dialers.ts'
import type { FlowControl } from './flowcontrol/flow-control.ts'
import { type TrafficOptions, trafficControl } from './flowcontrol/traffic.ts'
import { inProcessTransport } from './in-process.ts'
import { compose, pipeline } from './pipeline.ts'
import type { RequestInstruments } from './publish/request-instruments.ts'
import type { RegistryHook } from './registry/hooks.ts'
import { KindTable } from './registry/kind-table.ts'
import type { Registry } from './registry/registry.ts'
import { Storages } from './registry/storages.ts'
import type { Request, Response, Stage, User } from './request.ts'
import type { ServiceAccountTokens } from './service-account-tokens.ts'
import type { Tracer } from './tracing/tracer.ts'

export interface ApiServerOptions {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  /** Default: all that every cluster has. */
  readonly kinds?: readonly Kind[]
  /** Which versions of them are served, as `--runtime-config` has it; default: the stable ones. */
  readonly runtimeConfig?: string | undefined
  /** Default: as 1.36 has them. */
  readonly gates?: FeatureGates | undefined
  /** Makes the server's own clients; it stands in `client/`, which this folder knows by interface only. */
  readonly createClient: (transport: Transport) => Client
  /** Default: none, which leaves the network without a way in. In-process callers bring their identity. */
  readonly authenticators?: readonly Authenticator[] | ((own: Own) => readonly Authenticator[])
  /** What TokenReview asks; default: nobody knows a token. */
  readonly tokenAuthentication?: TokenOptions | ((own: Own) => TokenOptions)
  /** In which headers front proxies say who asks; default: the usual ones. */
  readonly identityHeaders?: IdentityHeaders | undefined
  /** Built on the server's own caches. */
  readonly authorizer: Authorizer | ((lister: Lister) => Authorizer)
  readonly admission?: readonly AdmissionPlugin[]
  readonly hooks?: readonly RegistryHook[]
  readonly tokens?: ServiceAccountTokens
  readonly nodeDialer?: NodeDialer
  readonly serviceDialer?: ServiceDialer
  /** Stages that answer what is no resource: discovery, OpenAPI, health. */
  readonly publish?: readonly Stage[]
  /** Default: no extension servers, and no APIServices are made. */
  readonly aggregation?: AggregationOptions
  /** Default: no request waits for another. */
  readonly flowControl?: TrafficOptions | undefined
  /** Default: nothing is recorded. */
  readonly audit?: Omit<AuditOptions, 'clock'> | undefined
  /** Default: no spans. */
  readonly tracer?: Tracer | undefined
  /** Default: nobody counts. */
  readonly instruments?: RequestInstruments | undefined
  /** Told of each call of an admission webhook. */
  readonly onWebhook?: Registry['onWebhook']
  readonly onPolicyCheck?: Registry['onPolicyCheck']
  readonly onStep?: Registry['onStep']
  /** Milliseconds that a request may take; default a minute. */
  readonly requestTimeout?: number | undefined
  /** Seconds that a watch lasts at least; default half an hour. */
  readonly minRequestTimeout?: number | undefined
  /** Seconds that an event is kept; default an hour. */
  readonly eventTtl?: number | undefined
  /** Makes shared objects immutable: for tests. */
  readonly freeze?: boolean
  /** Defects, and errors that nobody waits for. */
  readonly onError?: ((error: unknown, doing: string) => void) | undefined
}

/** What parts of the server that are made outside may use of it. */
export interface Own {
  readonly lister: Lister
  /** As `system:apiserver`. */
  readonly client: Client
}

export interface ApiServer {
  /** The whole pipeline; never rejects: errors are Status objects. */
  handle(request: Request): Soon<Response>
  transportAs(user: User): Transport
  /** Synchronous reads from the watch caches of built-in kinds. */
  readonly lister: Lister
  readonly registry: Registry
  /** Versions of groups that extension servers serve. */
  remotes(): readonly RemoteVersion[]
  /** Who waits for whom; absent where nobody does. */
  readonly flowControl?: FlowControl | undefined
  close(): Promise<void>
}

/** The server's own identity, for what it does on nobody's behalf. */
const self: User = { name: 'system:apiserver', groups: ['system:masters', 'system:authenticated'] }

/** Resolves when the caches are filled. */
export async function createApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const {
    store,
    clock,
    random,
    createClient,
    onError,
    admission = [],
    hooks = [],
    freeze = false,
    gates = defaultGates,
  } = options
  const kinds = new KindTable(options.kinds ?? enabledKinds([...builtInKinds, ...previewKinds], options.runtimeConfig))
  const storages = new Storages({ store, clock, freeze })
  await storages.openAll(kinds.all())
  const { lister } = storages
  const authorizer = typeof options.authorizer === 'function' ? options.authorizer(lister) : options.authorizer
  const transportAs = (user: User) => inProcessTransport({ user, random, handle: (request) => handle(request) })
  const client = createClient(transportAs(self))
  const own: Own = { lister, client }
  const stop = new AbortController()
  const authenticators = made(options.authenticators ?? [], own)
  const registry: Registry = {
    ...{ store, clock, random, kinds, gates, admission, hooks, authorizer, lister, onError },
    ...{ tokens: options.tokens, nodeDialer: options.nodeDialer, serviceDialer: options.serviceDialer },
    tokenAuthentication: made(options.tokenAuthentication ?? { tokens: [], audiences: [] }, own),
    ...{ client, identityHeaders: options.identityHeaders },
    ...{ minRequestTimeout: options.minRequestTimeout, eventTtl: options.eventTtl, onWebhook: options.onWebhook },
    ...{ onPolicyCheck: options.onPolicyCheck, onStep: options.onStep },
    storage: (kind) => storages.open(kind),
    forget: (kind) => storages.forget(kind),
  }
  const onPanic = (error: unknown, { method, path }: Request) => onError?.(error, `${method} ${path}`)
  const aggregation = options.aggregation && aggregator(() => registry, options.aggregation)
  const traffic = options.flowControl && trafficControl(registry, options.flowControl, stop.signal)
  const publish = [...(options.publish ?? []), ...(traffic?.publish ?? [])]
  const handle = compose(
    pipeline({
      ...{ clock, authenticators, authorizer, registry, publish, onPanic },
      ...{ extensions: aggregation?.stage, audit: options.audit, inTurn: traffic?.stage },
      ...{ instruments: options.instruments, tracer: options.tracer, requestTimeout: options.requestTimeout },
    }),
  )
  aggregation?.start(stop.signal)
  traffic?.start()
  if (kinds.find(definitions)) serveCustomResources(registry, stop.signal)
  const close = async () => {
    stop.abort()
    storages.close()
  }
  return {
    handle,
    transportAs,
    lister,
    registry,
    remotes: () => aggregation?.remotes() ?? [],
    flowControl: traffic?.control,
    close,
  }
}

const definitions = { group: CustomResourceDefinition.group, version: 'v1', resource: CustomResourceDefinition.plural }

function made<T extends object>(given: T | ((own: Own) => T), own: Own): T {
  return typeof given === 'function' ? (given as (own: Own) => T)(own) : given
}
