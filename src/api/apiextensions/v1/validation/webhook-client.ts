/** How a webhook is reached: by URL or as a service (apiserver's `pkg/util/webhook/validation.go`). */
import { X509Certificate } from 'node:crypto'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isDns1123Subdomain, isValidPortNum } from '#schema/formats.ts'
import type { WebhookClientConfig } from '../custom-resource-definition-spec.ts'

export function webhookClientErrors({ url, service }: WebhookClientConfig, at: Path): FieldError[] {
  if ((url === undefined) === (service === undefined)) return [at.required('exactly one of url or service is required')]
  if (url !== undefined) return urlErrors(url, at.child('url'))
  return service ? serviceErrors(service, at.child('service')) : []
}

const form = '; desired format: https://host[/path]'

function urlErrors(text: string, at: Path): FieldError[] {
  if (!URL.canParse(text) && /^[a-z][a-z0-9+.-]*:/i.test(text)) {
    return [at.required(`url must be a valid URL: parse ${JSON.stringify(text)}: invalid URL${form}`)]
  }
  const url = URL.canParse(text) ? new URL(text) : undefined
  const scheme = url?.protocol.slice(0, -1) ?? ''
  const errors: FieldError[] = []
  if (scheme !== 'https') errors.push(at.invalid(scheme, `'https' is the only allowed URL scheme${form}`))
  if (!url?.host) errors.push(at.invalid(url?.host ?? '', `host must be specified${form}`))
  if (!url) return errors
  const user = url.username + (url.password && `:${url.password}`)
  if (user) errors.push(at.invalid(user, 'user information is not permitted in the URL'))
  if (url.hash.length > 1) errors.push(at.invalid(url.hash.slice(1), 'fragments are not permitted in the URL'))
  if (url.search.length > 1) errors.push(at.invalid(url.search.slice(1), 'query parameters are not permitted in the URL'))
  return errors
}

function serviceErrors(
  { name, namespace, path, port = 443 }: NonNullable<WebhookClientConfig['service']>,
  at: Path,
): FieldError[] {
  const portProblems = isValidPortNum(port)
  return [
    ...(name === '' ? [at.child('name').required()] : []),
    ...(namespace === '' ? [at.child('namespace').required()] : []),
    ...(portProblems.length > 0 ? [at.child('port').invalid(port, `port is not valid: ${portProblems.join(', ')}`)] : []),
    ...(path === undefined ? [] : pathErrors(path, at.child('path'))),
  ]
}

function pathErrors(path: string, at: Path): FieldError[] {
  if (path === '' || path === '/') return []
  if (path === '//') return [at.invalid(path, 'segment[0] may not be empty')]
  const errors = path.startsWith('/') ? [] : [at.invalid(path, "must start with a '/'")]
  const steps = path.slice(1).replace(/\/$/, '').split('/')
  return [
    ...errors,
    ...steps.flatMap((step, i) => {
      if (step === '') return [at.invalid(path, `segment[${i}] may not be empty`)]
      return isDns1123Subdomain(step).map((problem) => at.invalid(path, `segment[${i}]: ${problem}`))
    }),
  ]
}

/** What is wrong with a bundle of certificates (base64 of PEM). */
export function caBundleProblem(bundle: string): string | undefined {
  const blocks = Buffer.from(bundle, 'base64')
    .toString('utf8')
    .match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g)
  try {
    for (const block of blocks ?? []) new X509Certificate(block)
  } catch {
    return 'unable to load root certificates: unable to parse bytes as PEM block'
  }
  return blocks ? undefined : 'unable to load root certificates: unable to parse bytes as PEM block'
}
