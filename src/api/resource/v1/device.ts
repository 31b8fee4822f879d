/** Parts that claims, classes and slices of devices share. */
import { always, int64, known, object, optional, pointer, raw, type Schema, string, type TypeOf, time } from '#schema/words.ts'

const cELDeviceSelector = object('io.k8s.api.resource.v1.CELDeviceSelector', {
  expression: always(1, string()),
})
export interface CELDeviceSelector extends TypeOf<typeof cELDeviceSelector> {}
export const CELDeviceSelector: Schema<CELDeviceSelector> = cELDeviceSelector

const deviceSelector = object('io.k8s.api.resource.v1.DeviceSelector', {
  cel: pointer(1, CELDeviceSelector),
})
export interface DeviceSelector extends TypeOf<typeof deviceSelector> {}
export const DeviceSelector: Schema<DeviceSelector> = deviceSelector

const opaqueDeviceConfiguration = object('io.k8s.api.resource.v1.OpaqueDeviceConfiguration', {
  driver: always(1, string()),
  parameters: always(2, raw(), { isRequired: true }),
})
export interface OpaqueDeviceConfiguration extends TypeOf<typeof opaqueDeviceConfiguration> {}
export const OpaqueDeviceConfiguration: Schema<OpaqueDeviceConfiguration> = opaqueDeviceConfiguration

const deviceConfiguration = object('io.k8s.api.resource.v1.DeviceConfiguration', {
  opaque: pointer(1, OpaqueDeviceConfiguration),
})
export interface DeviceConfiguration extends TypeOf<typeof deviceConfiguration> {}
export const DeviceConfiguration: Schema<DeviceConfiguration> = deviceConfiguration

const deviceTaint = object('io.k8s.api.resource.v1.DeviceTaint', {
  key: always(1, string()),
  value: optional(2, string()),
  effect: always(3, known('NoExecute', 'NoSchedule', 'None')),
  timeAdded: pointer(4, time()),
})
export interface DeviceTaint extends TypeOf<typeof deviceTaint> {}
export const DeviceTaint: Schema<DeviceTaint> = deviceTaint

/** Tolerations that last some seconds count from there; a default that no schema can have. */
export function withTime<T extends { timeAdded?: string | undefined }>(taint: T, now: string): T {
  return taint.timeAdded ? taint : { ...taint, timeAdded: now }
}

const deviceToleration = object('io.k8s.api.resource.v1.DeviceToleration', {
  key: optional(1, string()),
  operator: optional(2, known('Equal', 'Exists'), { publishedDefault: 'Equal' }),
  value: optional(3, string()),
  effect: optional(4, known('NoExecute', 'NoSchedule', 'None')),
  tolerationSeconds: pointer(5, int64()),
})
export interface DeviceToleration extends TypeOf<typeof deviceToleration> {}
export const DeviceToleration: Schema<DeviceToleration> = deviceToleration
