import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Namespace } from '#api/core/v1/namespace.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { Service as KubeService } from '#api/core/v1/service.ts'
import { edit } from '#client/client.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import type { Surroundings } from '../surroundings.ts'
import { labelOf } from './plan-pods.ts'
import { stateOf } from './pod-state.ts'
import { readStack } from './read-stack.ts'
import { runInStack } from './run-in-stack.ts'
import { type RunningStack, startStack, stopStack } from './run-stack.ts'
import { testStack } from './test-stack.ts'

interface Play {
  /** Of services that end; the others run. */
  readonly exits?: Readonly<Record<string, number>>
  /** Services that run and are never ready. */
  readonly sick?: readonly string[]
  readonly problems?: Readonly<Record<string, string>>
}

/** A stack on a test cluster whose pods run, or end, at the first wait behind their creation. */
async function bed(cluster: TestCluster, text: string, play: Play = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'nami-stack-'))
  writeFileSync(join(folder, 'compose.yaml'), text)
  const noted: string[] = []
  const printed: string[] = []
  const stop = new AbortController()
  let waits = 0
  const around: Surroundings = {
    clock: cluster.clock,
    random: cluster.random,
    signal: stop.signal,
    env: {},
    programs: { run: async () => ({ code: 0, stdout: '', stderr: '' }) },
    user: 'ann',
    async pause(milliseconds) {
      if (++waits > 300) throw new Error(`waits for ever; ${noted.join(', ')}`)
      await advance(cluster, play)
      await cluster.advance(milliseconds)
      stop.signal.throwIfAborted()
    },
    print: (line) => void printed.push(line),
    note: (line) => void noted.push(line),
  }
  const at = (content: string) => {
    const stack = readStack(join(folder, 'compose.yaml'), { env: {}, cwd: folder, read: () => content })
    const images = new Map(Object.keys(stack.services).map((name) => [name, { reference: 'img', isLocal: true }]))
    const running: RunningStack = {
      client: cluster.client,
      stack,
      project: 'p',
      namespace: 'p',
      env: {},
      around,
      images,
      publishes: true,
    }
    return running
  }
  const pods = {
    attach: async () => {},
    async *logs({ name }: { name: string }) {
      yield Buffer.from(`log of ${name}\n`)
    },
  }
  return { at, running: at(text), noted, printed, stop, pods, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) }
}

async function advance(cluster: TestCluster, { exits = {}, sick = [], problems = {} }: Play): Promise<void> {
  await cluster.settle()
  for (const pod of await cluster.list(Pod)) {
    if (pod.metadata.deletionTimestamp) {
      await cluster.client.delete(Pod, pod, { gracePeriodSeconds: 0 })
      continue
    }
    if (pod.status.containerStatuses) continue
    const name = pod.metadata.labels?.[labelOf.service] ?? pod.metadata.name.split('-')[0] ?? ''
    const code = exits[name]
    const problem = problems[name]
    const state =
      problem !== undefined
        ? { waiting: { reason: problem, message: 'so' } }
        : code === undefined
          ? { running: {} }
          : { terminated: { exitCode: code, reason: 'Error' } }
    const draft = edit(pod) as any
    draft.status.phase = code === undefined ? 'Running' : code === 0 ? 'Succeeded' : 'Failed'
    draft.status.containerStatuses = [{ name, image: '', imageID: '', ready: true, restartCount: 0, state }]
    draft.status.conditions = [{ type: 'Ready', status: sick.includes(name) ? 'False' : 'True' }]
    await cluster.client.update(Pod, draft, { subresource: 'status' })
  }
  await cluster.settle()
}

const names = async (cluster: TestCluster) => (await cluster.list(Pod)).map(({ metadata }) => metadata.name).sort()
const created = (noted: readonly string[]) => noted.filter((line) => /created$|made anew$/.test(line))
const check = 'healthcheck: { test: "true" }'

test('startStack() starts services behind what they depend on, under names that others reach them by', async () => {
  await using cluster = await testCluster()
  using one = await bed(
    cluster,
    `services:
  web: { image: i, depends_on: { db: { condition: service_healthy }, init: { condition: service_completed_successfully } }, scale: 2 }
  init: { image: i, depends_on: [db] }
  db: { image: i, ${check} }
`,
    { exits: { init: 0 } },
  )
  await startStack(one.running)
  assert.deepEqual(created(one.noted), ['db-1 created', 'init-1 created', 'web-1 created', 'web-2 created'])
  assert.deepEqual(
    (await cluster.client.list(KubeService, { namespace: 'p' })).items.map(({ metadata }) => metadata.name),
    ['db', 'init', 'web'],
  )
})

test('startStack() again leaves alone what is as it should be, changes what is not, and removes what is gone from the file', async () => {
  await using cluster = await testCluster()
  const text =
    'services:\n  a: { image: i, command: x }\n  b: { image: i, depends_on: { a: { condition: service_started, restart: true } } }\n  c: { image: i }\n'
  using one = await bed(cluster, text)
  await startStack(one.running)
  one.noted.length = 0
  await startStack(one.running)
  assert.deepEqual(created(one.noted), [])
  await startStack(one.at(text.replace('command: x', 'command: y').replace(/ {2}c:.*\n/, '')))
  assert.deepEqual(created(one.noted), ['a-1 made anew', 'b-1 made anew'])
  assert.deepEqual(await names(cluster), ['a-1', 'b-1'])
})

const failures: readonly { it: string; play: Play; says: RegExp }[] = [
  {
    it: 'ends before it is healthy',
    play: { exits: { db: 3 } },
    says: /dependency failed to start: service db: it ended with exit code 3/,
  },
  { it: 'has an image that cannot be had', play: { problems: { db: 'ErrImagePull' } }, says: /service db: ErrImagePull: so/ },
]

for (const { it, play, says } of failures) {
  test(`startStack() gives up when a service ${it}`, async () => {
    await using cluster = await testCluster()
    using one = await bed(
      cluster,
      `services:\n  web: { image: i, depends_on: { db: { condition: service_healthy } } }\n  db: { image: i, ${check} }\n`,
      play,
    )
    await assert.rejects(startStack(one.running), says)
    assert.deepEqual(await names(cluster), ['db-1'])
  })
}

test('startStack() goes on without a dependency that is not required', async () => {
  await using cluster = await testCluster()
  const text =
    'services:\n  web: { image: i, depends_on: { opt: { condition: service_completed_successfully, required: false } } }\n  opt: { image: i }\n'
  using one = await bed(cluster, text, { exits: { opt: 1 } })
  await startStack(one.running)
  assert(one.noted.some((line) => /^web goes on without opt: it ended with exit code 1/.test(line)))
})

test('startStack() interrupted at any wait goes on when it is called again', async () => {
  for (let after = 1; after < 6; after++) {
    await using cluster = await testCluster()
    using one = await bed(
      cluster,
      `services:\n  web: { image: i, depends_on: { db: { condition: service_healthy } } }\n  db: { image: i, ${check} }\n`,
    )
    let waits = 0
    const pause = async (time: number) => {
      if (++waits === after) throw new Error('interrupted')
      await one.running.around.pause(time)
    }
    await startStack({ ...one.running, around: { ...one.running.around, pause } }).catch(() => {})
    await startStack(one.running)
    assert.deepEqual(await names(cluster), ['db-1', 'web-1'])
  }
})

test('stopStack() ends dependents first', async () => {
  await using cluster = await testCluster()
  using one = await bed(cluster, 'services:\n  web: { image: i, depends_on: [db] }\n  db: { image: i }\n')
  await startStack(one.running)
  const gone: string[] = []
  const client = {
    ...one.running.client,
    get: one.running.client.get.bind(one.running.client),
    list: one.running.client.list.bind(one.running.client),
  } as typeof one.running.client
  client.delete = async (kind, at, options) => {
    gone.push(('metadata' in at ? at.metadata : at).name)
    return one.running.client.delete(kind, at, options)
  }
  await stopStack({ ...one.running, client })
  assert.deepEqual(gone, ['web-1', 'db-1'])
  assert.deepEqual(await names(cluster), [])
  assert(await cluster.client.get(Namespace, { name: 'p' }), 'volumes stay')
})

const runs = [
  { it: 'the code of the service', exits: { tests: 5 }, code: 5 },
  { it: '0 when it passes', exits: { tests: 0 }, code: 0 },
  { it: '137 when another ended first', exits: { db: 0 }, code: 137 },
]

for (const { it, exits, code } of runs) {
  test(`testStack() answers ${it}`, async () => {
    await using cluster = await testCluster()
    using one = await bed(cluster, 'services:\n  tests: { image: i, depends_on: [db] }\n  db: { image: i }\n', {
      exits: exits as never,
    })
    const following = { pods: one.pods, around: one.running.around, hasColours: false }
    assert.equal(await testStack(one.running, { service: 'tests', following }), code)
    assert(one.printed.includes('db-1 | log of db-1'))
  })
}

test('runInStack() starts what the service depends on and nothing else, answers the exit code, and leaves no pod of its own', async () => {
  await using cluster = await testCluster()
  using one = await bed(
    cluster,
    'services:\n  web: { image: i, depends_on: [db], ports: ["80:80"] }\n  db: { image: i }\n  other: { image: i }\n',
    { exits: { web: 9 } },
  )
  const code = await runInStack(one.running, { service: 'web', command: ['x'], hasTty: false, pods: one.pods })
  assert.equal(code, 9)
  await advance(cluster, {})
  assert.deepEqual(await names(cluster), ['db-1'])
})

test('stateOf() words what a pod does', () => {
  const pod = (status: object, spec: object = {}) => ({ metadata: {}, spec: { containers: [spec] }, status }) as never as Pod
  const one = (state: object) => [{ state, restartCount: 0 }]
  assert.equal(stateOf(pod({ phase: 'Pending' })).text, 'Pending')
  assert.equal(stateOf(pod({ phase: 'Running', containerStatuses: one({ running: {} }) })).text, 'running')
  assert.equal(stateOf(pod({ containerStatuses: one({ running: {} }) }, { readinessProbe: {} })).text, 'running (not healthy)')
  assert.equal(
    stateOf(pod({ phase: 'Failed', containerStatuses: one({ terminated: { exitCode: 2, reason: 'Error' } }) })).text,
    'exited (2)',
  )
  const started = stateOf(
    pod({
      phase: 'Failed',
      containerStatuses: one({ terminated: { exitCode: 128, reason: 'StartError', message: 'no such file' } }),
    }),
  )
  assert.equal(started.reason, 'no such file')
})
