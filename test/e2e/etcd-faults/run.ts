/**
 * Inside the network of the members: two stores with clients and watchers, and faults one after the other; prints what it found as JSON.
 * The stores lie below a prefix and above an offset, as those of clusters do. Arguments: FAULTS PLACES(JSON).
 */
import { waitReferenced } from '#cluster/processes.ts'
import { systemClock } from '#lib/clock.ts'
import { seededRandom, systemRandom } from '#lib/random.ts'
import { judgeRevisions } from '#store/conformance/judge-revisions.ts'
import { type Input, perform, Recording, storeModel } from '#store/conformance/recorded-client.ts'
import { type Call, callOnce } from '#store/conformance/recorded-store.ts'
import { openEtcdStore } from '#store/etcd/etcd.ts'
import { importEtcd } from '#store/etcd/import-etcd.ts'
import type { Store, StoreEvent } from '#store/store.ts'
import { type EtcdMember, testEtcd } from '#testing/etcd.ts'
import { setLink, setPeers } from '#testing/etcd-lan.ts'
import { checkLinearizable } from '#testing/linearizability.ts'
import { storeBelow } from '#testing/store-below.ts'

const faults = Number(process.argv[2])
const places = JSON.parse(process.argv[3] ?? '[]')
const random = seededRandom(Number(process.argv[4] ?? 1))
const keyCount = 12
const clientsEach = 5

const pick = <T>(items: readonly T[]): T => items[Math.floor(random.next() * items.length)] as T
const pause = (from: number, to: number) => waitReferenced(systemClock, from + random.next() * (to - from))

await using etcd = await testEtcd({ size: places.length, places })
const prefix = '/own'
const moved = { rows: () => [], leases: [], above: 0, replace: false }
const { revision: base } = await importEtcd({ endpoints: etcd.endpoints, prefix, clock: systemClock }, moved)
const open = async (name: string, endpoints: readonly string[]) =>
  storeBelow(
    '/registry',
    await openEtcdStore({ endpoints, prefix, name, clock: systemClock, random: systemRandom, attempt: 1_000, patience: 30_000 }),
  )
const [first = '', ...rest] = etcd.endpoints
const stores = [await open('a', etcd.endpoints), await open('b', [...rest, first])]

const logs = stores.map((store) => {
  const events: StoreEvent[] = []
  const log = { events, gaps: 0 }
  store.watch({ key: '/k/', end: '/k0', from: base + 1, signal: new AbortController().signal }, (batch) => {
    if (batch.type === 'compacted') log.gaps++
    if (batch.type === 'events') events.push(...batch.events)
  })
  return log
})

const recording = new Recording()
const seen = new Map<string, number>()
const answered: { input: Input; revision: number }[] = []
let [ids, isOver] = [0, false]
/** By what was said instead. */
const unanswered: Record<string, number> = {}
/** Of those who use all of the store, on keys of their own. */
const calls: Call[] = []
const others: StoreEvent[] = []
stores[0]?.watch({ key: '/t/', end: '/t0', from: base + 1, signal: new AbortController().signal }, (batch) => {
  if (batch.type === 'events') others.push(...batch.events)
})
const wide = stores.flatMap((store, i) => [0, 1].map((n) => wideClient(store, `t${i}${n}`)))
const clients = stores.flatMap((store, i) => Array.from({ length: clientsEach }, (_, n) => client(store, `${i}${n}`)))

const kinds = ['kill', 'pause', 'partition', 'isolate', 'kill both', 'pause both', 'move'] as const
const done: Record<string, number> = {}
for (let i = 0; i < faults; i++) {
  const kind = pick(kinds)
  done[kind] = (done[kind] ?? 0) + 1
  await fault(kind)
  await etcd.ready()
  await pause(100, 400)
}
isOver = true
await Promise.all([...clients, ...wide])

const found: { key: string; output: { ok: boolean; revision: number; value?: string } }[] = []
for (let i = 0; i < keyCount; i++) {
  const key = `/k/${i}`
  found.push({ key, output: await perform(stores[0] as Store, { op: 'read', key }) })
}
for (const store of stores) await store.requestProgress()
await waitReferenced(systemClock, 100)
const verdict = checkLinearizable(storeModel, recording.history(found))
const problems = logs.flatMap((log, i) => watchProblems(log, `watch ${i}`))
problems.push(...judgeRevisions(calls, others, base))
if (JSON.stringify(logs[0]?.events.map(short)) !== JSON.stringify(logs[1]?.events.map(short))) problems.push('the watches differ')
for (const store of stores) await store.close()
const summary = {
  done,
  operations: ids,
  calls: calls.length,
  unanswered,
  events: logs[0]?.events.length,
  problems: problems.slice(0, 10),
}
console.log(JSON.stringify({ ...summary, verdict: verdict.ok || { stuck: verdict.stuck, last: verdict.longest.slice(-5) } }))

async function client(store: Store, name: string): Promise<void> {
  for (let i = 0; !isOver; i++) {
    const input = chosen(`${name}.${i}`)
    const id = ids++
    recording.called(id, input)
    try {
      const output = await perform(store, input)
      recording.answered(id, output)
      seen.set(input.key, output.revision)
      if (output.ok && input.op !== 'read') answered.push({ input, revision: output.revision })
    } catch (error) {
      const { message } = error as Error
      unanswered[message] = (unanswered[message] ?? 0) + 1
    }
    await pause(2, 20)
  }
}

async function wideClient(store: Store, name: string): Promise<void> {
  const client = { store, calls, random, name, keys: 6, below: '/t/', isGentle: true }
  for (let i = 0; !isOver; i++) {
    await callOnce(client, i).catch(({ message }: Error) => {
      unanswered[message] = (unanswered[message] ?? 0) + 1
    })
    await pause(5, 40)
  }
}

function chosen(value: string): Input {
  const key = `/k/${Math.floor(random.next() * keyCount)}`
  const revision = seen.get(key) ?? 0
  const chance = random.next()
  if (chance < 0.3) return { op: 'put', key, value }
  if (chance < 0.45) return { op: 'create', key, value }
  if (chance < 0.7) return { op: 'update', key, value, revision }
  if (chance < 0.8) return { op: 'remove', key, revision }
  return { op: 'read', key }
}

async function fault(kind: (typeof kinds)[number]): Promise<void> {
  const leader = await leaderNow()
  const hit = random.next() < 0.6 ? leader : pick(etcd.members)
  const hits = kind.endsWith('both') ? [hit, etcd.members.find((one) => one !== hit) as EtcdMember] : [hit]
  if (kind === 'move') return moveLeader(leader)
  if (kind === 'partition') {
    const member = etcd.members.indexOf(hit)
    setLink(member, 'down')
    await pause(400, 2_000)
    return setLink(member, 'up')
  }
  if (kind === 'isolate') {
    // We still reach it, and it hears nothing of what the others decide.
    const member = etcd.members.indexOf(hit)
    setPeers(places, member, 'cut')
    await pause(1_000, 2_500)
    return setPeers(places, member, 'joined')
  }
  for (const member of hits) {
    if (kind.startsWith('kill')) await member.kill()
    else member.signal('SIGSTOP')
  }
  await pause(200, 1_500)
  for (const member of hits) {
    if (kind.startsWith('kill')) member.start()
    else member.signal('SIGCONT')
  }
}

interface Status {
  readonly header: { readonly member_id: string }
  readonly leader: string
}

async function ask<T>({ endpoint }: EtcdMember, path: string, body: object): Promise<T> {
  const answer = await fetch(`${endpoint}/v3/maintenance/${path}`, { method: 'POST', body: JSON.stringify(body) })
  return (await answer.json()) as T
}

async function leaderNow(): Promise<EtcdMember> {
  const statuses = await Promise.all(etcd.members.map((member) => ask<Status>(member, 'status', {})))
  const at = statuses.findIndex(({ header, leader }) => header.member_id === leader)
  return etcd.members[Math.max(0, at)] as EtcdMember
}

async function moveLeader(leader: EtcdMember): Promise<void> {
  const other = pick(etcd.members.filter((one) => one !== leader))
  const { header } = await ask<Status>(other, 'status', {})
  await ask(leader, 'transfer-leadership', { targetID: header.member_id })
}

function short({ type, row }: StoreEvent): string {
  return `${type} ${row.key} ${row.revision} ${Buffer.from(row.value)}`
}

/** Once and in order, nothing missing, nothing that nobody wrote. */
function watchProblems({ events, gaps }: (typeof logs)[number], name: string): string[] {
  const problems: string[] = gaps > 0 ? [`${name}: ${gaps} gaps`] : []
  const latest = new Map<string, StoreEvent>()
  const at = new Map<string, StoreEvent>()
  let last = 0
  for (const event of events) {
    const { key, revision } = event.row
    if (revision <= last) problems.push(`${name}: ${short(event)} after revision ${last}`)
    last = revision
    const before = latest.get(key)
    const expected = before?.type === 'put' ? before.row.revision : undefined
    if (event.previous?.revision !== expected) problems.push(`${name}: before ${short(event)} came ${expected}`)
    latest.set(key, event)
    at.set(`${key} ${revision}`, event)
  }
  for (const { input, revision } of answered) {
    if (input.op === 'read') continue
    const event = at.get(`${input.key} ${revision}`)
    const value = input.op === 'remove' ? '' : input.value
    if (!event && input.op === 'remove' && input.revision === 0) continue
    if (!event || Buffer.from(event.row.value).toString() !== value)
      problems.push(`${name}: lost ${JSON.stringify(input)} ${revision}`)
  }
  return problems
}
