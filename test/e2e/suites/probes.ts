/** Probes of every kind: startup holds the others back, liveness restarts, readiness decides who is asked. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { becomes, type Open, probePod, ready, shellPod } from '../space.ts'

const idle = 'trap "exit 0" TERM; while :; do sleep 0.1; done'
const restarts = '{.status.containerStatuses[0].restartCount}'

export function probes(open: Open): void {
  test('a liveness probe restarts a container: http, exec, tcp', async () => {
    const space = await open('liveness')
    const often = { periodSeconds: 1, failureThreshold: 1 }
    const healthz = { httpGet: { path: '/healthz', port: 'http' }, periodSeconds: 1 }
    const byHttp = { startupProbe: { ...healthz, failureThreshold: 60 }, livenessProbe: { ...healthz, failureThreshold: 3 } }
    const byExec = { livenessProbe: { exec: { command: ['/bin/test', '!', '-e', '/tmp/sick'] }, ...often } }
    const byTcp = { livenessProbe: { tcpSocket: { port: 8081 }, ...often, initialDelaySeconds: 1 } }
    await space.apply(
      probePod('http', space, { container: byHttp }),
      shellPod('exec', space, idle, { container: byExec }),
      shellPod('tcp', space, idle, { container: byTcp }),
    )
    await ready(space, 'http', 'exec')
    assert.equal(await space.path('pod http', restarts), '0')
    await space.ask('http', '/healthy?is=false')
    await space.kubectl('exec', 'exec', '--', 'touch', '/tmp/sick')
    await becomes(space, 'pod http', [restarts, '1'])
    await becomes(space, 'pod exec', [restarts, /^[1-9]$/])
    await becomes(space, 'pod tcp', [restarts, /^[1-9]$/])
    await ready(space, 'http')
    const events = await space.kubectl('get', 'events', '--field-selector', 'involvedObject.name=http')
    assert.match(events, /Unhealthy\s+pod\/http\s+Liveness probe failed: HTTP probe failed with statuscode: 500/)
    assert.match(events, /Killing\s+pod\/http\s+Container main failed liveness probe, will be restarted/)
  })

  test('a startup probe holds liveness back until it succeeds; a readiness probe by exec and tcp', async () => {
    const space = await open('startup')
    const exists = (file: string) => ({ exec: { command: ['/bin/test', '-e', file] }, periodSeconds: 1, failureThreshold: 60 })
    const slow = { startupProbe: exists('/tmp/started'), livenessProbe: { ...exists('/tmp/started'), failureThreshold: 1 } }
    await space.apply(
      shellPod('slow', space, idle, { container: slow }),
      shellPod('door', space, idle, { container: { readinessProbe: exists('/tmp/open') } }),
      probePod('tcp', space, { container: { readinessProbe: { tcpSocket: { port: 'http' }, periodSeconds: 1 } } }),
    )
    await ready(space, 'tcp')
    await becomes(space, 'pod slow', ['{.status.containerStatuses[0].state.running.startedAt}', /^2/])
    assert.equal(await space.path('pod slow', '{.status.containerStatuses[0].started}'), 'false')
    assert.equal(await space.path('pod door', '{.status.containerStatuses[0].ready}'), 'false')
    await space.kubectl('exec', 'slow', '--', 'touch', '/tmp/started')
    await space.kubectl('exec', 'door', '--', 'touch', '/tmp/open')
    await ready(space, 'slow', 'door')
    assert.equal(await space.path('pod slow', restarts), '0')
    await space.kubectl('exec', 'door', '--', 'rm', '/tmp/open')
    await space.kubectl('patch', 'pod', 'door', '-p', '{"metadata":{"labels":{"touched":"yes"}}}')
    assert.equal(await space.path('pod door', restarts), '0')
  })
}
