/** Names such as `example.com/ingress-controller` (upstream `validation.IsDomainPrefixedPath`). */
import type { FieldError, Path } from '#schema/field-error.ts'
import { isDns1123Subdomain, regexError } from '#schema/formats.ts'

const pathPattern = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+"
const pathText =
  "must consist of one or more alphanumeric characters or the following characters '/', '-', '.', '_', '~', '%', '!', '$', '&', ''', '(', ')', '*', '+', ',', ';', '=', ':'"

export function domainPrefixedPathErrors(value: string, at: Path): FieldError[] {
  if (value === '') return [at.required()]
  const slash = value.indexOf('/')
  const [host, path] = slash === -1 ? [value, ''] : [value.slice(0, slash), value.slice(slash + 1)]
  if (slash === -1 || host === '' || path === '') {
    return [at.invalid(value, 'must be a domain-prefixed path (such as "acme.io/foo")')]
  }
  return [
    ...isDns1123Subdomain(host).map((problem) => at.invalid(host, problem)),
    ...(new RegExp(`^${pathPattern}$`).test(path)
      ? []
      : [at.invalid(path, `Invalid path: ${regexError(pathText, pathPattern)}`)]),
  ]
}
