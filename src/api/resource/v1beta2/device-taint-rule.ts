/** DeviceTaintRule: taints devices that drivers offer (KEP-5055). */

import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import { Condition } from '#api/meta/v1/condition.ts'
import { resetMetadata } from '#api/meta/v1/reset-metadata.ts'
import { withTime } from '#api/resource/v1/device.ts'
import { validateDeviceName, validateDeviceTaint, validatePoolName } from '#api/resource/v1/validation.ts'
import { validateDriverName } from '#api/storage/v1/validation.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { validateConditions } from '#schema/validate.ts'
import { always, known, list, object, optional, pointer, type Schema, string, type TypeOf, time } from '#schema/words.ts'

const deviceTaint = object('io.k8s.api.resource.v1beta2.DeviceTaint', {
  key: always(1, string()),
  value: optional(2, string()),
  effect: always(3, known('NoExecute', 'NoSchedule', 'None')),
  timeAdded: pointer(4, time()),
})
export interface DeviceTaint extends TypeOf<typeof deviceTaint> {}
export const DeviceTaint: Schema<DeviceTaint> = deviceTaint

const deviceTaintSelector = object('io.k8s.api.resource.v1beta2.DeviceTaintSelector', {
  driver: pointer(2, string()),
  pool: pointer(3, string()),
  device: pointer(4, string()),
})
export interface DeviceTaintSelector extends TypeOf<typeof deviceTaintSelector> {}
export const DeviceTaintSelector: Schema<DeviceTaintSelector> = deviceTaintSelector

const deviceTaintRuleSpec = object('io.k8s.api.resource.v1beta2.DeviceTaintRuleSpec', {
  deviceSelector: pointer(1, DeviceTaintSelector),
  taint: always(2, DeviceTaint, { isRequired: true }),
})
export interface DeviceTaintRuleSpec extends TypeOf<typeof deviceTaintRuleSpec> {}
export const DeviceTaintRuleSpec: Schema<DeviceTaintRuleSpec> = deviceTaintRuleSpec

const deviceTaintRuleStatus = object('io.k8s.api.resource.v1beta2.DeviceTaintRuleStatus', {
  conditions: optional(1, list(Condition, { listType: 'map', mapKeys: ['type'], mergeKey: 'type' })),
})
export interface DeviceTaintRuleStatus extends TypeOf<typeof deviceTaintRuleStatus> {}
export const DeviceTaintRuleStatus: Schema<DeviceTaintRuleStatus> = deviceTaintRuleStatus

const kind = defineKind({
  group: 'resource.k8s.io',
  version: 'v1beta2',
  kind: 'DeviceTaintRule',
  plural: 'devicetaintrules',
  scope: 'Cluster',
  doc: 'A device taint rule keeps pods away from devices.',
  schemaName: 'io.k8s.api.resource.v1beta2.DeviceTaintRule',
  fields: {
    spec: always(2, DeviceTaintRuleSpec, { isRequired: true }),
    status: always(3, DeviceTaintRuleStatus),
  },
  status: true,
  prepare({ spec }, old, now) {
    const { effect, timeAdded } = old?.spec.taint ?? spec.taint
    // Another effect begins now, unless the client says when.
    const isStale = effect !== spec.taint.effect && timeAdded === spec.taint.timeAdded
    spec.taint = withTime(isStale ? { ...spec.taint, timeAdded: now } : spec.taint, now)
  },
  prepareStatus: (rule, old) => resetMetadata(rule.metadata, old.metadata),
  validate: ({ metadata, spec }, at) => [
    ...validateFinalizers(metadata, at),
    ...selectorErrors(spec.deviceSelector, at.child('spec', 'deviceSelector')),
  ],
  validateCreate: ({ spec }, at) => validateDeviceTaint(spec.taint, at.child('spec', 'taint')),
  validateUpdate: ({ spec }, old, at) => validateDeviceTaint(spec.taint, at.child('spec', 'taint'), old.spec.taint.effect),
  validateStatusUpdate: ({ status: { conditions = [] } }, _old, at) => [
    ...validateConditions(conditions, at.child('status', 'conditions')),
    conditions.length > maxConditions && at.child('status', 'conditions').tooMany(conditions.length, maxConditions),
  ],
  columns: [age],
})

const maxConditions = 8

function selectorErrors({ driver, pool, device }: DeviceTaintSelector = {}, at: Path): FieldError[] {
  return [
    ...(driver === undefined ? [] : validateDriverName(driver, at.child('driver'))),
    ...(pool === undefined ? [] : validatePoolName(pool, at.child('pool'))),
    ...(device === undefined ? [] : validateDeviceName(device, at.child('device'))),
  ]
}

export interface DeviceTaintRule extends ObjectOf<typeof kind> {}
export const DeviceTaintRule: Kind<'DeviceTaintRule', DeviceTaintRule> = kind
