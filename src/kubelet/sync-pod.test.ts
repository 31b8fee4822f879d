import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '#api/core/v1/pod.ts'
import type { Draft } from '#schema/words.ts'
import { annotationNames } from './containers/annotations.ts'
import { type BackOff, backOffLeft, durationText, nextBackOff } from './containers/back-off.ts'
import { containerHash } from './containers/container-hash.ts'
import type { Container } from './containers/pod-names.ts'
import { type RuntimePod, runtimePod } from './containers/runtime-pod.ts'
import type { ContainerStatus, SandboxStatus } from './cri/runtime.ts'
import { labels } from './cri/runtime.ts'
import { type PodPlan, planPod, type SyncInput } from './sync-pod.ts'

type Spec = Partial<Pod['spec']>

const now = Date.UTC(2026, 0, 1)
const c = (name: string, over: Draft<Container> = {}) => ({ name, image: 'app:1', resources: {}, ...over }) as Container
const sidecar = (name: string, over: Draft<Container> = {}) => c(name, { restartPolicy: 'Always', ...over })

function pod(spec: Spec = {}): Pod {
  const metadata = { name: 'web', namespace: 'ns', uid: 'u1', resourceVersion: '1', creationTimestamp: '' }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata,
    spec: { containers: [c('main')], restartPolicy: 'Always', ...spec },
    status: {},
  } as Pod
}

function sandbox(over: Partial<SandboxStatus> = {}): SandboxStatus {
  const metadata = { name: 'web', namespace: 'ns', uid: 'u1', attempt: 0 }
  const base = { id: 's1', metadata, createdAt: 1, labels: {}, annotations: {}, ips: ['10.0.0.2'], hostNetwork: false }
  return { ...base, state: 'ready', ...over }
}

type State = ContainerStatus['state']

/** `main:running`, `main:exited:1`, oldest first. */
function runs(...texts: string[]): ContainerStatus[] {
  return texts.map((text, index) => {
    const [name = '', state = '', exitCode = '0'] = text.split(':')
    return {
      id: `${name}${index}`,
      sandboxId: 's1',
      metadata: { name, attempt: index },
      image: 'app:1',
      imageRef: '',
      state: state as State,
      createdAt: index + 1,
      labels: { [labels.containerName]: name },
      annotations: { [annotationNames.hash]: containerHash(c(name)), [annotationNames.restartCount]: String(index) },
      startedAt: now - 60_000,
      finishedAt: state === 'exited' ? now - 5000 : 0,
      exitCode: Number(exitCode),
      reason: '',
      message: '',
      logPath: '',
    }
  })
}

interface Case {
  it: string
  spec?: Spec
  sandboxes?: SandboxStatus[]
  runs?: string[]
  probes?: Partial<Record<'startup' | 'liveness', Record<string, 'unknown' | 'success' | 'failure'>>>
  backOff?: Record<string, BackOff>
  deleted?: boolean
  want: Partial<Record<keyof PodPlan, unknown>>
}

const cases: Case[] = [
  {
    it: 'creates the first sandbox',
    sandboxes: [],
    want: { createSandbox: true, killPod: true, attempt: 0, containers: ['main'] },
  },
  { it: 'starts the containers of a fresh sandbox', want: { createSandbox: false, killPod: false, containers: ['main'] } },
  { it: 'leaves a running pod alone', runs: ['main:running'], want: { containers: [], kill: [], killPod: false } },
  {
    it: 'makes a new sandbox for one that died',
    sandboxes: [sandbox({ state: 'notReady' })],
    runs: ['main:exited:137'],
    want: { createSandbox: true, sandboxId: 's1', attempt: 1, containers: ['main'] },
  },
  {
    it: 'makes a new sandbox for one without an address',
    sandboxes: [sandbox({ ips: [] })],
    want: { createSandbox: true, attempt: 1 },
  },
  {
    it: 'makes no new sandbox for a finished pod of policy Never',
    spec: { restartPolicy: 'Never' },
    sandboxes: [sandbox({ state: 'notReady' })],
    runs: ['main:exited:0'],
    want: { createSandbox: false, killPod: true, containers: [] },
  },
  {
    it: 'begins with the first init container in a new sandbox',
    spec: { initContainers: [c('a'), c('b')] },
    sandboxes: [],
    want: { init: ['a'], containers: [] },
  },
  { it: 'restarts an ended container', runs: ['main:exited:1'], want: { containers: ['main'], waiting: [] } },
  {
    it: 'does not repeat a success with OnFailure and ends the pod',
    spec: { restartPolicy: 'OnFailure' },
    runs: ['main:exited:0'],
    want: { containers: [], killPod: true },
  },
  {
    it: 'repeats a failure with OnFailure',
    spec: { restartPolicy: 'OnFailure' },
    runs: ['main:exited:1'],
    want: { containers: ['main'], killPod: false },
  },
  {
    it: 'follows the container over the pod where both have a policy',
    spec: { restartPolicy: 'Never', containers: [c('main', { restartPolicy: 'OnFailure' })] },
    runs: ['main:exited:1'],
    want: { containers: ['main'] },
  },
  {
    it: 'follows a rule on the exit code',
    spec: {
      restartPolicy: 'Never',
      containers: [
        c('main', {
          restartPolicy: 'Never',
          restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }],
        }),
      ],
    },
    runs: ['main:exited:42'],
    want: { containers: ['main'] },
  },
  {
    it: 'follows no rule that names other exit codes',
    spec: {
      restartPolicy: 'Never',
      containers: [
        c('main', {
          restartPolicy: 'Never',
          restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'NotIn', values: [42] } }],
        }),
      ],
    },
    runs: ['main:exited:42'],
    want: { containers: [], killPod: true },
  },
  {
    it: 'restarts nothing of a deleted pod',
    runs: ['main:exited:1'],
    deleted: true,
    want: { containers: [], killPod: true },
  },
  {
    it: 'restarts a container whose image changed',
    spec: { containers: [c('main', { image: 'app:2' })], restartPolicy: 'Never' },
    runs: ['main:running'],
    want: {
      containers: ['main'],
      kill: [{ id: 'main0', name: 'main', message: 'Container main definition changed, will be restarted', reason: 'changed' }],
    },
  },
  {
    it: 'kills and restarts on a failed liveness probe',
    runs: ['main:running'],
    probes: { liveness: { main0: 'failure' } },
    want: {
      containers: ['main'],
      kill: [
        { id: 'main0', name: 'main', message: 'Container main failed liveness probe, will be restarted', reason: 'liveness' },
      ],
    },
  },
  {
    it: 'kills and does not restart with Never',
    spec: { restartPolicy: 'Never', containers: [c('main'), c('other')] },
    runs: ['main:running', 'other:running'],
    probes: { startup: { main0: 'failure' } },
    want: {
      containers: [],
      kill: [{ id: 'main0', name: 'main', message: 'Container main failed startup probe', reason: 'startup' }],
    },
  },
  {
    it: 'waits out the back-off',
    runs: ['main:exited:1'],
    backOff: { main: { delay: 20_000, at: now - 30_000 } },
    want: {
      containers: ['main'],
      nextAt: now + 15_000,
      waiting: [{ name: 'main', until: now + 15_000, message: 'back-off 20s restarting failed container=main pod=web_ns(u1)' }],
    },
  },
  {
    it: 'starts nothing beside a running init container',
    spec: { initContainers: [c('a')] },
    runs: ['a:running'],
    want: { init: [], containers: [] },
  },
  {
    it: 'starts the next init container',
    spec: { initContainers: [c('a'), c('b')] },
    runs: ['a:exited:0'],
    want: { init: ['b'], containers: [] },
  },
  {
    it: 'starts the containers after the last init container',
    spec: { initContainers: [c('a')] },
    runs: ['a:exited:0'],
    want: { init: [], containers: ['main'] },
  },
  {
    it: 'repeats a failed init container',
    spec: { initContainers: [c('a')] },
    runs: ['a:exited:1'],
    want: { init: ['a'], containers: [] },
  },
  {
    it: 'ends the pod for a failed init container with Never',
    spec: { restartPolicy: 'Never', initContainers: [c('a')] },
    runs: ['a:exited:1'],
    want: { killPod: true, init: [], containers: [] },
  },
  {
    it: 'relies on the last init container known, since early ones are collected',
    spec: { initContainers: [c('a'), c('b'), c('c')] },
    runs: ['b:exited:0'],
    want: { init: ['c'] },
  },
  {
    it: 'does not repeat init containers beside a container that runs',
    spec: { initContainers: [c('a')] },
    runs: ['main:running'],
    want: { init: [], containers: [], killPod: false },
  },
  {
    it: 'goes on once a sidecar runs',
    spec: { initContainers: [sidecar('p'), c('a')] },
    runs: ['p:running'],
    want: { init: ['a'], containers: [] },
  },
  {
    it: 'waits for the startup probe of a sidecar',
    spec: { initContainers: [sidecar('p', { startupProbe: {} })] },
    runs: ['p:running'],
    probes: { startup: { p0: 'unknown' } },
    want: { init: [], containers: [] },
  },
  {
    it: 'restarts a sidecar whose startup probe failed',
    spec: { initContainers: [sidecar('p', { startupProbe: {} })] },
    runs: ['p:running'],
    probes: { startup: { p0: 'failure' } },
    want: {
      init: ['p'],
      containers: [],
      kill: [{ id: 'p0', name: 'p', message: 'Init container p failed startup probe', reason: 'startup' }],
    },
  },
  {
    it: 'restarts a sidecar that ended, also with Never',
    spec: { restartPolicy: 'Never', initContainers: [sidecar('p'), c('a')] },
    runs: ['p:exited:1', 'a:exited:0', 'main:running'],
    want: { init: ['p'], containers: [] },
  },
  {
    it: 'lets sidecars go when the containers are done',
    spec: { restartPolicy: 'Never', initContainers: [sidecar('p')] },
    runs: ['p:running', 'main:exited:0'],
    want: { killPod: true, init: [] },
  },
  {
    it: 'starts ephemeral containers once, also before initialization',
    spec: { initContainers: [c('a')], ephemeralContainers: [{ ...c('debug') }, { ...c('old') }] as never },
    runs: ['a:running', 'old:exited:1'],
    want: { ephemeral: ['debug'], containers: [] },
  },
  {
    it: 'kills a container in unknown state before it starts it again',
    runs: ['main:unknown'],
    want: {
      containers: ['main'],
      kill: [
        {
          id: 'main0',
          name: 'main',
          message: 'Container is in "unknown" state, try killing it before restart',
          reason: 'unknown',
        },
      ],
    },
  },
]

function inputOf({ spec, sandboxes = [sandbox()], runs: texts = [], probes, backOff = {}, deleted }: Case): SyncInput {
  const status: RuntimePod = runtimePod('u1', sandboxes, runs(...texts))
  const subject = pod(spec)
  if (deleted) subject.metadata.deletionTimestamp = '2026-01-01T00:00:00Z'
  return {
    pod: subject,
    status,
    probes: { startup: (id) => probes?.startup?.[id], liveness: (id) => probes?.liveness?.[id] },
    backOff: new Map(Object.entries(backOff)),
    now,
  }
}

for (const each of cases) {
  test(`planPod() ${each.it}`, () => {
    const plan = planPod(inputOf(each))
    const names = (containers: readonly Container[]) => containers.map(({ name }) => name)
    const flat = { ...plan, init: names(plan.init), containers: names(plan.containers), ephemeral: names(plan.ephemeral) }
    const got = Object.fromEntries(Object.keys(each.want).map((key) => [key, flat[key as keyof typeof flat]]))
    assert.deepEqual(got, each.want)
  })
}

test('nextBackOff() doubles up to five minutes and forgets after ten quiet ones', () => {
  let entry: BackOff | undefined
  const delays: number[] = []
  for (let at = 0, n = 0; n < 7; n++, at += 400_000) {
    entry = nextBackOff(entry, at, at)
    delays.push(entry.delay / 1000)
  }
  assert.deepEqual(delays, [10, 20, 40, 80, 160, 300, 300])
  assert.equal(nextBackOff(entry, (entry?.at ?? 0) + 600_001, 0).delay, 10_000)
  assert.equal(backOffLeft({ delay: 10_000, at: 0 }, 5000, 6000), 9000)
  assert.equal(backOffLeft({ delay: 10_000, at: 0 }, 600_001, 600_002), 0)
})

for (const [milliseconds, text] of [
  [10_000, '10s'],
  [80_000, '1m20s'],
  [300_000, '5m0s'],
] as const) {
  test(`durationText() writes ${text} as Go`, () => assert.equal(durationText(milliseconds), text))
}
