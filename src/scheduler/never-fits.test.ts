import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Event } from '#api/core/v1/event.ts'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import type { Call } from '#client/client.ts'
import { createClient } from '#client/typed-client.ts'
import { testCluster } from '#testing/cluster.ts'
import * as make from '#testing/make.ts'
import { runScheduler } from './scheduler.ts'
// The server loads it on the first patch, which takes real time that `settle` does not wait for.
import '#schema/merge.ts'

test('scheduler says once why a pod can never fit, and tries it again only now and then, whatever goes on around it', async () => {
  await using cluster = await testCluster({ admission: [] })
  const { client, clock, random } = cluster
  for (const name of ['a', 'b']) await client.create(Node, make.node(name, { cpu: '4' }))
  const asking = (cpu: string) => ({
    containers: [{ name: 'm', image: 'a', resources: { requests: { cpu } } }],
    tolerations: [{ operator: 'Exists' }],
  })
  let tries = 0
  const watcher = {
    started: () => {},
    decided: ({ result }: { result: string }) => {
      if (result === 'unschedulable') tries++
    },
    bound: () => {},
    preempting: () => {},
  }
  const patches: string[] = []
  const { transport } = client
  const request = (call: Call) => {
    if (call.verb === 'patch') patches.push(call.name ?? '')
    return transport.request(call)
  }
  const stop = new AbortController()
  void runScheduler({ client: createClient({ ...transport, request }), clock, random, signal: stop.signal, watcher })
  await cluster.settle()
  await client.create(Pod, make.pod('huge', { spec: asking('90') as never }))
  for (let minute = 0; minute < 12; minute++) {
    const lastHeartbeatTime = `2026-01-01T00:${String(minute).padStart(2, '0')}:00Z`
    const conditions = [{ type: 'Ready', status: 'True', lastHeartbeatTime }]
    await client.patch(Node, { name: 'a' }, { type: 'strategic', body: { status: { conditions } } }, { subresource: 'status' })
    await client.create(Pod, make.pod(`small-${minute}`, { spec: asking('100m') as never }))
    await cluster.advance(30_000)
    await client.delete(Pod, { name: `small-${minute}`, namespace: 'default' }, { gracePeriodSeconds: 0 })
    await cluster.advance(30_000)
  }
  // Each pod that goes makes room, of which more cannot be known; each of the waits that follow is longer than the one before.
  assert(tries <= 12 + 3, `${tries} tries in twelve minutes`)
  const events = (await cluster.list(Event)).filter(
    ({ involvedObject, reason }) => involvedObject.name === 'huge' && reason === 'FailedScheduling',
  )
  assert.equal(events.length, 1)
  assert.equal(
    events[0]?.message,
    '0/2 nodes are available: 2 Insufficient cpu. no new claims to deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.',
  )
  assert.deepEqual(
    patches.filter((name) => name === 'huge'),
    ['huge'],
    'its condition is written once',
  )
  stop.abort()
  await cluster.settle()
})
