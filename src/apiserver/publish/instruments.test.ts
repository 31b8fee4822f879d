import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kinds } from '#api/kinds.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { badRequest } from '#schema/status-error.ts'
import { openMemoryStore } from '#store/memory.ts'
import type { AdmissionPlugin } from '../admission/plugin.ts'
import { admissionInstruments } from './admission-instruments.ts'
import { withRegistered } from './exposition.ts'
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

test('withRegistered() counts families by their stability', () => {
  const text = '# HELP a [STABLE] A.\n# HELP b [STABLE] (Deprecated since 1.34.0) B.\n# HELP c [BETA] C.\n# HELP d D.\n'
  const lines = withRegistered(text)
    .split('\n')
    .filter((line) => /^registered|^hidden|^disabled/.test(line))
  assert.deepEqual(lines, [
    'disabled_metrics_total 0',
    'hidden_metrics_total 0',
    'registered_metrics_total{deprecated_version="",stability_level="STABLE"} 1',
    'registered_metrics_total{deprecated_version="1.34.0",stability_level="STABLE"} 1',
    'registered_metrics_total{deprecated_version="",stability_level="BETA"} 1',
  ])
})

test('measuredStore() counts the events that watches bring, and tells the size that the store said last', async () => {
  const clock = new VirtualClock()
  const all = new Instruments()
  const store = measuredStore(openMemoryStore({ clock }), { instruments: all, clock, kinds })
  const stop = new AbortController()
  const come = Promise.withResolvers<void>()
  store.watch({ key: '/registry/pods/', end: '/registry/pods0', signal: stop.signal }, () => come.resolve())
  const put = { op: 'put' as const, key: '/registry/pods/default/a', value: Buffer.from('{}') }
  await store.txn({ compare: [], success: [put], cause: { user: '', time: 0, request: '' } })
  await come.promise
  const { bytes } = await store.status()
  const told = ['apiserver_storage_events_received_total', 'apiserver_storage_size_bytes'].flatMap((name) => of(all, name))
  assert.deepEqual(told, [
    'apiserver_storage_events_received_total{group="",resource="pods"} 1',
    `apiserver_storage_size_bytes{storage_cluster_id="storage-cluster-0"} ${bytes}`,
  ])
  stop.abort()
  await store.close()
})

test('admissionInstruments() tell steps, and what policies did', () => {
  const all = new Instruments()
  const { step, policy } = admissionInstruments(all, new VirtualClock())
  step({ type: 'admit', operation: 'CREATE', isRejected: false, seconds: 0.01 })
  step({ type: 'validate', operation: 'CREATE', isRejected: true, seconds: 0.01 })
  policy({ policy: 'p', binding: 'b', action: 'deny', error: 'invalid_error', seconds: 0.01 })
  const prefix = 'apiserver_admission_step_admission_duration_seconds_count'
  assert.deepEqual(of(all, prefix), [
    `${prefix}{operation="CREATE",rejected="false",type="admit"} 1`,
    `${prefix}{operation="CREATE",rejected="true",type="validate"} 1`,
  ])
  assert.deepEqual(of(all, 'apiserver_validating_admission_policy_check_total'), [
    'apiserver_validating_admission_policy_check_total{enforcement_action="deny",error_type="invalid_error",policy="p",policy_binding="b"} 1',
  ])
})

test('requestInstruments() tell when configurations were read again, and by whom', () => {
  const all = new Instruments()
  const clock = new VirtualClock()
  const counted = requestInstruments(all, { clock, identity: 'apiserver-x' })
  counted.configurationRead('authorization', true)
  const prefix = 'apiserver_authorization_config_controller_automatic_reload'
  const hash = '[0-9a-f]{64}'
  assert.match(of(all, `${prefix}s_total`).join(), new RegExp(`\\{apiserver_id_hash="sha256:${hash}",status="success"\\} 1$`))
  assert.match(of(all, `${prefix}_last`).join(), new RegExp(`status="success"\\} ${clock.now() / 1000}$`))
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
