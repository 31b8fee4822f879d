/** Rules for what claims ask for (upstream `resource/validation`). */
import { dnsLabel, requiredAs } from '#api/core/v1/validation/checks.ts'
import type {
  DeviceClaimConfiguration,
  DeviceConstraint,
  DeviceRequest,
  DeviceSubRequest,
  ExactDeviceRequest,
  ResourceClaimSpec,
} from '#api/resource/v1/resource-claim.ts'
import {
  validateConfiguration,
  validateDeviceToleration,
  validateFullyQualifiedName,
  validateItems,
  validateSelectors,
  validateSet,
} from '#api/resource/v1/validation.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isDns1123Subdomain } from '#schema/formats.ts'

const maxItems = 32
const maxAlternatives = 8

export function validateClaimSpec({ devices }: ResourceClaimSpec, at: Path): FieldError[] {
  const here = at.child('devices')
  const names = requestNames({ devices })
  return [
    ...validateSet(devices.requests ?? [], here.child('requests'), {
      max: maxItems,
      each: requestErrors,
      key: ({ name }) => name,
    }),
    ...validateItems(devices.constraints ?? [], here.child('constraints'), {
      max: maxItems,
      each: (constraint, place) => constraintErrors(constraint, place, names),
    }),
    ...validateItems(devices.config ?? [], here.child('config'), {
      max: maxItems,
      each: (config, place) => configErrors(config, place, names),
    }),
  ]
}

/** `request` and `request/alternative`: what may be referred to. */
export function requestNames({ devices }: ResourceClaimSpec): ReadonlySet<string> {
  return new Set(
    (devices.requests ?? []).flatMap(({ name, firstAvailable = [] }) => [
      name,
      ...firstAvailable.map((sub) => `${name}/${sub.name}`),
    ]),
  )
}

function requestErrors({ name, exactly, firstAvailable = [] }: DeviceRequest, at: Path): FieldError[] {
  const errors = dnsLabel(name, at.child('name'))
  const message = 'exactly one of `exactly` or `firstAvailable` is required'
  if (exactly && firstAvailable.length > 0) return [...errors, at.invalid(undefined, `${message}, but multiple fields are set`)]
  if (exactly) return [...errors, ...deviceErrors(exactly, at.child('exactly'))]
  if (firstAvailable.length === 0) return [...errors, at.required(message)]
  return [
    ...errors,
    ...validateSet(firstAvailable, at.child('firstAvailable'), {
      max: maxAlternatives,
      each: (sub, here) => [...dnsLabel(sub.name, here.child('name')), ...deviceErrors(sub, here)],
      key: (sub) => sub.name,
    }),
  ]
}

function deviceErrors(request: ExactDeviceRequest | DeviceSubRequest, at: Path): FieldError[] {
  const { deviceClassName, selectors, allocationMode = '', count = 0, tolerations = [] } = request
  return [
    ...requiredAs(isDns1123Subdomain, deviceClassName, at.child('deviceClassName')),
    ...validateSelectors(selectors, at.child('selectors')),
    ...modeErrors(allocationMode, count, at),
    ...tolerations.flatMap((toleration, index) => validateDeviceToleration(toleration, at.child('tolerations').index(index))),
  ]
}

function modeErrors(mode: string, count: number, at: Path): FieldError[] {
  const here = at.child('count')
  if (mode === 'All') return count === 0 ? [] : [here.invalid(count, "must not be specified when allocationMode is 'All'")]
  if (mode === 'ExactCount') return count > 0 ? [] : [here.invalid(count, 'must be greater than zero')]
  return [at.child('allocationMode').notSupported(mode, ['All', 'ExactCount'])]
}

function constraintErrors(
  { requests = [], matchAttribute, distinctAttribute }: DeviceConstraint,
  at: Path,
  names: ReadonlySet<string>,
): FieldError[] {
  const errors = referencesErrors(requests, at.child('requests'), names)
  if (matchAttribute !== undefined) return [...errors, ...validateFullyQualifiedName(matchAttribute, at.child('matchAttribute'))]
  if (distinctAttribute !== undefined)
    return [...errors, ...validateFullyQualifiedName(distinctAttribute, at.child('distinctAttribute'))]
  const message = 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set'
  return [...errors, at.required(message)]
}

function configErrors(config: DeviceClaimConfiguration, at: Path, names: ReadonlySet<string>): FieldError[] {
  return [...referencesErrors(config.requests ?? [], at.child('requests'), names), ...validateConfiguration(config, at)]
}

export function referencesErrors(requests: readonly string[], at: Path, names: ReadonlySet<string>): FieldError[] {
  return validateSet(requests, at, {
    max: maxItems,
    each: (name, here) => referenceErrors(name, here, names),
    key: (name) => name,
  })
}

export function referenceErrors(name: string, at: Path, names: ReadonlySet<string>): FieldError[] {
  const message = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"
  const parts = name.split('/')
  if (parts.length > 2) return [at.invalid(name, message)]
  return [...parts.flatMap((part) => dnsLabel(part, at)), ...(names.has(name) ? [] : [at.invalid(name, message)])]
}
