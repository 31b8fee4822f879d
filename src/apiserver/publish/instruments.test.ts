import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kinds } from '#api/kinds.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { badRequest } from '#schema/status-error.ts'
import { openMemoryStore } from '#store/memory.ts'
import type { AdmissionPlugin } from '../admission/plugin.ts'
import { admissionInstruments } from './admission-instruments.ts'
import { Instruments } from './instruments.ts'
import { compressedUsername, requestInstruments } from './request-instruments.ts'
import { measuredStore } from './store-instruments.ts'

const of = (all: Instruments, text: string) => all.lines().filter((line) => line.startsWith(text))

test('Instruments tell what was counted, and nothing of what was not', () => {
  const all = new Instruments()
  const counter = all.counter('a_total', 'A.')
  const histogram = all.histogram('b_seconds', 'B.', [0.1, 1])
  all.gauge('c', 'C.', () => [[{ x: 'y' }, 3]])
  assert.deepEqual(all.lines(), ['# HELP c C.', '# TYPE c gauge', 'c{x="y"} 3'])
  counter.add({ kind: 'p' })
  counter.add({ kind: 'p' }, 2)
  counter.add({ kind: 'q"' })
  histogram.observe({}, 0.5)
  histogram.observe({}, 5)
  assert.deepEqual(all.lines().slice(0, -3), [
    ...['# HELP a_total A.', '# TYPE a_total counter', 'a_total{kind="p"} 3', 'a_total{kind="q\\""} 1'],
    ...['# HELP b_seconds B.', '# TYPE b_seconds histogram'],
    ...['b_seconds_bucket{le="0.1"} 0', 'b_seconds_bucket{le="1"} 1', 'b_seconds_bucket{le="+Inf"} 2'],
    ...['b_seconds_sum 5.5', 'b_seconds_count 2'],
  ])
})

test('measuredStore() counts by operation and kind', async () => {
  const clock = new VirtualClock()
  const all = new Instruments()
  const store = measuredStore(openMemoryStore({ clock }), { instruments: all, clock, kinds })
  const cause = { user: 'u', time: 0, request: 'r' }
  const value = Buffer.from('{}')
  const put = (key: string, revision: number) =>
    store.txn({
      compare: [{ key, target: 'revision', op: '=', operand: revision }],
      success: [{ op: 'put', key, value }],
      cause,
    })
  const { revision } = await put('/registry/deployments/default/web', 0)
  await put('/registry/deployments/default/web', revision)
  await put('/registry/example.com/things/a', 0)
  await store.range({ key: '/registry/minions/n1' })
  await store.range({ key: '/registry/pods/', end: '/registry/pods0' })
  await assert.rejects(store.range({ key: '/registry/pods/', end: '/registry/pods0', revision: 10_000 }))
  assert.deepEqual(of(all, 'etcd_requests_total').sort(), [
    'etcd_requests_total{operation="create",group="apps",resource="deployments"} 1',
    'etcd_requests_total{operation="create",group="example.com",resource="things"} 1',
    'etcd_requests_total{operation="get",group="",resource="nodes"} 1',
    'etcd_requests_total{operation="list",group="",resource="pods"} 2',
    'etcd_requests_total{operation="update",group="apps",resource="deployments"} 1',
  ])
  assert.deepEqual(of(all, 'etcd_request_errors_total'), [
    'etcd_request_errors_total{operation="list",group="",resource="pods"} 1',
  ])
  assert.equal(of(all, 'etcd_request_duration_seconds_count').length, 5)
  await store.close()
})

test('admissionInstruments() take the time of plugins, at once and later, allowed and refused', async () => {
  const clock = new VirtualClock()
  const all = new Instruments()
  const plugin: AdmissionPlugin = {
    name: 'Slow',
    handles: () => true,
    mutate: () => undefined,
    validate: async () => {
      throw badRequest('no')
    },
  }
  const measured = admissionInstruments(all, clock).measured(plugin)
  const request = { operation: 'CREATE' } as never
  assert.equal(measured.mutate?.(request, {} as never), undefined)
  await assert.rejects(async () => measured.validate?.(request, {} as never), { message: 'no' })
  assert.deepEqual(of(all, 'apiserver_admission_controller_admission_duration_seconds_count'), [
    'apiserver_admission_controller_admission_duration_seconds_count{name="Slow",operation="CREATE",rejected="false",type="admit"} 1',
    'apiserver_admission_controller_admission_duration_seconds_count{name="Slow",operation="CREATE",rejected="true",type="validate"} 1',
  ])
})

test('admissionInstruments() tell refusals of webhooks from failures', () => {
  const all = new Instruments()
  const { webhook } = admissionInstruments(all, new VirtualClock())
  const call = { name: 'h', type: 'admit' as const, operation: 'CREATE', seconds: 0.1 }
  webhook({ ...call, isBroken: false, isIgnored: false })
  webhook({ ...call, isBroken: false, isIgnored: false, refusal: badRequest('no') })
  webhook({ ...call, isBroken: true, isIgnored: false, refusal: new Error('broken') })
  webhook({ ...call, isBroken: true, isIgnored: true })
  const labels = 'name="h",operation="CREATE"'
  assert.deepEqual(of(all, 'apiserver_admission_webhook_rejection_count'), [
    'apiserver_admission_webhook_rejection_count{error_type="no_error",name="h",operation="CREATE",rejection_code="400",type="admit"} 1',
    'apiserver_admission_webhook_rejection_count{error_type="calling_webhook_error",name="h",operation="CREATE",rejection_code="0",type="admit"} 1',
  ])
  assert.deepEqual(of(all, 'apiserver_admission_webhook_fail_open_count'), [
    'apiserver_admission_webhook_fail_open_count{name="h",type="admit"} 1',
  ])
  assert(of(all, `apiserver_admission_webhook_request_total{code="200",${labels}`).length === 1)
})

test('requestInstruments() count attempts, and name nobody', () => {
  const all = new Instruments()
  const counted = requestInstruments(all)
  counted.authenticated({ name: 'ann@example.com', groups: [] }, 0)
  counted.authenticated({ name: 'system:kube-scheduler', groups: [] }, 0)
  counted.notAuthenticated('error', 0.1)
  counted.authorized('allowed', 0)
  counted.authorized('no-opinion', 0)
  assert.deepEqual(of(all, 'authentication_attempts'), [
    'authentication_attempts{result="success"} 2',
    'authentication_attempts{result="error"} 1',
  ])
  assert.deepEqual(of(all, 'authenticated_user_requests'), [
    'authenticated_user_requests{username="email_id"} 1',
    'authenticated_user_requests{username="other"} 1',
  ])
  assert.equal(of(all, 'authorization_attempts_total').length, 2)
  assert.equal(compressedUsername('admin'), 'admin')
})
