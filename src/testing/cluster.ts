/**
 * `testCluster`: a whole control plane inside a test, on the memory store and a virtual clock.
 *
 *     await using cluster = await testCluster({ controllers: [replicaSetController] })
 *     await cluster.client.create(ReplicaSet, replicaSet('web', { replicas: 2 }))
 *     await cluster.settle()
 *     assert.equal((await cluster.list(Pod)).length, 2)
 *
 * Guarantees: nothing happens by itself as time stands still; `settle` runs every queue dry at the present instant; `advance`
 * lets time pass, timer by timer, settling between. Nothing outlives `await using`. Two runs are identical.
 */

import { Namespace } from '#api/core/v1/namespace.ts'
import { kinds as allKinds } from '#api/kinds.ts'
import { defaultPlugins } from '#apiserver/admission/chain.ts'
import type { AdmissionPlugin } from '#apiserver/admission/plugin.ts'
import type { AggregationOptions } from '#apiserver/aggregation/aggregator.ts'
import { bearerTokenAuthenticator } from '#apiserver/authn/bearer-token.ts'
import { certificateAuthenticator } from '#apiserver/authn/certificate.ts'
import { secretTokenAuthenticator } from '#apiserver/authn/secret-token.ts'
import { serviceAccountAuthenticator } from '#apiserver/authn/service-account.ts'
import { unionAuthorizer } from '#apiserver/authz/authorize.ts'
import { bootstrapPolicy, controllerRole, reconcileBootstrapPolicy } from '#apiserver/authz/bootstrap-policy.ts'
import { nodeAuthorizer } from '#apiserver/authz/node.ts'
import { rbacAuthorizer } from '#apiserver/authz/rbac.ts'
import { systemMastersAuthorizer } from '#apiserver/authz/system-masters.ts'
import type { NodeDialer, ServiceDialer } from '#apiserver/dialers.ts'
import { serviceHook } from '#apiserver/registry/hooks/service.ts'
import type { RegistryHook } from '#apiserver/registry/hooks.ts'
import type { Stage, User } from '#apiserver/request.ts'
import { type ApiServer, type ApiServerOptions, createApiServer, type Own } from '#apiserver/server.ts'
import type { ServiceAccountTokens } from '#apiserver/service-account-tokens.ts'
import { serviceAccountTokens } from '#apiserver/service-account-tokens.ts'
import type { Client, Transport } from '#client/client.ts'
import { createClient } from '#client/typed-client.ts'
import { newKey } from '#cluster/pki-key.ts'
import type { Controller } from '#controllers/runtime/controller.ts'
import { systemClock } from '#lib/clock.ts'
import { type Random, seededRandom } from '#lib/random.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import { hasReason } from '#schema/status-error.ts'
import { openMemoryStore } from '#store/memory.ts'
import type { Store } from '#store/store.ts'
import type { Loopback } from './loopback.ts'
import { Activity, settleAt } from './settle.ts'

export interface TestClusterOptions {
  /** Default: none run. */
  readonly controllers?: readonly Controller[]
  /** 'https' sends every call of `client` over a loopback socket; default in-process. */
  readonly transport?: 'in-process' | 'https'
  /** Seed of all chance. */
  readonly seed?: number
  /** Kinds beside those that every cluster has. */
  readonly kinds?: readonly Kind[]
  /** Default: the server's own, without those that need a controller which does not run (`needed`). */
  readonly admission?: readonly AdmissionPlugin[]
  /** Default: the server's own. */
  readonly hooks?: readonly RegistryHook[]
  /** Bootstrap roles and bindings, and those of the controllers, which then run with their own rights. Default: nobody needs them. */
  readonly policy?: boolean
  /** Default: a new one in memory. */
  readonly store?: Store
  /** Signs tokens of service accounts. Default: TokenRequests are refused. */
  readonly tokens?: ServiceAccountTokens
  /** Roads into the cluster. Default: there are none. */
  readonly nodeDialer?: NodeDialer
  readonly serviceDialer?: ServiceDialer
  /** Stages that answer what is no resource. Default: none. */
  readonly publish?: readonly Stage[]
  /** Default: no extension servers. */
  readonly aggregation?: AggregationOptions
  /** Default: no request waits for another. */
  readonly flowControl?: ApiServerOptions['flowControl']
  /** Default: nothing is recorded. */
  readonly audit?: ApiServerOptions['audit']
  /** Default: the usual ones. */
  readonly identityHeaders?: ApiServerOptions['identityHeaders']
}

export interface TestCluster extends AsyncDisposable {
  /** As `system:masters`. */
  readonly client: Client
  readonly clock: VirtualClock
  readonly random: Random
  readonly server: ApiServer
  readonly store: Store
  /** Errors that nobody waited for: of controllers, hooks and the server itself. */
  readonly errors: readonly unknown[]
  /** A client with another identity. */
  clientAs(user: { readonly name: string; readonly groups?: readonly string[] }): Client
  list<T extends KubeObject>(kind: Kind<string, T>, namespace?: string): Promise<readonly T[]>
  settle(): Promise<void>
  /** Milliseconds. */
  advance(milliseconds: number): Promise<void>
}

const admin: User = { name: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] }

export async function testCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  const { controllers = [], seed = 1, policy = false } = options
  const clock = new VirtualClock()
  const random = seededRandom(seed)
  const store = options.store ?? openMemoryStore({ clock })
  const activity = new Activity()
  const errors: unknown[] = []
  const onError = (error: unknown) => void errors.push(error)
  const server = await createApiServer({
    ...{ store, clock, random, createClient, onError, freeze: true },
    kinds: [...allKinds, ...(options.kinds ?? [])],
    authorizer: (lister) => unionAuthorizer([systemMastersAuthorizer, nodeAuthorizer({ lister }), rbacAuthorizer({ lister })]),
    ...authentication(clock),
    admission: options.admission ?? plugins(controllers),
    hooks: options.hooks ?? [serviceHook()],
    ...(options.nodeDialer && { nodeDialer: options.nodeDialer }),
    ...(options.serviceDialer && { serviceDialer: options.serviceDialer }),
    ...(options.publish && { publish: options.publish }),
    ...(options.aggregation && { aggregation: options.aggregation }),
    ...(options.audit && { audit: options.audit }),
    ...(options.identityHeaders && { identityHeaders: options.identityHeaders }),
    ...(options.flowControl && { flowControl: options.flowControl }),
  })
  const clientAs = (user: User) => createClient(watched(server.transportAs(user), activity))
  const client = options.transport === 'https' ? await overSockets({ server, clock, random }, activity) : clientAs(admin)
  await createNamespaces(client)
  if (policy) await createPolicy(client, controllers)

  const stop = new AbortController()
  const identity = (name: string) => (policy ? accountOf(name) : admin)
  const run = { clock, random, signal: stop.signal, onError, clientFor: (name: string) => clientAs(identity(name)) }
  const ended = controllers.length > 0 ? runControllers(controllers, run) : Promise.resolve()
  const quiet = { clock, activity, patient: options.transport === 'https' }
  return {
    ...{ client, clock, random, server, store, errors },
    clientAs: ({ name, groups = [] }) => clientAs({ name, groups }),
    list: async (kind, namespace) => (await client.list(kind, { namespace })).items,
    settle: () => settleAt(quiet),
    advance: (milliseconds) => advance(clock, milliseconds, () => settleAt(quiet)),
    async [Symbol.asyncDispose]() {
      stop.abort()
      await ended
      await client.close()
      await server.close()
      await store.close()
    },
  }
}

/** Certificates live in real time, tokens in the cluster's. */
function authentication(clock: VirtualClock) {
  const tokens = serviceAccountTokens({
    privateKey: (signingKey ??= newKey()),
    issuer: 'https://kubernetes.default.svc.cluster.local',
  })
  const { audiences } = tokens
  const known = ({ lister, client }: Own) => [
    serviceAccountAuthenticator({ keys: tokens, lister, client, clock }),
    secretTokenAuthenticator({ keys: tokens, lister, client, clock }),
  ]
  return {
    tokens,
    tokenAuthentication: (own: Own) => ({ tokens: known(own), audiences }),
    authenticators: (own: Own) => [
      certificateAuthenticator({ clock: systemClock }),
      bearerTokenAuthenticator({ tokens: known(own), audiences }),
    ],
  }
}

/** Signs the tokens of all test clusters of this process. */
let signingKey: string | undefined

/** Left out unless that controller runs: what the plugin adds, nobody else provides or takes away. */
const needed: Readonly<Record<string, string>> = {
  ServiceAccount: 'serviceaccount-controller',
  StorageObjectInUseProtection: 'persistentvolumeclaim-protection-controller',
}

function plugins(controllers: readonly Controller[]): readonly AdmissionPlugin[] {
  const running = new Set(controllers.map(({ name }) => name))
  return defaultPlugins.filter(({ name }) => !needed[name] || running.has(needed[name]))
}

async function createNamespaces(client: Client): Promise<void> {
  for (const name of ['default', 'kube-system', 'kube-public', 'kube-node-lease']) {
    await client.create(Namespace, { metadata: { name } }).catch(unlessItExists)
  }
}

/** A store of an earlier cluster has them. */
function unlessItExists(error: unknown): void {
  if (!hasReason(error, 'AlreadyExists')) throw error
}

async function createPolicy(client: Client, controllers: readonly Controller[]): Promise<void> {
  const { rolesOf } = await import('#controllers/runtime/roles.ts')
  const roles = [...rolesOf(controllers)].map(([account, rules]) => controllerRole(account, [...rules]))
  await reconcileBootstrapPolicy(
    client,
    bootstrapPolicy({
      clusterRoles: roles.map(({ role }) => role),
      clusterRoleBindings: roles.map(({ binding }) => binding),
    }),
  )
}

function accountOf(controller: string): User {
  const groups = ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated']
  return { name: `system:serviceaccount:kube-system:${controller}`, groups }
}

type Run = Parameters<typeof import('#controllers/runtime/run.ts').runControllers>[1]

async function runControllers(controllers: readonly Controller[], run: Run): Promise<void> {
  const runtime = await import('#controllers/runtime/run.ts')
  await runtime.runControllers(controllers, run)
}

/** Counts calls, so that `settle` knows when somebody is still waiting for an answer. */
function watched(transport: Transport, activity: Activity): Transport {
  return { ...transport, request: (call) => activity.during(() => transport.request(call)) }
}

async function overSockets(loopback: Loopback, activity: Activity): Promise<Client> {
  const { openLoopback } = await import('./loopback.ts')
  return createClient(watched(await openLoopback(loopback), activity))
}

async function advance(clock: VirtualClock, milliseconds: number, settle: () => Promise<void>): Promise<void> {
  const target = clock.now() + milliseconds
  await settle()
  while (clock.runNext(target)) await settle()
  clock.advanceTo(target)
  await settle()
}
