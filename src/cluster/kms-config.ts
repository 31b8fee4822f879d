/** The provider `kms` of an EncryptionConfiguration: upstream's defaults and `validateKMSConfiguration`, word for word. */
import type { FieldError, Path } from '#schema/field-error.ts'
import { formatDuration, parseDuration } from '#schema/go-time.ts'

export interface KmsConfig {
  readonly apiVersion?: string
  readonly name?: string
  readonly cachesize?: number
  readonly endpoint?: string
  readonly timeout?: string
}

/** Milliseconds. */
export function kmsTimeout({ timeout = '3s' }: KmsConfig): number {
  return Number(parseDuration(timeout)) / 1e6
}

/** The socket; one in the abstract namespace begins with `@`. */
export function kmsSocket({ endpoint = '' }: KmsConfig): string {
  const path = endpoint.replace(/^unix:(?:\/\/[^/]*)?/, '')
  return path.startsWith('/@') ? `\0${path.slice(2)}` : path
}

export const kmsV1Refusal =
  'KMSv1 is deprecated and will only receive security updates going forward. Use KMSv2 instead.  Set --feature-gates=KMSv1=true to use the deprecated KMSv1 feature.'

/** Adds its name to `names`. */
export function kmsErrors(config: KmsConfig, at: Path, names: Set<string>): FieldError[] {
  const { apiVersion = 'v1', name = '', cachesize } = config
  const errors = [
    ...nameErrors(name, at.child('name'), { isV1: apiVersion === 'v1', names }),
    ...timeoutErrors(config, at.child('timeout')),
    ...endpointErrors(config, at.child('endpoint')),
    ...cacheErrors(apiVersion, cachesize, at.child('cachesize')),
    ...(apiVersion === 'v1' || apiVersion === 'v2'
      ? []
      : [
          at
            .child('apiVersion')
            .invalid(apiVersion, 'unsupported apiVersion apiVersion for KMS provider, only v1 and v2 are supported'),
        ]),
  ]
  names.add(name)
  return errors
}

function nameErrors(name: string, at: Path, { isV1, names }: { isV1: boolean; names: ReadonlySet<string> }): FieldError[] {
  return [
    ...(name === '' ? [at.required('name is a mandatory field for a provider')] : []),
    ...(!isV1 && name.includes(':') ? [at.invalid(name, `invalid KMS provider name ${name}, must not contain ':'`)] : []),
    ...(names.has(name) ? [at.invalid(name, `duplicate KMS provider name ${name}, names must be unique`)] : []),
  ]
}

function timeoutErrors({ timeout = '3s' }: KmsConfig, at: Path): FieldError[] {
  const nanoseconds = parseDuration(timeout)
  return nanoseconds > 0n ? [] : [at.invalid(formatDuration(nanoseconds), 'timeout should be a positive value')]
}

function endpointErrors({ endpoint = '' }: KmsConfig, at: Path): FieldError[] {
  if (endpoint === '') return [at.invalid('', 'endpoint is a mandatory field for a kms')]
  const [, scheme] = /^([a-z][a-z0-9+.-]*):/i.exec(endpoint) ?? []
  if (scheme === undefined && endpoint.startsWith(':')) {
    const why = `parse ${JSON.stringify(endpoint)}: missing protocol scheme`
    return [at.invalid(endpoint, `invalid endpoint for kms provider, error: ${why}`)]
  }
  const given = (scheme ?? '').toLowerCase()
  if (given === 'unix') return []
  return [at.invalid(endpoint, `unsupported scheme ${JSON.stringify(given)} for KMS provider, only unix is supported`)]
}

function cacheErrors(apiVersion: string, size: number | undefined, at: Path): FieldError[] {
  if (apiVersion !== 'v1') return size === undefined ? [] : [at.invalid(size, 'cachesize is not supported in v2')]
  return size === 0 ? [at.invalid(size, 'cachesize should be a positive value, or negative to disable')] : []
}
