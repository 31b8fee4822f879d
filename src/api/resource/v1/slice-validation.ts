/** Rules for ResourceSlices (upstream `resource/validation`). */
import { dnsLabel, dnsSubdomain } from '#api/core/v1/validation/checks.ts'
import type { Counter, Device, DeviceAttribute, ResourceSliceSpec } from '#api/resource/v1/resource-slice.ts'
import {
  validateBindingConditions,
  validateDeviceTaint,
  validateItems,
  validatePoolName,
  validateQualifiedName,
  validateSet,
} from '#api/resource/v1/validation.ts'
import { validateDriverName } from '#api/storage/v1/validation.ts'
import type { FieldError, Path } from '#schema/field-error.ts'

const maxDevices = 128
const maxAdvancedDevices = 64
const maxCounterSets = 8
const maxTaints = 16
const maxConsumptions = 2

export function validateSlice(spec: ResourceSliceSpec, at: Path): FieldError[] {
  const { driver, pool, devices = [], sharedCounters = [], perDeviceNodeSelection } = spec
  const isAdvanced = devices.some(({ taints = [], consumesCounters = [] }) => taints.length + consumesCounters.length > 0)
  const poolAt = at.child('pool')
  const { generation, resourceSliceCount: slices } = pool
  return [
    ...validateDriverName(driver, at.child('driver')),
    ...validatePoolName(pool.name, poolAt.child('name')),
    ...(slices <= 0 ? [poolAt.child('resourceSliceCount').invalid(slices, 'must be greater than zero')] : []),
    ...(generation < 0 ? [poolAt.child('generation').invalid(generation, 'must be greater than or equal to zero')] : []),
    ...placeErrors(spec, at),
    ...(spec.sharedCounters && spec.devices ? [at.invalid('', 'only one of `sharedCounters` or `devices` is allowed')] : []),
    ...validateSet(devices, at.child('devices'), {
      max: isAdvanced ? maxAdvancedDevices : maxDevices,
      each: (device, here) => deviceErrors(device, here, perDeviceNodeSelection ?? false),
      key: ({ name }) => name,
    }),
    ...validateSet(sharedCounters, at.child('sharedCounters'), {
      max: maxCounterSets,
      each: ({ name, counters = {} }, here) => [
        ...(name === '' ? [here.child('name').required()] : dnsLabel(name, here.child('name'))),
        ...counterErrors(counters, here.child('counters')),
      ],
      key: ({ name }) => name,
    }),
  ]
}

const places = '`nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection`'

function placeErrors({ nodeName, nodeSelector, allNodes, perDeviceNodeSelection }: ResourceSliceSpec, at: Path): FieldError[] {
  const unset = 'must be either unset or set to true'
  const terms = nodeSelector?.nodeSelectorTerms
  const termsAt = at.child('nodeSelector', 'nodeSelectorTerms')
  const errors = [
    ...(nodeName === '' ? [at.child('nodeName').invalid('', 'must be either unset or set to a non-empty string')] : []),
    ...(nodeName ? dnsSubdomain(nodeName, at.child('nodeName')) : []),
    ...(terms && terms.length !== 1 ? [termsAt.invalid(terms, 'must have exactly one node selector term')] : []),
    ...(allNodes === false ? [at.child('allNodes').invalid(false, unset)] : []),
    ...(perDeviceNodeSelection === false ? [at.child('perDeviceNodeSelection').invalid(false, unset)] : []),
  ]
  const set = named({ nodeName, nodeSelector, allNodes, perDeviceNodeSelection })
  if (set.length === 0) return [...errors, at.required(`exactly one of ${places} is required`)]
  if (set.length === 1) return errors
  return [...errors, at.invalid(`{${set.join(', ')}}`, `exactly one of ${places} is required, but multiple fields are set`)]
}

function named(fields: Record<string, unknown>): string[] {
  return Object.keys(fields)
    .filter((name) => fields[name])
    .map((name) => `\`${name}\``)
}

const maxCounters = 32

function counterErrors(counters: Readonly<Record<string, Counter>>, at: Path): FieldError[] {
  const names = Object.keys(counters)
  if (names.length === 0) return [at.required()]
  return names.length > maxCounters ? [at.tooMany(names.length, maxCounters)] : names.flatMap((name) => dnsLabel(name, at))
}

const maxAttributes = 32

function deviceErrors(device: Device, at: Path, isPerDevice: boolean): FieldError[] {
  const { name, attributes = {}, capacity = {}, taints = [], consumesCounters = [], allowMultipleAllocations } = device
  const count = Object.keys(attributes).length + Object.keys(capacity).length
  return [
    ...dnsLabel(name, at.child('name')),
    ...(count > maxAttributes
      ? [at.invalid(count, `the total number of attributes and capacities must not exceed ${maxAttributes}`)]
      : []),
    ...Object.entries(attributes).flatMap(([key, attribute]) => [
      ...validateQualifiedName(key, at.child('attributes')),
      ...attributeErrors(attribute, at.child('attributes').key(key)),
    ]),
    ...Object.entries(capacity).flatMap(([key, { requestPolicy }]) => [
      ...validateQualifiedName(key, at.child('capacity')),
      ...(requestPolicy && !allowMultipleAllocations
        ? [at.child('capacity').key(key).child('requestPolicy').forbidden('allowMultipleAllocations must be true')]
        : []),
    ]),
    ...validateItems(taints, at.child('taints'), { max: maxTaints, each: (taint, here) => validateDeviceTaint(taint, here) }),
    ...validateSet(consumesCounters, at.child('consumesCounters'), {
      max: maxConsumptions,
      each: ({ counterSet, counters = {} }, here) => [
        ...(counterSet === '' ? [here.child('counterSet').required()] : dnsLabel(counterSet, here.child('counterSet'))),
        ...counterErrors(counters, here.child('counters')),
      ],
      key: ({ counterSet }) => counterSet,
    }),
    ...devicePlaceErrors(device, at, isPerDevice),
    ...validateBindingConditions(device, at),
  ]
}

function devicePlaceErrors({ nodeName, nodeSelector, allNodes }: Device, at: Path, isPerDevice: boolean): FieldError[] {
  if (!isPerDevice) {
    const isSet = nodeName !== undefined || nodeSelector !== undefined || allNodes !== undefined
    const message =
      '`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec'
    return isSet ? [at.invalid(undefined, message)] : []
  }
  const errors = [
    ...(nodeName === '' ? [at.child('nodeName').invalid('', 'must not be empty')] : []),
    ...(nodeName ? dnsSubdomain(nodeName, at.child('nodeName')) : []),
    ...(allNodes === false ? [at.child('allNodes').invalid(false, 'must be either unset or set to true')] : []),
  ]
  const set = named({ nodeName, nodeSelector, allNodes })
  const message =
    'exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec'
  if (set.length === 1) return errors
  return [...errors, set.length === 0 ? at.required(message) : at.invalid(`{${set.join(', ')}}`, message)]
}

const maxText = 64
const semver =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?$/

function attributeErrors(attribute: DeviceAttribute, at: Path): FieldError[] {
  const { string: text, version } = attribute
  const count = Object.values(attribute).filter((value) => value !== undefined).length
  return [
    ...(text !== undefined && Buffer.byteLength(text) > maxText ? [at.child('string').tooLong(maxText)] : []),
    ...(version !== undefined && !semver.test(version)
      ? [at.child('version').invalid(version, 'must be a string compatible with semver.org spec 2.0.0')]
      : []),
    ...(version !== undefined && Buffer.byteLength(version) > maxText ? [at.child('version').tooLong(maxText)] : []),
    ...(count === 1 ? [] : [at.invalid(count === 0 ? '' : attribute, 'exactly one value must be specified')]),
  ]
}
