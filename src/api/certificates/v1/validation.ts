/** Rules that requests for certificates share (upstream `core/validation` and `certificates/validation`). */
import { X509Certificate } from 'node:crypto'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isDns1123Subdomain } from '#schema/formats.ts'

const maxSigner = 253 + 1 + 63 + 1 + 253 + 1 + 253

/** Upstream's `ValidateSignerName`: a domain, a slash, and a path of dotted names. */
export function validateSignerName(name: string, at: Path): FieldError[] {
  if (name === '') return [at.required()]
  const segments = name.split('/')
  if (segments.length !== 2)
    return [at.invalid(name, 'must be a fully qualified domain and path of the form "example.com/signer-name"')]
  const [domain, path] = segments as [string, string]
  const errors = isDns1123Subdomain(domain).length > 0 || domain.split('.').length < 2 ? domainErrors(domain, at) : []
  if (name.length > maxSigner) errors.push(at.tooLong(maxSigner))
  for (const [index, part] of path.split('.').entries())
    errors.push(
      ...isDns1123Subdomain(part).map((problem) =>
        at.invalid(path, `validating label ${JSON.stringify(path.split('.')[index])}: ${problem}`),
      ),
    )
  return errors
}

function domainErrors(domain: string, at: Path): FieldError[] {
  const errors = isDns1123Subdomain(domain).map((problem) => at.invalid(domain, problem))
  if (domain.split('.').length < 2)
    errors.push(at.invalid(domain, 'should be a domain with at least two segments separated by dots'))
  return errors
}

export interface PemBlock {
  readonly type: string
  readonly hasHeaders: boolean
  readonly text: string
}

/** The blocks of a PEM text; what stands between them is skipped, as Go's `pem.Decode` does. */
export function pemBlocks(text: string): PemBlock[] {
  const found = text.matchAll(/^-----BEGIN ([^\n-]+)-----[ \t\r]*\n([\s\S]*?)^-----END \1-----/gm)
  return [...found].map(([whole, type = '', body = '']) => ({ type, hasHeaders: /^[^:\n]+:/m.test(body), text: whole }))
}

export function parseCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem)
  } catch {
    return undefined
  }
}

/** What is wrong with base64 text that should be certificates. */
export function certificateProblem(certificate: string): string | undefined {
  if (certificate === '') return undefined
  const blocks = pemBlocks(Buffer.from(certificate, 'base64').toString())
  if (blocks.length === 0) return 'must contain at least one CERTIFICATE PEM block'
  for (const { type, hasHeaders, text } of blocks) {
    if (type !== 'CERTIFICATE') return `only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(type)}`
    if (hasHeaders) return 'no PEM block headers are permitted'
    if (!parseCertificate(text)) return 'x509: malformed certificate'
  }
  return undefined
}
