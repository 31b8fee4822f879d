import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ContainerStatus } from '#api/core/v1/container-status.ts'
import type { Pod, PodStatus } from '#api/core/v1/pod.ts'
import type { Draft } from '#schema/words.ts'
import { conditionsOf } from './conditions.ts'
import { phaseOf } from './phase.ts'
import { computeQos } from './qos.ts'
import { statusPatch } from './status-writer.ts'

const c = (name: string, over = {}) => ({ name, image: 'app:1', resources: {}, ...over })

function pod(spec: Draft<Pod['spec']> = {}): Pod {
  return {
    metadata: { name: 'web' },
    spec: { containers: [c('main')], restartPolicy: 'Always', ...spec },
    status: {},
  } as unknown as Pod
}

/** `main:running`, `main:waiting`, `main:exited:1`, `main:backoff:1`. */
function statuses(...texts: string[]): ContainerStatus[] {
  return texts.map((text) => {
    const [name, state, code = '0'] = text.split(':')
    const terminated = { exitCode: Number(code) }
    const states: Record<string, object> = {
      running: { state: { running: {} }, lastState: {}, started: true, ready: true },
      starting: { state: { running: {} }, lastState: {}, started: false, ready: false },
      waiting: { state: { waiting: {} }, lastState: {}, ready: false },
      exited: { state: { terminated }, lastState: {}, ready: code === '0' },
      backoff: { state: { waiting: {} }, lastState: { terminated }, ready: false },
    }
    return { name, ...states[state ?? ''] } as unknown as ContainerStatus
  })
}

const sidecar = { restartPolicy: 'Never', initContainers: [c('p', { restartPolicy: 'Always' })] } as Draft<Pod['spec']>
const never = { restartPolicy: 'Never' } as const
const onFailure = { restartPolicy: 'OnFailure' } as const

const phases: [spec: Draft<Pod['spec']>, statuses: string[], want: string][] = [
  [{}, ['main:waiting'], 'Pending'],
  [{}, ['main:running'], 'Running'],
  [{}, ['main:exited:1'], 'Running'],
  [{}, ['main:backoff:1'], 'Running'],
  [never, ['main:exited:0'], 'Succeeded'],
  [never, ['main:exited:1'], 'Failed'],
  [onFailure, ['main:exited:1'], 'Running'],
  [onFailure, ['main:exited:0'], 'Succeeded'],
  [{ ...never, containers: [c('main'), c('b')] }, ['main:exited:1', 'b:running'], 'Running'],
  [{ ...never, containers: [c('main'), c('b')] }, ['main:exited:0', 'b:exited:1'], 'Failed'],
  [{ initContainers: [c('i')] }, ['i:running', 'main:waiting'], 'Pending'],
  [{ initContainers: [c('i')] }, ['i:backoff:1', 'main:waiting'], 'Pending'],
  [{ ...never, initContainers: [c('i')] }, ['i:exited:1', 'main:waiting'], 'Failed'],
  [sidecar, ['p:starting', 'main:waiting'], 'Pending'],
  [sidecar, ['p:running', 'main:running'], 'Running'],
  [sidecar, ['p:exited:1', 'main:exited:0'], 'Succeeded'],
  [{ containers: [c('main', { restartPolicy: 'Never' })] }, ['main:exited:0'], 'Succeeded'],
]

for (const [spec, texts, want] of phases) {
  test(`phaseOf() of ${JSON.stringify(spec.restartPolicy ?? 'Always')} ${texts.join(' ')} is ${want}`, () => {
    assert.equal(phaseOf(pod(spec), statuses(...texts), { isTerminal: false }), want)
  })
}

test('phaseOf() of a terminal pod follows the exit codes alone', () => {
  assert.equal(phaseOf(pod(), statuses('main:exited:143'), { isTerminal: true }), 'Failed')
  assert.equal(phaseOf(pod(), statuses('main:exited:0'), { isTerminal: true }), 'Succeeded')
})

function conditions(
  subject: Pod,
  phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed',
  texts: string[],
  others: unknown[] = [],
) {
  const all = conditionsOf({ pod: subject, phase, statuses: statuses(...texts), hasSandbox: true, others: others as never })
  return Object.fromEntries(all.map(({ type, ...claim }) => [type, claim]))
}

test('conditionsOf() names the containers that hold a pod up', () => {
  const got = conditions(pod({ initContainers: [c('i')], containers: [c('a'), c('b')] }), 'Pending', [
    'i:starting',
    'a:waiting',
    'b:waiting',
  ])
  assert.deepEqual(got.Initialized, {
    status: 'False',
    reason: 'ContainersNotInitialized',
    message: 'containers with incomplete status: [i]',
  })
  assert.equal(got.ContainersReady?.message, 'containers with unready status: [a b]')
})

test('conditionsOf() waits for readiness gates', () => {
  const subject = pod({ readinessGates: [{ conditionType: 'x/ok' }, { conditionType: 'x/new' }] })
  const got = conditions(subject, 'Running', ['main:running'], [{ type: 'x/ok', status: 'False' }])
  assert.equal(got.ContainersReady?.status, 'True')
  assert.deepEqual(got.Ready, {
    status: 'False',
    reason: 'ReadinessGatesNotReady',
    message:
      'the status of pod readiness gate "x/ok" is not "True", but False, corresponding condition of pod readiness gate "x/new" does not exist.',
  })
})

test('conditionsOf() of ended pods says how', () => {
  assert.equal(conditions(pod(never), 'Succeeded', ['main:exited:0']).Ready?.reason, 'PodCompleted')
  assert.equal(conditions(pod(never), 'Failed', ['main:exited:1']).Ready?.reason, 'PodFailed')
})

const requests = { cpu: '1', memory: '1Gi' }
for (const [it, resources, want] of [
  ['nothing', {}, 'BestEffort'],
  ['a request', { requests }, 'Burstable'],
  ['equal limits', { requests, limits: { cpu: '1000m', memory: '1Gi' } }, 'Guaranteed'],
  ['a larger limit', { requests, limits: { cpu: '2', memory: '1Gi' } }, 'Burstable'],
] as const) {
  test(`computeQos() of ${it} is ${want}`, () => assert.equal(computeQos(pod({ containers: [c('main', { resources })] })), want))
}

test('statusPatch() sends what changed, its own conditions, and what is to be taken back', () => {
  const ready = { type: 'Ready', status: 'False', reason: 'ContainersNotReady', message: 'm' }
  const from = { phase: 'Pending', message: 'old', conditions: [ready], podIPs: [{ ip: '10.0.0.2' }], hostIP: '1' }
  const to = {
    phase: 'Running',
    conditions: [
      { type: 'x/ok', status: 'True' },
      { type: 'Ready', status: 'True' },
    ],
    podIPs: [{ ip: '10.0.0.3' }],
    hostIP: '1',
  }
  assert.deepEqual(statusPatch(from as unknown as PodStatus, to as unknown as PodStatus), {
    phase: 'Running',
    message: null,
    conditions: [{ type: 'Ready', status: 'True', reason: null, message: null }],
    podIPs: [{ ip: '10.0.0.3' }, { $patch: 'delete', ip: '10.0.0.2' }],
  })
})
