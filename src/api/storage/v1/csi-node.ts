/** CSINode: the storage drivers of one node. */
import { nonNegative } from '#api/core/v1/validation/checks.ts'
import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import { validateDriverName } from '#api/storage/v1/validation.ts'
import { semanticEqual } from '#schema/equal.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isQualifiedName } from '#schema/formats.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, int32, list, object, pointer, type Schema, string, type TypeOf } from '#schema/words.ts'

const volumeNodeResources = object('io.k8s.api.storage.v1.VolumeNodeResources', {
  count: pointer(1, int32(), { doc: 'How many volumes of the driver fit on the node.' }),
})
export interface VolumeNodeResources extends TypeOf<typeof volumeNodeResources> {}
export const VolumeNodeResources: Schema<VolumeNodeResources> = volumeNodeResources

const cSINodeDriver = object('io.k8s.api.storage.v1.CSINodeDriver', {
  name: always(1, string(), { doc: 'Name of the driver.' }),
  nodeID: always(2, string(), { doc: 'Name of the node in the words of the driver.' }),
  topologyKeys: always(3, list(string(), { listType: 'atomic' }), {
    isRequired: false,
    nullWhenEmpty: true,
    doc: 'Labels of the node that the driver knows places by.',
  }),
  allocatable: pointer(4, VolumeNodeResources, { doc: 'Limits of the node.' }),
})
export interface CSINodeDriver extends TypeOf<typeof cSINodeDriver> {}
export const CSINodeDriver: Schema<CSINodeDriver> = cSINodeDriver

const cSINodeSpec = object('io.k8s.api.storage.v1.CSINodeSpec', {
  drivers: always(1, list(CSINodeDriver, { listType: 'map', mapKeys: ['name'], mergeKey: 'name' }), {
    nullWhenEmpty: true,
    doc: 'Drivers of the node.',
  }),
})
export interface CSINodeSpec extends TypeOf<typeof cSINodeSpec> {}
export const CSINodeSpec: Schema<CSINodeSpec> = cSINodeSpec

const kind = defineKind({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSINode',
  plural: 'csinodes',
  scope: 'Cluster',
  doc: 'A CSI node lists the storage drivers that run on the node of its name.',
  schemaName: 'io.k8s.api.storage.v1.CSINode',
  requireVersion: true,
  fields: {
    spec: always(2, CSINodeSpec, { isRequired: true }),
  },
  validate: ({ metadata, spec }, at) => [
    ...validateFinalizers(metadata, at),
    ...driversErrors(spec.drivers, at.child('spec', 'drivers')),
  ],
  validateUpdate: ({ spec }, old, at) => changedErrors(spec.drivers, old.spec.drivers, at.child('spec', 'drivers')),
  columns: [
    { name: 'Drivers', type: 'integer', doc: 'How many drivers the node has.', value: ({ spec }) => spec.drivers.length },
    age,
  ],
})

const maxNodeId = 256

function driversErrors(drivers: readonly CSINodeDriver[], at: Path): FieldError[] {
  const names = new Set<string>()
  return drivers.flatMap(({ name, nodeID, allocatable, topologyKeys = [] }, index) => {
    const here = at.index(index)
    const isRepeated = names.has(name)
    names.add(name)
    return [
      ...validateDriverName(name, here.child('name')),
      ...(nodeID ? [] : [here.child('nodeID').required()]),
      ...(Buffer.byteLength(nodeID) > maxNodeId
        ? [here.child('nodeID').invalid(nodeID, `must be ${maxNodeId} characters or less`)]
        : []),
      ...nonNegative(allocatable?.count, here.child('allocatable', 'count')),
      ...(isRepeated ? [here.child('name').duplicate(name)] : []),
      ...topologyErrors(topologyKeys, here),
    ]
  })
}

function topologyErrors(keys: readonly string[], at: Path): FieldError[] {
  return keys.flatMap((key, index) => [
    ...(key ? [] : [at.required()]),
    ...(keys.indexOf(key) < index ? [at.duplicate(key)] : []),
    ...isQualifiedName(key).map((problem) => at.invalid(key, problem)),
  ])
}

/** A driver that stays may change what can be allocated and nothing else (KEP-4876). */
function changedErrors(now: readonly CSINodeDriver[], old: readonly CSINodeDriver[], at: Path): FieldError[] {
  return old.flatMap((before) =>
    now
      .filter(({ name }) => name === before.name)
      .map((driver) => fixedPart(driver))
      .filter((driver) => !semanticEqual(driver, fixedPart(before)))
      .map((driver) =>
        at.invalid(
          { Name: driver.name, NodeID: driver.nodeID, TopologyKeys: driver.topologyKeys ?? null, Allocatable: null },
          'field is immutable',
        ),
      ),
  )
}

function fixedPart({ name, nodeID, topologyKeys }: CSINodeDriver) {
  return { name, nodeID, topologyKeys }
}

export interface CSINode extends ObjectOf<typeof kind> {}
export const CSINode: Kind<'CSINode', CSINode> = kind
