import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pod } from '#api/core/v1/pod.ts'
import { pod } from '#testing/make.ts'
import { testNode } from '#testing/node-agent.ts'
import type { ProbeDialer } from './probes/dialer.ts'

const image = 'example/app:1'

/** An HTTP server in the pod whose answer a test sets. */
function httpDialer(): ProbeDialer & { status: number } {
  const dialer = {
    status: 200,
    http: async () => ({ status: dialer.status, body: '' }),
    tcp: async () => {},
    grpc: async () => ({ status: 'SERVING' }),
  }
  return dialer
}

test('a failing readiness probe makes the pod unready and nothing else', async () => {
  const dialer = httpDialer()
  await using node = await testNode({ dialer })
  const readinessProbe = { httpGet: { path: '/', port: 80 }, periodSeconds: 2, failureThreshold: 2 }
  await node.run(pod('web', { spec: { containers: [{ name: 'main', image, readinessProbe }] } }))
  assert.equal((await node.pod('web')).status.containerStatuses?.[0]?.ready, true)
  dialer.status = 503
  await node.cluster.advance(2000)
  assert.equal((await node.pod('web')).status.containerStatuses?.[0]?.ready, true, 'one failure is not enough')
  await node.cluster.advance(2000)
  const { status } = await node.pod('web')
  assert.equal(status.containerStatuses?.[0]?.ready, false)
  const ready = status.conditions?.find(({ type }) => type === 'Ready')
  assert.equal(ready?.reason, 'ContainersNotReady')
  assert.equal(ready?.message, 'containers with unready status: [main]')
  assert.equal(status.containerStatuses?.[0]?.restartCount, 0)
  assert((await node.events('web')).includes('Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 503'))
  dialer.status = 200
  await node.cluster.advance(2000)
  assert.equal((await node.pod('web')).status.containerStatuses?.[0]?.ready, true)
})

test('a failing liveness probe restarts the container', async () => {
  const dialer = httpDialer()
  await using node = await testNode({ dialer })
  const livenessProbe = { httpGet: { path: '/', port: 80 }, periodSeconds: 5, failureThreshold: 3 }
  await node.run(pod('web', { spec: { containers: [{ name: 'main', image, livenessProbe }] } }))
  dialer.status = 500
  await node.cluster.advance(15_000)
  dialer.status = 200
  await node.cluster.advance(1000)
  const { status } = await node.pod('web')
  assert.equal(status.containerStatuses?.[0]?.restartCount, 1)
  assert.equal(status.containerStatuses?.[0]?.lastState.terminated?.exitCode, 143)
  assert((await node.events('web')).includes('Killing: Container main failed liveness probe, will be restarted'))
  assert.deepEqual(node.errors, [])
})

test('a startup probe holds back the others, and its failure kills', async () => {
  const dialer = httpDialer()
  dialer.status = 500
  await using node = await testNode({ dialer })
  const startupProbe = { httpGet: { path: '/', port: 80 }, periodSeconds: 1, failureThreshold: 5 }
  const readinessProbe = { exec: { command: ['true'] }, periodSeconds: 1 }
  await node.run(pod('web', { spec: { containers: [{ name: 'main', image, startupProbe, readinessProbe }] } }))
  let [status] = (await node.pod('web')).status.containerStatuses ?? []
  assert.equal(status?.started, false)
  assert.equal(status?.ready, false)
  await node.cluster.advance(4000)
  await node.cluster.advance(100)
  assert((await node.events('web')).includes('Killing: Container main failed startup probe, will be restarted'))
  dialer.status = 200
  await node.cluster.advance(3000)
  status = (await node.pod('web')).status.containerStatuses?.[0]
  assert.equal(status?.restartCount, 1)
  assert.equal(status?.started, true)
  assert.equal(status?.ready, true)
})

test('a sidecar with a startup probe holds back the next container', async () => {
  const dialer = httpDialer()
  dialer.status = 500
  await using node = await testNode({ dialer })
  const startupProbe = { httpGet: { path: '/', port: 80 }, periodSeconds: 1, failureThreshold: 30 }
  const initContainers = [{ name: 'proxy', image, restartPolicy: 'Always', startupProbe }]
  await node.run(pod('web', { spec: { initContainers, containers: [{ name: 'main', image }] } }))
  assert.equal((await node.pod('web')).status.phase, 'Pending')
  dialer.status = 200
  await node.cluster.advance(1000)
  assert.equal((await node.pod('web')).status.phase, 'Running')
})

test('an exec probe fails with what the command printed', async () => {
  await using node = await testNode()
  node.runtime.script({ name: 'main' }, { exec: () => ({ exitCode: 1, stderr: 'not yet\n' }) })
  const readinessProbe = { exec: { command: ['check'] }, failureThreshold: 1 }
  await node.run(pod('web', { spec: { containers: [{ name: 'main', image, readinessProbe }] } }))
  assert((await node.events('web')).includes('Unhealthy: Readiness probe failed: not yet\n'))
})

test('a preStop hook runs within the grace, before the container is stopped', async () => {
  await using node = await testNode()
  const lifecycle = { preStop: { sleep: { seconds: 5 } } }
  await node.run(pod('web', { spec: { containers: [{ name: 'main', image, lifecycle }] } }))
  await node.cluster.client.delete(Pod, { namespace: 'default', name: 'web' })
  await node.cluster.advance(4900)
  assert(!node.runtime.calls.some((call) => call.startsWith('stopContainer')))
  await node.cluster.advance(3000)
  assert.deepEqual(await node.cluster.list(Pod), [])
})

test('a preStop hook that hangs does not outlast the grace', async () => {
  await using node = await testNode()
  node.runtime.script({ name: 'main' }, { exec: () => new Promise(() => {}) })
  const lifecycle = { preStop: { exec: { command: ['drain'] } } }
  const spec = { terminationGracePeriodSeconds: 10, containers: [{ name: 'main', image, lifecycle }] }
  await node.run(pod('web', { spec }))
  await node.cluster.client.delete(Pod, { namespace: 'default', name: 'web' })
  await node.cluster.advance(12_000)
  assert.deepEqual(await node.cluster.list(Pod), [])
})

test('a failing postStart hook kills the container', async () => {
  await using node = await testNode()
  node.runtime.script({ name: 'main' }, { exec: () => ({ exitCode: 7 }) })
  const lifecycle = { postStart: { exec: { command: ['prepare'] } } }
  await node.run(pod('web', { spec: { containers: [{ name: 'main', image, lifecycle }] } }))
  await node.cluster.advance(2000)
  const { status } = await node.pod('web')
  assert.match(status.containerStatuses?.[0]?.state.waiting?.reason ?? '', /PostStartHookError|CrashLoopBackOff/)
  const events = await node.events('web')
  assert(events.includes('FailedPostStartHook: PostStartHook failed'))
  assert(events.includes('Killing: FailedPostStartHook'))
})

test('a restart of the agent leaves a ready container ready until a probe says otherwise', async () => {
  const dialer = httpDialer()
  await using node = await testNode({ dialer })
  const readinessProbe = { httpGet: { path: '/', port: 80 }, periodSeconds: 10, failureThreshold: 2 }
  await node.run(pod('web', { spec: { containers: [{ name: 'main', image, readinessProbe }] } }))
  const before = (await node.pod('web')).metadata.resourceVersion
  await node.cluster.advance(1000)
  await node.restart()
  assert.equal((await node.pod('web')).metadata.resourceVersion, before)
  dialer.status = 503
  await node.cluster.advance(20_000)
  assert.equal((await node.pod('web')).status.containerStatuses?.[0]?.ready, false)
  await node.restart()
  assert.equal((await node.pod('web')).status.containerStatuses?.[0]?.ready, false)
})

test('a port that is not open yet is tried again within the period, and only the first refusal is told', async () => {
  const dialer = httpDialer()
  const open = dialer.http
  let knocks = 0
  const refused = new Error('dial tcp 10.88.0.2:80: connect: connection refused', {
    cause: Object.assign(new Error(), { code: 'ECONNREFUSED' }),
  })
  dialer.http = async () => {
    knocks++
    throw refused
  }
  await using node = await testNode({ dialer })
  const readinessProbe = { httpGet: { path: '/', port: 80 }, periodSeconds: 10 }
  await node.run(pod('web', { spec: { containers: [{ name: 'main', image, readinessProbe }] } }))
  await node.cluster.advance(150)
  const isReady = async () => (await node.pod('web')).status.containerStatuses?.[0]?.ready
  assert.equal(await isReady(), false)
  assert(knocks >= 4 && knocks <= 6, `${knocks} attempts`)
  dialer.http = open
  await node.cluster.advance(200)
  assert.equal(await isReady(), true)
  assert.equal((await node.events('web')).filter((event) => event.startsWith('Unhealthy')).length, 1)
})
