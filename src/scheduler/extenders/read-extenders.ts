/** `extenders` of a KubeSchedulerConfiguration (upstream `apis/config/v1` and `validation.go`). */

import type { FieldError, Path } from '#schema/field-error.ts'
import { isQualifiedName } from '#schema/formats.ts'
import { parseDuration } from '#schema/go-time.ts'
import type { ExtenderOptions } from './extender.ts'
import type { ExtenderTls } from './extender-call.ts'

type Fields = Readonly<Record<string, any>>

export interface ReadExtenders {
  readonly extenders: readonly ExtenderOptions[]
  /** Resources that the plugins leave to an extender. */
  readonly ignoredResources: readonly string[]
}

interface Reading {
  readonly at: Path
  readonly errors: FieldError[]
  /** The text of a file that the configuration names. */
  readonly readFile: (path: string) => string
}

const usualTimeout = 5_000

export function readExtenders(given: readonly Fields[], { at, errors, readFile }: Reading): ReadExtenders {
  const managed: Fields[] = []
  for (const [i, one] of given.entries()) {
    const place = at.index(i)
    const { weight = 0, prioritizeVerb, managedResources = [] } = one
    if (prioritizeVerb && weight <= 0) {
      errors.push(place.child('weight').invalid(weight, 'must have a positive weight applied to it'))
    }
    for (const [j, resource] of (managedResources as Fields[]).entries()) {
      const name = place.child('managedResources').index(j).child('name')
      errors.push(...wrongName(resource.name ?? '', name))
      if (managed.some((other) => other.name === resource.name)) {
        errors.push(name.invalid(resource.name, 'duplicate extender managed resource name'))
      }
      managed.push(resource)
    }
  }
  const binders = given.filter(({ bindVerb }) => bindVerb).length
  if (binders > 1) errors.push(at.invalid(`found ${binders} extenders implementing bind`, 'only one extender can implement bind'))
  const ignoredResources = managed.filter(({ ignoredByScheduler }) => ignoredByScheduler).map(({ name }) => name as string)
  return { extenders: errors.length > 0 ? [] : given.map((one) => optionsOf(one, readFile)), ignoredResources }
}

/** Extended resources have a domain of their own (upstream `IsExtendedResourceName`). */
function wrongName(name: string, at: Path): FieldError[] {
  const problems = isQualifiedName(name).map((why) => at.invalid(name, why))
  if (problems.length > 0) return problems
  const isNative = !name.includes('/') || name.includes('kubernetes.io/') || name.startsWith('requests.')
  const isWrong = isNative || isQualifiedName(`requests.${name}`).length > 0
  return isWrong ? [at.invalid(name, 'is an invalid extended resource name')] : []
}

function optionsOf(given: Fields, readFile: Reading['readFile']): ExtenderOptions {
  const timeout = given.httpTimeout === undefined ? 0 : Number(parseDuration(String(given.httpTimeout))) / 1e6
  return {
    urlPrefix: given.urlPrefix ?? '',
    filterVerb: given.filterVerb ?? '',
    prioritizeVerb: given.prioritizeVerb ?? '',
    preemptVerb: given.preemptVerb ?? '',
    bindVerb: given.bindVerb ?? '',
    weight: given.weight ?? 0,
    timeout: timeout || usualTimeout,
    nodeCacheCapable: given.nodeCacheCapable === true,
    managedResources: ((given.managedResources ?? []) as Fields[]).map(({ name }) => name as string),
    ignorable: given.ignorable === true,
    tls: tlsOf(given, readFile),
  }
}

function tlsOf({ enableHTTPS, tlsConfig = {} }: Fields, readFile: Reading['readFile']): ExtenderTls {
  const pem = (data: string | undefined, file: string | undefined) =>
    data ? Buffer.from(data, 'base64').toString('utf8') : file ? readFile(file) : undefined
  const ca = pem(tlsConfig.caData, tlsConfig.caFile)
  return {
    ...{ ca, cert: pem(tlsConfig.certData, tlsConfig.certFile), key: pem(tlsConfig.keyData, tlsConfig.keyFile) },
    serverName: tlsConfig.serverName,
    // As upstream: who turns HTTPS on and names no authority gets whoever answers.
    insecure: tlsConfig.insecure === true || (enableHTTPS === true && !ca),
  }
}
