/** Rules for references to fields, resources and keys, from which variables and files take their content. */
import type { ObjectFieldSelector, ResourceFieldSelector } from '#api/core/v1/env.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isQualifiedName } from '#schema/formats.ts'
import { canonicalQuantity, compareQuantity } from '#schema/quantity.ts'
import { formatted } from './checks.ts'

/** Fields that the downward API knows at all; variables and files may each use some of them. */
const downwardFields: ReadonlySet<string> = new Set([
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.restartPolicy',
  'spec.serviceAccountName',
  'spec.schedulerName',
  'status.phase',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
])

export function fieldSelectorErrors(
  { apiVersion, fieldPath }: ObjectFieldSelector,
  allowed: readonly string[],
  at: Path,
): FieldError[] {
  const here = at.child('fieldPath')
  const wrong = (why: string) => [here.invalid(fieldPath, `error converting fieldPath: ${why}`)]
  if (!fieldPath) return [here.required()]
  if (apiVersion !== 'v1') return wrong(`unsupported pod version: ${apiVersion}`)
  const subscript = fieldPath.indexOf("['", 1)
  if (subscript > 0 && subscript + 2 <= fieldPath.length - 2 && fieldPath.endsWith("']")) {
    const path = fieldPath.slice(0, subscript)
    const key = fieldPath.slice(subscript + 2, -2)
    if (path === 'metadata.annotations') return formatted(isQualifiedName, key.toLowerCase(), at)
    if (path === 'metadata.labels') return formatted(isQualifiedName, key, at)
    return wrong(`field label does not support subscript: ${fieldPath}`)
  }
  const path = fieldPath === 'spec.host' ? 'spec.nodeName' : fieldPath
  if (!downwardFields.has(path)) return wrong(`field label not supported: ${fieldPath}`)
  return allowed.includes(path) ? [] : [here.notSupported(path, [...allowed].sort())]
}

const resources = ['cpu', 'ephemeral-storage', 'memory'].map((name) => `limits.${name}`)
const resourceFields = [...resources, ...resources.map((name) => name.replace('limits', 'requests'))]

export function resourceSelectorErrors(
  { containerName, resource, divisor }: ResourceFieldSelector,
  at: Path,
  { isVolume }: { isVolume: boolean },
): FieldError[] {
  const errors: FieldError[] = []
  if (isVolume && !containerName) errors.push(at.child('containerName').required())
  else if (!resource) errors.push(at.child('resource').required())
  else if (!resourceFields.includes(resource) && !hugePages.test(resource)) {
    errors.push(at.child('resource').notSupported(resource, resourceFields))
  }
  return [...errors, ...divisorErrors(resource, divisor, at.child('divisor'))]
}

const hugePages = /^(?:limits|requests)\.hugepages-/
const units = ['1', ...['', 'i'].flatMap((binary) => [binary ? 'K' : 'k', ...'MGTPE'].map((unit) => `1${unit}${binary}`))]

function divisorErrors(resource: string, divisor: string, at: Path): FieldError[] {
  if (!divisor || compareQuantity(divisor, '0') === 0) return []
  const text = canonicalQuantity(divisor)
  const name = resource.replace(/^(?:limits|requests)\./, '')
  if (name === resource) return []
  if (name === 'cpu') {
    const isGood = text === '1' || text === '1m'
    return isGood ? [] : [at.invalid(resource, "only divisor's values 1m and 1 are supported with the cpu resource")]
  }
  const words: Record<string, string> = { memory: 'memory', 'ephemeral-storage': 'local ephemeral storage' }
  const word = hugePages.test(resource) ? 'hugepages' : words[name]
  if (!word || units.includes(text)) return []
  return [at.invalid(resource, `only divisor's values ${units.join(', ')} are supported with the ${word} resource`)]
}
