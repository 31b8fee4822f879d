import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReplicaSet } from '#api/apps/v1/replica-set.ts'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Secret } from '#api/core/v1/secret.ts'
import { ServiceAccount } from '#api/core/v1/service-account.ts'
import { sleep } from '#lib/clock.ts'
import { testCluster } from '#testing/cluster.ts'
import { replicaSet } from '#testing/make.ts'
import { defineController, TerminalError } from './controller.ts'
import { rolesOf, rulesOf } from './roles.ts'
import { runControllers } from './run.ts'
import { slowStart } from './slow-start.ts'

const at = { name: 'a', namespace: 'default' }

test('runControllers() shows a controller its own writes at once, and visits owners of changed children', async () => {
  const seen: number[] = []
  const controller = defineController({
    name: 'example',
    for: ConfigMap,
    owns: [Secret],
    writes: [Secret],
    async reconcile(map, cluster) {
      if (map.metadata.name !== 'a') return
      const missing = 3 - cluster.owned(Secret, map).length
      if (missing > 0)
        await cluster.createMany(
          Secret,
          Array.from({ length: missing }, () => ({})),
          map,
        )
      seen.push(cluster.owned(Secret, map).length)
    },
  })
  await using cluster = await testCluster({ controllers: [controller] })
  await cluster.client.create(ConfigMap, { metadata: at })
  await cluster.settle()
  assert(
    seen.every((count) => count === 3),
    'never fewer than were made',
  )
  const secrets = await cluster.list(Secret)
  assert.equal(secrets.length, 3)
  await cluster.client.delete(Secret, secrets[0]!)
  await cluster.settle()
  assert.equal((await cluster.list(Secret)).length, 3)
})

test('runControllers() tries again after a throw, later and later, but not after TerminalError', async () => {
  const visits: string[] = []
  const controller = defineController({
    name: 'example',
    for: ConfigMap,
    async reconcile({ metadata }) {
      visits.push(metadata.name)
      if (metadata.name === 'a') throw new Error('not yet')
      if (metadata.name === 'b') throw new TerminalError('never')
    },
  })
  await using cluster = await testCluster({ controllers: [controller] })
  await cluster.client.create(ConfigMap, { metadata: at })
  await cluster.client.create(ConfigMap, { metadata: { name: 'b', namespace: 'default' } })
  await cluster.advance(36)
  assert.equal(visits.filter((name) => name === 'a').length, 4, 'after 5, 10 and 20 ms')
  assert.equal(visits.filter((name) => name === 'b').length, 1)
  assert.equal(cluster.errors.length, 5)
})

test('runControllers() visits again when asked to, and says when an object is gone', async () => {
  const visits: string[] = []
  const controller = defineController({
    name: 'example',
    for: ConfigMap,
    reads: [ServiceAccount],
    watches: [{ kind: ServiceAccount, visits: ({ metadata }: ServiceAccount) => [{ name: 'a', namespace: metadata.namespace }] }],
    async reconcile({ metadata }, cluster) {
      visits.push(`${metadata.name} ${cluster.clock.monotonic()}`)
      return { after: 10 }
    },
    async reconcileAbsent({ name }) {
      visits.push(`${name} is gone`)
    },
  })
  await using cluster = await testCluster({ controllers: [controller] })
  const created = await cluster.client.create(ConfigMap, { metadata: at })
  await cluster.advance(10_000)
  assert.deepEqual(visits, ['a 0', 'a 10000'])
  await cluster.client.create(ServiceAccount, { metadata: { name: 'x', namespace: 'default' } })
  await cluster.settle()
  assert.deepEqual(visits.splice(0), ['a 0', 'a 10000', 'a 10000'])
  await cluster.client.delete(ConfigMap, created)
  await cluster.settle()
  assert.deepEqual(visits, ['a is gone'])
})

test('runControllers() gives way between controllers and visits, and writes nothing any more once it was stopped', async () => {
  await using cluster = await testCluster({})
  for (const name of ['a', 'b', 'c']) await cluster.client.create(ConfigMap, { metadata: { name, namespace: 'default' } })
  const stop = new AbortController()
  const visits: string[] = []
  const refused: unknown[] = []
  const named = (name: string) =>
    defineController({
      name,
      for: ConfigMap,
      writes: [ConfigMap],
      workers: 1,
      async reconcile(object) {
        visits.push(`${name} ${object.metadata.name}`)
      },
      async run(own, signal) {
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        await own.create(ConfigMap, { metadata: { name, namespace: 'default' } }).catch((error) => refused.push(error))
      },
    })
  const seen: number[] = []
  const running = runControllers([named('one'), named('two')], {
    ...{ clock: cluster.clock, random: cluster.random, signal: stop.signal, clientFor: () => cluster.client },
    giveWay() {
      if (seen.at(-1) === visits.length) return undefined
      seen.push(visits.length)
      return Promise.resolve()
    },
  })
  await cluster.settle()
  assert.deepEqual(seen, [0, 2, 4, 6], 'each of the two asks after each visit')
  const reason = new Error('enough')
  stop.abort(reason)
  await running
  assert.deepEqual(refused, [reason, reason])
})

test('rulesOf() and rolesOf() say what was declared, and no more', () => {
  const one = defineController({ name: 'one', account: 'shared', for: ConfigMap, owns: [Secret], writes: [Secret] })
  const two = defineController({ name: 'two', account: 'shared', for: ServiceAccount })
  const verbs = (resource: string) =>
    rulesOf(one)
      .filter(({ resources }) => resources?.includes(resource))
      .flatMap(({ verbs }) => verbs)
  assert.deepEqual(verbs('configmaps'), ['get', 'list', 'watch'])
  assert.deepEqual(verbs('secrets'), ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'])
  assert.deepEqual([...rolesOf([one, two]).keys()], ['shared'])
})

test('slowStart() goes in batches of 1, 2, 4 and stops after one that fails', async () => {
  const tried: number[] = []
  const items = Array.from({ length: 20 }, (_, at) => at)
  const { done, error } = await slowStart(items, async (item) => {
    tried.push(item)
    if (item === 4) throw new Error('full')
  })
  assert.equal(tried.length, 7)
  assert.equal(done, 6)
  assert.equal((error as Error).message, 'full')
})

test('status() is written onto newer wishes, but not over a status that somebody else has changed meanwhile', async () => {
  const conditions: (string | undefined)[] = []
  let between: ((set: ReplicaSet) => Promise<unknown>) | undefined
  const controller = defineController({
    name: 'example',
    for: ReplicaSet,
    async reconcile(set, cluster) {
      conditions.push(set.status.conditions?.[0]?.type)
      await between?.(set)
      between = undefined
      await cluster.status(ReplicaSet, set, { ...set.status, observedGeneration: set.metadata.generation, replicas: 7 })
    },
  })
  await using cluster = await testCluster({ controllers: [controller] })
  const { client } = cluster
  const patch = (body: object, subresource?: string) =>
    client.patch(ReplicaSet, at, { type: 'merge', body }, subresource ? { subresource } : {})
  between = () => patch({ spec: { replicas: 5 } })
  await client.create(ReplicaSet, replicaSet('a'))
  await cluster.settle()
  between = () => patch({ status: { conditions: [{ type: 'Other', status: 'True' }] } }, 'status')
  await patch({ spec: { replicas: 6 } })
  await cluster.advance(1000)
  const { status } = await client.get(ReplicaSet, at)
  assert.deepEqual([status.replicas, status.observedGeneration, status.conditions?.[0]?.type], [7, 3, 'Other'])
  assert.deepEqual(cluster.errors, [])
})

test('runControllers() lets what costs much rest: many changes then lead to one visit', async () => {
  const visits: number[] = []
  const controller = defineController({
    name: 'example',
    for: ConfigMap,
    async reconcile(map, { clock }) {
      visits.push(Number(map.data?.at ?? 0))
      await sleep(clock, 20)
    },
  })
  await using cluster = await testCluster({ controllers: [controller] })
  await cluster.client.create(ConfigMap, { metadata: at })
  await cluster.advance(21)
  for (let i = 1; i <= 5; i++) {
    await cluster.client.patch(ConfigMap, at, { type: 'merge', body: { data: { at: String(i) } } })
    await cluster.advance(5)
  }
  assert.deepEqual(visits, [0])
  await cluster.advance(100)
  assert.deepEqual(visits, [0, 5])
  assert.deepEqual(cluster.errors, [])
})
