/** DeviceClass: devices of one sort, and how drivers are to configure them. */

import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import { isExtendedResource } from '#api/core/v1/validation/resources.ts'
import { DeviceConfiguration, DeviceSelector } from '#api/resource/v1/device.ts'
import { validateConfiguration, validateItems, validateSelectors } from '#api/resource/v1/validation.ts'
import { semanticEqual } from '#schema/equal.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, embedded, list, object, optional, pointer, type Schema, string, type TypeOf } from '#schema/words.ts'

const deviceClassConfiguration = object('io.k8s.api.resource.v1.DeviceClassConfiguration', {
  ...embedded(1, DeviceConfiguration),
})
export interface DeviceClassConfiguration extends TypeOf<typeof deviceClassConfiguration> {}
export const DeviceClassConfiguration: Schema<DeviceClassConfiguration> = deviceClassConfiguration

const deviceClassSpec = object('io.k8s.api.resource.v1.DeviceClassSpec', {
  selectors: optional(1, list(DeviceSelector, { listType: 'atomic' }), { doc: 'Expressions that a device must fulfil.' }),
  config: optional(2, list(DeviceClassConfiguration, { listType: 'atomic' }), { doc: 'Configuration for the drivers.' }),
  extendedResourceName: pointer(4, string(), { doc: 'Extended resource that the class stands for.' }),
})
export interface DeviceClassSpec extends TypeOf<typeof deviceClassSpec> {}
export const DeviceClassSpec: Schema<DeviceClassSpec> = deviceClassSpec

const kind = defineKind({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'DeviceClass',
  plural: 'deviceclasses',
  scope: 'Cluster',
  doc: 'A device class describes a sort of devices.',
  schemaName: 'io.k8s.api.resource.v1.DeviceClass',
  fields: {
    spec: always(2, DeviceClassSpec, { isRequired: true }),
  },
  generationFrom: ['spec'],
  validate: ({ metadata }, at) => validateFinalizers(metadata, at),
  validateCreate: ({ spec }, at) => specErrors(spec, undefined, at.child('spec')),
  validateUpdate: ({ spec }, old, at) => specErrors(spec, old.spec, at.child('spec')),
  columns: [age],
})

const maxConfigs = 32

/** What has not changed was good when it was stored. */
function specErrors(spec: DeviceClassSpec, old: DeviceClassSpec | undefined, at: Path): FieldError[] {
  const { selectors = [], config = [], extendedResourceName: name } = spec
  const isStored = (part: 'selectors' | 'config') => old !== undefined && semanticEqual(spec[part] ?? [], old[part] ?? [])
  return [
    ...validateSelectors(selectors, at.child('selectors'), isStored('selectors')),
    ...validateItems(config, at.child('config'), {
      max: maxConfigs,
      each: (item, here) => validateConfiguration(item, here, isStored('config')),
    }),
    ...(name !== undefined && !isExtendedResource(name)
      ? [at.child('extendedResourceName').invalid(name, 'must be a valid extended resource name')]
      : []),
  ]
}

export interface DeviceClass extends ObjectOf<typeof kind> {}
export const DeviceClass: Kind<'DeviceClass', DeviceClass> = kind
