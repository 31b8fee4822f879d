import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ResourceSlice } from '#api/resource/v1/resource-slice.ts'
import { DeviceTaintRule } from '#api/resource/v1beta2/device-taint-rule.ts'
import { made } from '#testing/errors-of.ts'

const [before, now] = ['2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z']

test('taints of a ResourceSlice that do not say since when they are there begin now', () => {
  const taints = [
    { key: 'a', effect: 'NoExecute' },
    { key: 'b', effect: 'NoExecute', timeAdded: before },
  ]
  const slice = made(ResourceSlice, { spec: { devices: [{ name: 'd', taints }, { name: 'e' }] } })
  const given = slice.spec.devices?.[0]
  ResourceSlice.def.prepare?.(slice, undefined, now)
  const [tainted, other] = slice.spec.devices ?? []
  assert.deepEqual(
    tainted?.taints?.map(({ timeAdded }) => timeAdded),
    [now, before],
  )
  assert.equal(other?.taints, undefined)
  assert.equal(given?.taints?.[0]?.timeAdded, undefined, 'what was given may be shared')
})

test('the taint of a DeviceTaintRule begins now, and again with another effect', () => {
  const rule = (effect: string, timeAdded?: string) =>
    made(DeviceTaintRule, { spec: { taint: { key: 'a', effect, ...(timeAdded && { timeAdded }) } } })
  const timeOf = (one: DeviceTaintRule, old?: DeviceTaintRule) => {
    DeviceTaintRule.def.prepare?.(one, old, now)
    return one.spec.taint.timeAdded
  }
  assert.equal(timeOf(rule('NoSchedule')), now)
  assert.equal(timeOf(rule('NoSchedule', before)), before)
  const old = rule('NoSchedule', before)
  assert.equal(timeOf(rule('NoSchedule', before), old), before)
  assert.equal(timeOf(rule('NoExecute', before), old), now)
  assert.equal(timeOf(rule('NoExecute', '2026-01-01T12:00:00Z'), old), '2026-01-01T12:00:00Z')
})
