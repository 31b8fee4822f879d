/** `resource.k8s.io/v1beta1`: requests hold their one device in themselves, and devices of a slice hold what they are in `basic`. */
import { atVersion, type Lifecycle, type OtherShape } from '#api/at-version.ts'
import { DeviceClass } from '#api/resource/v1/device-class.ts'
import { ResourceClaim } from '#api/resource/v1/resource-claim.ts'
import { ResourceClaimTemplate } from '#api/resource/v1/resource-claim-template.ts'
import { ResourceSlice } from '#api/resource/v1/resource-slice.ts'
import type { Kind } from '#schema/kind.ts'
import type { Field, ObjectNode } from '#schema/words.ts'

const lifecycle: Lifecycle = { deprecated: 35, removed: 38 }

type Parts = Record<string, any>
type Change = (value: any) => any

/** The value with what stands at a path changed, where there is anything. */
function changedAt(value: any, [name, ...rest]: readonly string[], change: Change): any {
  if (name === undefined) return value === undefined ? value : change(value)
  return value?.[name] === undefined ? value : { ...value, [name]: changedAt(value[name], rest, change) }
}

/** A request with alternatives has no device class of its own. */
function exactRequest({ name, firstAvailable, ...exactly }: Parts): Parts {
  const isNone = !exactly.deviceClassName && Object.values(exactly).every((value) => value === undefined || value === '')
  return { name, ...(!(isNone && firstAvailable?.length) && { exactly }), ...(firstAvailable && { firstAvailable }) }
}

function flatRequest({ name, exactly, firstAvailable }: Parts): Parts {
  return { name, deviceClassName: '', ...exactly, ...(firstAvailable && { firstAvailable }) }
}

function flatDevice({ name, basic }: Parts): Parts {
  return { name, ...basic }
}

function basicDevice({ name, ...basic }: Parts): Parts {
  return { name, basic }
}

/** Protobuf numbers, by name. */
type Numbers = Readonly<Record<string, number>>

function numbered(node: ObjectNode, numbers: Numbers): Record<string, Field> {
  return Object.fromEntries(
    Object.entries(numbers).flatMap(([name, number]) => (node.fields[name] ? [[name, { ...node.fields[name], number }]] : [])),
  ) as Record<string, Field>
}

function requestNode(node: ObjectNode): ObjectNode {
  const { name, exactly, firstAvailable } = node.fields as { name: Field; exactly: Field; firstAvailable: Field }
  const own = numbered(exactly.schema as ObjectNode, {
    ...{ deviceClassName: 2, selectors: 3, allocationMode: 4, count: 5, adminAccess: 6, tolerations: 8, capacity: 9 },
  })
  return { ...node, fields: { name, ...own, firstAvailable: { ...firstAvailable, number: 7 } } }
}

function subRequestNode(node: ObjectNode): ObjectNode {
  return { ...node, fields: { ...node.fields, ...numbered(node, { tolerations: 7, capacity: 8 }) } }
}

function deviceNode(node: ObjectNode): ObjectNode {
  const { name, ...rest } = node.fields as { name: Field } & Record<string, Field>
  const fields = Object.fromEntries(Object.entries(rest).map(([key, field]) => [key, { ...field, number: field.number - 1 }]))
  const basic: ObjectNode = { ...node, name: node.name.replace(/Device$/, 'BasicDevice'), fields }
  return { ...node, fields: { name, basic: { number: 2, schema: basic, presence: 'pointer', doc: 'What it is.' } } }
}

function shapeOf(
  path: readonly string[],
  structs: OtherShape['structs'],
  [toStored, fromStored]: readonly [Change, Change],
): OtherShape {
  return {
    structs,
    toStored: (object) => changedAt(object, path, (items: readonly Parts[]) => items.map(toStored)),
    fromStored: (stored) => changedAt(stored, path, (items: readonly Parts[]) => items.map(fromStored)),
  }
}

const requestStructs = { DeviceRequest: requestNode, DeviceSubRequest: subRequestNode }
const claims = ['devices', 'requests']
const requests = [exactRequest, flatRequest] as const
const slices = shapeOf(['spec', 'devices'], { Device: deviceNode }, [flatDevice, basicDevice])

export const resourceV1beta1: readonly Kind[] = [
  atVersion(DeviceClass, 'v1beta1', { lifecycle }),
  atVersion(ResourceClaim, 'v1beta1', { lifecycle, shape: shapeOf(['spec', ...claims], requestStructs, requests) }),
  atVersion(ResourceClaimTemplate, 'v1beta1', {
    ...{ lifecycle, shape: shapeOf(['spec', 'spec', ...claims], requestStructs, requests) },
  }),
  atVersion(ResourceSlice, 'v1beta1', { lifecycle, shape: slices }),
]
