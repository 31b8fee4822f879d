/** Rules for what was given to claims (upstream `resource/validation`). */
import { required } from '#api/core/v1/validation/checks.ts'
import { referenceErrors, referencesErrors, requestNames } from '#api/resource/v1/claim-validation.ts'
import type {
  AllocatedDeviceStatus,
  AllocationResult,
  DeviceAllocationConfiguration,
  DeviceRequestAllocationResult,
  ResourceClaimSpec,
  ResourceClaimStatus,
} from '#api/resource/v1/resource-claim.ts'
import {
  rawErrors,
  validateBindingConditions,
  validateConfiguration,
  validateDeviceName,
  validateDeviceToleration,
  validateItems,
  validatePoolName,
  validateSet,
} from '#api/resource/v1/validation.ts'
import { validateDriverName } from '#api/storage/v1/validation.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isValidCidr } from '#schema/formats.ts'
import { immutableErrors, validateConditions } from '#schema/validate.ts'

interface Claim {
  metadata: { deletionTimestamp?: string | undefined }
  spec: ResourceClaimSpec
  status: ResourceClaimStatus
}

const maxConsumers = 256
const maxResults = 32
const maxConfigs = 64

export function validateClaimStatus({ metadata, spec, status }: Claim, { status: old }: Claim, at: Path): FieldError[] {
  const { allocation, reservedFor = [], devices = [] } = status
  const given = new Set((allocation?.devices.results ?? []).map(deviceId))
  const errors = [
    ...validateSet(reservedFor, at.child('reservedFor'), {
      max: maxConsumers,
      each: (consumer, here) =>
        (['resource', 'name', 'uid'] as const).flatMap((name) => required(consumer[name], here.child(name))),
      key: ({ uid }) => uid,
    }),
    ...validateSet(devices, at.child('devices'), {
      max: -1,
      each: (device, here) => deviceErrors(device, here, given),
      key: deviceId,
    }),
  ]
  const here = at.child('reservedFor')
  if (reservedFor.length > 0 && !allocation) errors.push(here.forbidden('may not be specified when `allocated` is not set'))
  else if (metadata.deletionTimestamp) {
    const before = new Set((old.reservedFor ?? []).map(({ uid }) => uid))
    const message = 'new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set'
    if (reservedFor.some(({ uid }) => !before.has(uid))) errors.push(here.forbidden(message))
  }
  if (!allocation) return errors
  if (old.allocation) return [...errors, ...immutableErrors(allocation, old.allocation, at.child('allocation'))]
  return [...errors, ...allocationErrors(allocation, at.child('allocation', 'devices'), requestNames(spec))]
}

interface DeviceReference {
  readonly driver: string
  readonly pool: string
  readonly device: string
  readonly shareID?: string | undefined
}

export function deviceId({ driver, pool, device, shareID }: DeviceReference): string {
  return [driver, pool, device, ...(shareID ? [shareID] : [])].join('/')
}

function allocationErrors({ devices }: AllocationResult, at: Path, names: ReadonlySet<string>): FieldError[] {
  return [
    ...validateItems(devices.results ?? [], at.child('results'), {
      max: maxResults,
      each: (result, here) => resultErrors(result, here, names),
    }),
    ...validateItems(devices.config ?? [], at.child('config'), {
      max: maxConfigs,
      each: (config, here) => configErrors(config, here, names),
    }),
  ]
}

function resultErrors(result: DeviceRequestAllocationResult, at: Path, names: ReadonlySet<string>): FieldError[] {
  return [
    ...referenceErrors(result.request, at.child('request'), names),
    ...validateDriverName(result.driver, at.child('driver')),
    ...validatePoolName(result.pool, at.child('pool')),
    ...validateDeviceName(result.device, at.child('device')),
    ...validateBindingConditions(result, at),
    ...(result.tolerations ?? []).flatMap((toleration, index) =>
      validateDeviceToleration(toleration, at.child('tolerations').index(index)),
    ),
  ]
}

const sources = ['FromClaim', 'FromClass']

function configErrors(config: DeviceAllocationConfiguration, at: Path, names: ReadonlySet<string>): FieldError[] {
  const { source, requests = [] } = config
  const here = at.child('source')
  return [
    ...((source as string) === '' ? [here.required()] : sources.includes(source) ? [] : [here.notSupported(source, sources)]),
    ...referencesErrors(requests, at.child('requests'), names),
    ...validateConfiguration(config, at),
  ]
}

const maxConditions = 8
const maxData = 10 * 1024
const maxInterface = 256
const maxHardware = 128
const maxIps = 16

function deviceErrors(device: AllocatedDeviceStatus, at: Path, given: ReadonlySet<string>): FieldError[] {
  const { conditions = [], data, networkData } = device
  const conditionsAt = at.child('conditions')
  return [
    ...validateDriverName(device.driver, at.child('driver')),
    ...validatePoolName(device.pool, at.child('pool')),
    ...validateDeviceName(device.device, at.child('device')),
    ...(given.has(deviceId(device)) ? [] : [at.invalid(deviceId(device), 'must be an allocated device in the claim')]),
    ...(conditions.length > maxConditions ? [conditionsAt.tooMany(conditions.length, maxConditions)] : []),
    ...validateConditions(conditions, conditionsAt),
    ...(data === undefined ? [] : rawErrors(data, at.child('data'), maxData)),
    ...(networkData ? networkErrors(networkData, at.child('networkData')) : []),
  ]
}

function networkErrors(
  { interfaceName = '', hardwareAddress = '', ips = [] }: NonNullable<AllocatedDeviceStatus['networkData']>,
  at: Path,
): FieldError[] {
  return [
    ...(Buffer.byteLength(interfaceName) > maxInterface ? [at.child('interfaceName').tooLong(maxInterface)] : []),
    ...(Buffer.byteLength(hardwareAddress) > maxHardware ? [at.child('hardwareAddress').tooLong(maxHardware)] : []),
    ...validateSet(ips, at.child('ips'), { max: maxIps, each: addressErrors, key: (ip) => ip }),
  ]
}

/** An address with its prefix length; bits beyond the prefix are its own. */
function addressErrors(address: string, at: Path): FieldError[] {
  const problems = isValidCidr(address).filter((problem) => !problem.includes('beyond the prefix'))
  return problems.length === 0
    ? []
    : [at.invalid(address, 'must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)')]
}
