import assert from 'node:assert/strict'
import { request } from 'node:https'
import { test } from 'node:test'
import { Deployment } from '#api/apps/v1/deployment.ts'
import type { TokenRequest } from '#api/authentication/v1/token-request.ts'
import { Lease } from '#api/coordination/v1/lease.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { ServiceAccount } from '#api/core/v1/service-account.ts'
import { ClusterRoleBinding } from '#api/rbac/v1/cluster-role-binding.ts'
import type { Client } from '#client/client.ts'
import { httpsTransport } from '#client/https-transport.ts'
import { startInformer } from '#client/informer.ts'
import { loadKubeconfig } from '#client/kubeconfig.ts'
import { createClient } from '#client/typed-client.ts'
import type { ComponentServer } from '#cluster/component-server.ts'
import { type ControllerManagerOptions, runControllerManager } from '#cluster/controller-manager.ts'
import { systemClock as clock } from '#lib/clock.ts'
import { systemRandom as random } from '#lib/random.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import { eventually } from '#testing/bed.ts'
import { type ControlPlane, openControlPlane } from '#testing/control-plane.ts'
import { deployment } from '#testing/make.ts'

const timing = { leaseDuration: 2000, renewDeadline: 1000, retryPeriod: 200 }

/** A manager of these two controllers; `stop` answers whether it ended as told. */
async function manage(plane: ControlPlane, over: Partial<ControllerManagerOptions> = {}) {
  const stop = new AbortController()
  const errors: string[] = []
  const serving = Promise.withResolvers<ComponentServer>()
  const running = runControllerManager({
    access: loadKubeconfig(plane.kubeconfig),
    ...{ clock, random, signal: stop.signal, identity: 'one' },
    log: { info: () => {}, error: (doing, error) => void errors.push(`${doing}: ${error}`) },
    controllers: ['deployment', 'replicaset'],
    leaderElection: timing,
    serving: { host: '127.0.0.1', port: 0 },
    onServing: serving.resolve,
    ...over,
  })
  const { port } = await Promise.race([serving.promise, running.then(() => assert.fail('ended at once'))])
  const end = () => {
    stop.abort()
    return running
  }
  return { port, errors, stop: end, running }
}

async function clientOf(plane: ControlPlane) {
  const client = createClient(httpsTransport(loadKubeconfig(plane.kubeconfig).transportOptions({ clock })))
  return { ...client, [Symbol.asyncDispose]: () => client.close() }
}

/** Resolves as soon as the objects are so. */
async function until<T extends KubeObject>(client: Client, kind: Kind<string, T>, holds: (objects: readonly T[]) => boolean) {
  const end = new AbortController()
  const informer = startInformer(client, kind, { clock, random, signal: end.signal })
  const met = Promise.withResolvers<void>()
  const look = () => holds(informer.list()) && met.resolve()
  informer.addHandlers({ added: look, updated: look, deleted: look })
  await met.promise
  end.abort()
}

async function get(port: number, path: string, token?: string): Promise<{ status: number; text: string }> {
  const answer = Promise.withResolvers<{ status: number; text: string }>()
  const headers = token ? { authorization: `Bearer ${token}` } : {}
  const asked = request({ host: '127.0.0.1', port, path, headers, rejectUnauthorized: false }, async (response) => {
    let text = ''
    for await (const part of response) text += part
    answer.resolve({ status: response.statusCode ?? 0, text })
  })
  asked.on('error', answer.reject).end()
  return answer.promise
}

const podsOf = (name: string) => (pods: readonly Pod[]) =>
  pods.filter(({ metadata }) => metadata.labels?.app === name && !metadata.deletionTimestamp).length

/** Once everything has been looked at. */
const told = [
  /^leader_election_master_status\{name="kube-controller-manager"\} 1$/m,
  /^workqueue_adds_total\{name="deployment"\} [1-9]/m,
  /^workqueue_depth\{name="replicaset"\} 0$/m,
  /^workqueue_work_duration_seconds_count\{name="replicaset"\} [1-9]/m,
  /^rest_client_requests_total\{code="201",host="127\.0\.0\.1:\d+",method="POST"\} [1-9]/m,
  /^running_managed_controllers\{manager="kube-controller-manager",name="deployment-controller"\} 1$/m,
]

test('a controller manager works alone over HTTPS, as its controllers’ own accounts, and tells how it goes', async () => {
  await using plane = await openControlPlane({ controllers: ['serviceaccount'] })
  await using client = await clientOf(plane)
  const manager = await manage(plane, { usesAccounts: true })
  await client.create(Deployment, deployment('web', { spec: { replicas: 3 } }))
  await until(client, Pod, (pods) => podsOf('web')(pods) === 3)
  const made = (await client.list(Pod)).items[0]
  assert.equal(made?.metadata.managedFields?.[0]?.manager, 'kube-controller-manager')
  assert.deepEqual(await get(manager.port, '/healthz'), { status: 200, text: 'ok' })
  assert.equal((await get(manager.port, '/metrics')).status, 403)
  await client.create(ServiceAccount, { metadata: { name: 'reader', namespace: 'default' } })
  const subjects = [{ kind: 'ServiceAccount', name: 'reader', namespace: 'default' }]
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:monitoring' }
  await client.create(ClusterRoleBinding, { metadata: { name: 'reader' }, subjects, roleRef })
  const asked: TokenRequest = await client.post(
    ServiceAccount,
    { name: 'reader', namespace: 'default' },
    { subresource: 'token', body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences: [] } } },
  )
  await eventually(async () => {
    const { status, text } = await get(manager.port, '/metrics', asked.status?.token)
    assert.equal(status, 200, text)
    for (const line of told) assert.match(text, line)
  })
  assert.equal((await get(manager.port, '/metrics', 'nonsense')).status, 401)
  assert.equal(await manager.stop(), true)
  assert.deepEqual(manager.errors, [])
})

test('of two controller managers one works, and the other when that one stops', async () => {
  await using plane = await openControlPlane({ controllers: ['serviceaccount'] })
  await using client = await clientOf(plane)
  const first = await manage(plane, { identity: 'one' })
  const holder = (identity: string) => (leases: readonly Lease[]) =>
    leases.some(({ metadata, spec }) => metadata.name === 'kube-controller-manager' && spec.holderIdentity === identity)
  await until(client, Lease, holder('one'))
  const second = await manage(plane, { identity: 'two' })
  await client.create(Deployment, deployment('web', { spec: { replicas: 5 } }))
  await until(client, Pod, (pods) => podsOf('web')(pods) === 5)
  assert.equal(await first.stop(), true)
  await until(client, Lease, holder('two'))
  await client.create(Deployment, deployment('late', { spec: { replicas: 2 } }))
  await until(client, Pod, (pods) => podsOf('late')(pods) === 2)
  assert.equal(await second.stop(), true)
})

test('a controller manager that lost its lease ends', async () => {
  await using plane = await openControlPlane({ controllers: [] })
  await using client = await clientOf(plane)
  const manager = await manage(plane)
  const at = { name: 'kube-controller-manager', namespace: 'kube-system' }
  await until(client, Lease, (leases) => leases.some(({ spec }) => spec.holderIdentity === 'one'))
  await client.patch(Lease, at, { type: 'merge', body: { spec: { holderIdentity: 'thief', leaseDurationSeconds: 3600 } } })
  assert.equal(await manager.running, false)
})

test('a controller manager refuses names that nobody has', async () => {
  await using plane = await openControlPlane({ controllers: [] })
  await assert.rejects(manage(plane, { controllers: ['deployment', 'nonsense'] }), {
    message: '"nonsense" is not in the list of known controllers',
  })
})
