/** etcd's watch service over the wire: filters, fragments, questions about progress, and the ends of watches. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ensurePki } from '#cluster/pki.ts'
import { type Clock, systemClock } from '#lib/clock.ts'
import { nextTurn } from '#lib/turn.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { cause } from '../conformance/bench.ts'
import { Members } from '../etcd/members.ts'
import type { WatchAnswer, WatchCreate, WatchMessage } from '../etcd/messages.ts'
import { openMemoryStore } from '../memory.ts'
import type { Store } from '../store.ts'
import { serveEtcdApi } from './serve.ts'

const folder = mkdtempSync(join(tmpdir(), 'nami-watch-stream-'))
after(() => rmSync(folder, { recursive: true, force: true }))
let authority: ReturnType<typeof ensurePki> | undefined

interface Watching {
  readonly store: Store
  readonly answers: WatchAnswer[]
  write(message: WatchMessage): void
  create(request: Omit<WatchCreate, 'key'>): void
  /** Resolves when the answers are such. */
  until(done: (answers: readonly WatchAnswer[]) => boolean): Promise<void>
}

async function watching(body: (watch: Watching) => Promise<void>, clock: Clock = systemClock): Promise<void> {
  authority ??= ensurePki(join(folder, 'pki'), { domain: 'cluster.local', dnsNames: ['localhost'], addresses: ['127.0.0.1'] })
  const { apiserver, ca, admin } = await authority
  const store = openMemoryStore({ clock: systemClock })
  const api = await serveEtcdApi({
    ...{ store, clock, host: '127.0.0.1', port: 0, ...apiserver, clientCa: ca.certificate, name: 'test' },
    mayUse: () => true,
    snapshot: async function* () {},
  })
  const tls = { ca: Buffer.from(ca.certificate), certificate: Buffer.from(admin.certificate), key: Buffer.from(admin.key) }
  const members = new Members({ endpoints: [`https://127.0.0.1:${api.port}`], tls, clock: systemClock })
  const answers: WatchAnswer[] = []
  const waiting: { done: (answers: readonly WatchAnswer[]) => boolean; resolve: () => void }[] = []
  const stream = members.stream<WatchMessage, WatchAnswer>('Watch.Watch', {
    onMessage(answer) {
      answers.push(answer)
      for (const { done, resolve } of waiting) if (done(answers)) resolve()
    },
    onEnd: () => {},
  })
  const write = (message: WatchMessage) => stream.write(message)
  const create = (request: Omit<WatchCreate, 'key'>) => {
    write({ create_request: { key: Buffer.from('/a/'), range_end: Buffer.from('/a0'), ...request } })
  }
  const until = (done: (answers: readonly WatchAnswer[]) => boolean) => {
    return done(answers) ? Promise.resolve() : new Promise<void>((resolve) => waiting.push({ done, resolve }))
  }
  try {
    await body({ store, answers, write, create, until })
  } finally {
    stream.cancel()
    members.close()
    await api.close()
    await store.close()
  }
}

function put(store: Store, ...keys: string[]): Promise<unknown> {
  const value = Buffer.from(`of ${keys}`)
  return store.txn({ compare: [], success: keys.map((key) => ({ op: 'put' as const, key, value })), cause })
}

function eventsOf(answers: readonly WatchAnswer[], id: number): string[] {
  const events = answers.filter(({ watch_id }) => watch_id === id).flatMap(({ events }) => events)
  return events.map(
    ({ type, kv, prev_kv: before }) => `${type ? 'delete' : 'put'} ${kv.key}${before ? ` after ${before.value}` : ''}`,
  )
}

test('a watch leaves out what its filters name, and shows what was before where asked', async () => {
  await watching(async ({ store, answers, create, until }) => {
    create({ watch_id: 1, filters: [0] })
    create({ watch_id: 2, filters: [1] })
    create({ watch_id: 3, prev_kv: true })
    await until((answers) => answers.length === 3)
    await put(store, '/a/1')
    await put(store, '/a/1', '/b')
    await store.txn({ compare: [], success: [{ op: 'delete', key: '/a/1' }], cause })
    await until((answers) => eventsOf(answers, 3).length === 3 && eventsOf(answers, 1).length === 1)
    assert.deepEqual(eventsOf(answers, 1), ['delete /a/1'])
    assert.deepEqual(eventsOf(answers, 2), ['put /a/1', 'put /a/1'])
    assert.deepEqual(eventsOf(answers, 3), ['put /a/1', 'put /a/1 after of /a/1', 'delete /a/1 after of /a/1,/b'])
  })
})

test('a watch that asked for fragments gets large revisions in parts, each but the last marked', async () => {
  await watching(async ({ store, answers, create, until }) => {
    const value = new Uint8Array(1 << 20)
    create({ watch_id: 1, fragment: true })
    create({ watch_id: 2 })
    await until((answers) => answers.length === 2)
    const success = [1, 2, 3].map((i) => ({ op: 'put' as const, key: `/a/${i}`, value }))
    await store.txn({ compare: [], success, cause })
    await until((answers) => eventsOf(answers, 1).length === 3 && eventsOf(answers, 2).length === 3)
    const parts = (id: number) => answers.filter(({ watch_id, events }) => watch_id === id && events.length > 0)
    assert.deepEqual(
      parts(1).map(({ fragment, events }) => [fragment, events.length]),
      [
        [true, 1],
        [true, 1],
        [false, 1],
      ],
    )
    assert.deepEqual(
      parts(2).map(({ fragment, events }) => [fragment, events.length]),
      [[false, 3]],
    )
  })
})

test('a question about progress is answered once for all watches, after all that they have to show', async () => {
  await watching(async ({ store, answers, write, create, until }) => {
    create({ watch_id: 1 })
    create({ watch_id: 2 })
    await until((answers) => answers.length === 2)
    await put(store, '/a/1')
    await put(store, '/elsewhere')
    write({ progress_request: {} })
    await until((answers) => answers.some(({ watch_id }) => watch_id === -1))
    const [told] = answers.filter(({ watch_id }) => watch_id === -1)
    assert.equal(told?.header.revision, (await store.status()).revision)
    assert.equal(answers.at(-1), told)
    assert.deepEqual([eventsOf(answers, 1), eventsOf(answers, 2)], [['put /a/1'], ['put /a/1']])
  })
})

test('a watch is cancelled by its id, which cannot be given twice, and one from a compacted revision at once', async () => {
  await watching(async ({ store, answers, write, create, until }) => {
    for (const key of ['/a/1', '/a/2', '/a/3']) await put(store, key)
    await store.compact(3)
    create({ watch_id: 7 })
    create({ watch_id: 7 })
    create({ watch_id: 8, start_revision: 2 })
    await until((answers) => answers.length === 4)
    const [first, second, ...compacted] = answers
    assert.deepEqual([first?.created, first?.canceled], [true, false])
    assert.match(second?.cancel_reason ?? '', /^etcdserver: duplicate watch ID provided on the WatchStream$/)
    assert.deepEqual(
      compacted.map(({ created, canceled, compact_revision }) => [created, canceled, compact_revision]),
      [
        [true, false, 0],
        [false, true, 3],
      ],
    )
    write({ cancel_request: { watch_id: 7 } })
    await until((answers) => answers.length === 5)
    await put(store, '/a/4')
    assert.deepEqual([answers[4]?.watch_id, answers[4]?.canceled], [7, true])
  })
})

test('a watch that asked for notices hears every ten minutes how far it is, unless it has just heard', async () => {
  const clock = new VirtualClock()
  const period = 600_000
  await watching(async ({ store, answers, create, until }) => {
    create({ watch_id: 1, progress_notify: true })
    create({ watch_id: 2 })
    await until((answers) => answers.length === 2)
    const notices = () => answers.filter(({ watch_id, events, created }) => watch_id === 1 && events.length === 0 && !created)
    await put(store, '/elsewhere')
    assert.equal(clock.runNext(clock.now() + period - 1), false)
    assert.equal(clock.runNext(clock.now() + period), true)
    await until(() => notices().length === 1)
    assert.equal(notices()[0]?.header.revision, (await store.status()).revision)
    await put(store, '/a/1')
    await until((answers) => eventsOf(answers, 1).length === 1)
    assert.equal(clock.runNext(clock.now() + period), true)
    await nextTurn()
    assert.equal(clock.runNext(clock.now() + period), true)
    await until(() => notices().length === 2)
    assert.equal(notices().length, 2, 'none after an event')
    assert(answers.every(({ watch_id, events, created }) => watch_id !== 2 || created || events.length > 0))
  }, clock)
})
