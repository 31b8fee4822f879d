import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { seededRandom } from '#lib/random.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { expired, StatusError } from '#schema/status-error.ts'
import { testCluster } from '#testing/cluster.ts'
import { type Call, type List, type Transport, TransportError, type WatchEvent } from './client.ts'
import { startInformer } from './informer.ts'
import { createClient } from './typed-client.ts'

const map = (name: string, version: number, uid = name): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default', uid, resourceVersion: String(version), creationTimestamp: '2026-01-01T00:00:00Z' },
})

type Step = Error | readonly WatchEvent<ConfigMap>[]

/** Answers lists and watches from a script; a watch whose script has run out stays open. */
function scripted(script: { lists: (List<ConfigMap> | Error)[]; watches: Step[][] }) {
  const calls: Call[] = []
  const transport: Transport = {
    async request(call) {
      calls.push(call)
      const next = script.lists.shift()
      if (next instanceof Error) throw next
      return next
    },
    async *watch(call) {
      calls.push(call)
      const steps = script.watches.shift()
      for (const step of steps ?? []) {
        if (step instanceof Error) throw step
        yield step
      }
      if (!steps) await new Promise((resolve) => call.signal.addEventListener('abort', resolve))
    },
    close: async () => {},
  }
  return { client: createClient(transport), calls }
}

const list = (version: number, ...items: ConfigMap[]): List<ConfigMap> => ({
  items,
  metadata: { resourceVersion: String(version) },
})

async function run(
  script: Parameters<typeof scripted>[0],
  options: { initial?: 'list' | 'stream'; giveWay?: (seen: readonly string[]) => Promise<void> | undefined } = {},
) {
  const clock = new VirtualClock()
  const stop = new AbortController()
  const { client, calls } = scripted(script)
  const seen: string[] = []
  const errors: unknown[] = []
  const informer = startInformer(client, ConfigMap, {
    clock,
    random: seededRandom(1),
    signal: stop.signal,
    onError: (error) => void errors.push(error),
    ...options,
    giveWay: options.giveWay && (() => options.giveWay?.(seen)),
  })
  informer.addHandlers({
    added: ({ metadata }) => seen.push(`+${metadata.name}`),
    updated: ({ metadata }, old) => seen.push(`${metadata.name} ${old.metadata.resourceVersion}>${metadata.resourceVersion}`),
    deleted: ({ metadata }) => seen.push(`-${metadata.name}`),
  })
  for (let turns = 0; turns < 50; turns++) {
    await new Promise((resolve) => setImmediate(resolve))
    clock.runNext()
  }
  stop.abort()
  const queries = calls.map(({ verb, query }) => `${verb} ${query?.resourceVersion ?? ''}`)
  return { informer, seen, errors, queries }
}

test('informer lists, watches from there and tells what changes', async () => {
  const { informer, seen, queries } = await run({
    lists: [list(5, map('a', 3), map('b', 4))],
    watches: [
      [
        [
          { type: 'MODIFIED', object: map('a', 6) },
          { type: 'ADDED', object: map('c', 7) },
        ],
        [{ type: 'DELETED', object: map('b', 8) }],
      ],
    ],
  })
  assert.deepEqual(seen, ['+a', '+b', 'a 3>6', '+c', '-b'])
  assert.deepEqual(
    informer.list().map(({ metadata }) => metadata.name),
    ['a', 'c'],
  )
  assert.deepEqual(queries, ['list 0', 'watch 5', 'watch 8'])
  assert(informer.hasSynced)
})

test('informer goes on from the last bookmark when a watch breaks', async () => {
  const { queries, seen } = await run({
    lists: [list(5, map('a', 3))],
    watches: [[[{ type: 'BOOKMARK', object: map('', 9) }], new TransportError('broken')]],
  })
  assert.deepEqual(queries, ['list 0', 'watch 5', 'watch 9'])
  assert.deepEqual(seen, ['+a'])
})

test('informer lists again after 410 and tells the difference', async () => {
  const { queries, seen, errors } = await run({
    lists: [list(5, map('a', 3), map('b', 4), map('c', 4)), list(20, map('a', 3), map('b', 12), map('c', 13, 'c2'))],
    watches: [[expired()]],
  })
  assert.deepEqual(queries, ['list 0', 'watch 5', 'list ', 'watch 20'])
  assert.deepEqual(seen, ['+a', '+b', '+c', 'b 4>12', '-c', '+c'])
  assert.equal(errors.length, 1)
})

test('informer tells of objects that vanished between lists', async () => {
  const { seen } = await run({ lists: [list(5, map('a', 3)), list(9)], watches: [[expired()]] })
  assert.deepEqual(seen, ['+a', '-a'])
})

test('informer tries a failed list again', async () => {
  const { queries, errors } = await run({
    lists: [new StatusError('InternalError', 'no'), new TransportError('no'), list(5)],
    watches: [],
  })
  assert.deepEqual(queries, ['list 0', 'list 0', 'list 0', 'watch 5'])
  assert.equal(errors.length, 2)
})

for (const initial of ['list', 'stream'] as const)
  test(`informer takes in a long ${initial} in parts, and what follows after it`, async () => {
    const many = Array.from({ length: 100 }, (_, i) => map(`m${i}`, 3))
    const end = map('', 5)
    end.metadata.annotations = { 'k8s.io/initial-events-end': 'true' }
    const added = many.map((object) => ({ type: 'ADDED', object }) as const)
    const parts: number[] = []
    const { seen, informer } = await run(
      {
        lists: [list(5, ...many)],
        watches: [
          ...(initial === 'stream' ? [[[...added, { type: 'BOOKMARK', object: end } as const]]] : []),
          [[{ type: 'MODIFIED', object: map('m99', 6) }]],
        ],
      },
      {
        initial,
        giveWay(told) {
          if (parts.at(-1) === told.length) return undefined
          parts.push(told.length)
          return new Promise((resolve) => setImmediate(resolve))
        },
      },
    )
    assert.deepEqual(parts, [32, 64, 96])
    assert.deepEqual(seen, [...many.map(({ metadata }) => `+${metadata.name}`), 'm99 3>6'])
    assert.equal(informer.resourceVersion, '6')
  })

test('informer streams its first state where the server can', async () => {
  const end = map('', 7)
  end.metadata.annotations = { 'k8s.io/initial-events-end': 'true' }
  const { seen, queries, informer } = await run(
    {
      lists: [],
      watches: [
        [
          [{ type: 'ADDED', object: map('a', 3) }],
          [
            { type: 'BOOKMARK', object: end },
            { type: 'ADDED', object: map('b', 8) },
          ],
        ],
      ],
    },
    { initial: 'stream' },
  )
  assert.deepEqual(seen, ['+a', '+b'])
  assert.deepEqual(queries, ['watch ', 'watch 8'])
  assert(informer.hasSynced)
})

test('informer lists where the server refuses to stream', async () => {
  const { queries } = await run(
    { lists: [list(5)], watches: [[new StatusError('Invalid', 'sendInitialEvents is forbidden')]] },
    { initial: 'stream' },
  )
  assert.deepEqual(queries, ['watch ', 'list 0', 'watch 5'])
})

for (const transport of ['in-process', 'https'] as const)
  for (const initial of ['list', 'stream'] as const)
    test(`informer follows a cluster (${transport}, ${initial}), by namespace, label, owner and an index of one’s own`, async () => {
      await using cluster = await testCluster({ transport })
      const stop = new AbortController()
      const { clock, random } = cluster
      const informer = startInformer(cluster.client, ConfigMap, { clock, random, signal: stop.signal, initial })
      informer.addIndex('colour', ({ data }) => (data?.colour ? [data.colour] : []))
      const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'o', uid: 'u1' }]
      await cluster.client.create(ConfigMap, {
        metadata: { name: 'a', namespace: 'default', labels: { x: '1' } },
        data: { colour: 'red' },
      })
      await cluster.client.create(ConfigMap, {
        metadata: { name: 'b', namespace: 'kube-public', ownerReferences },
        data: { colour: 'red' },
      })
      await cluster.settle()
      const names = (objects: readonly ConfigMap[]) => objects.map(({ metadata }) => metadata.name)
      assert.deepEqual(names(informer.list({ namespace: 'default' })), ['a'])
      assert.deepEqual(names(informer.list({ labels: { x: '1' } })), ['a'])
      assert.deepEqual(names(informer.ownedBy('u1')), ['b'])
      assert.deepEqual(names(informer.indexed('colour', 'red')), ['a', 'b'])
      await cluster.client.delete(ConfigMap, { name: 'a', namespace: 'default' })
      await cluster.settle()
      assert.equal(informer.get({ name: 'a', namespace: 'default' }), undefined)
      assert.deepEqual(names(informer.indexed('colour', 'red')), ['b'])
      stop.abort()
    })
