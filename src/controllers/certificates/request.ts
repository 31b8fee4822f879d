/** What a certificate signing request holds, and which signers take it (upstream `pkg/apis/certificates/helpers.go`). */
export interface RequestFacts {
  readonly commonName: string
  readonly organizations: readonly string[]
  readonly dnsNames: readonly string[]
  readonly addresses: readonly string[]
  readonly emails: readonly string[]
  readonly uris: readonly string[]
}

const subjectAlternativeName = '2.5.29.17'

/** Throws where the text is no request. What reads it is large, and few clusters ever need it. */
export async function readRequest(pem: string): Promise<RequestFacts> {
  await import('reflect-metadata')
  const x509 = await import('@peculiar/x509')
  const request = new x509.Pkcs10CertificateRequest(pem)
  const extension = request.getExtension(subjectAlternativeName)
  const names = extension ? new x509.SubjectAlternativeNameExtension(extension.rawData).names.toJSON() : []
  const of = (type: string) => names.filter((name) => name.type === type).map(({ value }) => value)
  return {
    commonName: request.subjectName.getField('CN')[0] ?? '',
    organizations: request.subjectName.getField('O'),
    dnsNames: of('dns'),
    addresses: of('ip'),
    emails: of('email'),
    uris: of('url'),
  }
}

const clientUsages = ['client auth', 'digital signature', 'key encipherment']
const servingUsages = ['server auth', 'digital signature', 'key encipherment']

/** Why the request is none of a kubelet for its client certificate. */
export function kubeletClientProblem(facts: RequestFacts, usages: readonly string[]): string | undefined {
  if (!isNodes(facts)) return 'subject organization is not system:nodes'
  if (facts.dnsNames.length > 0) return 'DNS subjectAltNames are not allowed'
  if (facts.emails.length > 0) return 'Email subjectAltNames are not allowed'
  if (facts.addresses.length > 0) return 'IP subjectAltNames are not allowed'
  if (facts.uris.length > 0) return 'URI subjectAltNames are not allowed'
  if (!facts.commonName.startsWith('system:node:')) return 'subject common name does not begin with system:node:'
  return isExactly(usages, clientUsages) ? undefined : 'usages did not match [client auth digital signature key encipherment]'
}

/** Why the request is none of a kubelet for its serving certificate. */
export function kubeletServingProblem(facts: RequestFacts, usages: readonly string[]): string | undefined {
  if (!isNodes(facts)) return 'subject organization is not system:nodes'
  if (facts.dnsNames.length === 0 && facts.addresses.length === 0) return 'DNS or IP subjectAltName is required'
  if (facts.emails.length > 0) return 'Email subjectAltNames are not allowed'
  if (facts.uris.length > 0) return 'URI subjectAltNames are not allowed'
  if (!isExactly(usages, servingUsages)) return 'usages did not match [digital signature key encipherment server auth]'
  return facts.commonName.startsWith('system:node:') ? undefined : 'subject common name does not begin with system:node:'
}

/** Why the usages are none of a client of the API server. */
export function clientProblem(usages: readonly string[]): string | undefined {
  const strange = usages.find((usage) => !clientUsages.includes(usage))
  if (strange === undefined && usages.includes('client auth')) return undefined
  return 'usages did not match [client auth digital signature key encipherment]'
}

function isNodes({ organizations }: RequestFacts): boolean {
  return organizations.length === 1 && organizations[0] === 'system:nodes'
}

/** Keys that cannot encipher leave that usage out. */
function isExactly(usages: readonly string[], wanted: readonly string[]): boolean {
  const required = wanted.filter((usage) => usage !== 'key encipherment')
  return usages.every((usage) => wanted.includes(usage)) && required.every((usage) => usages.includes(usage))
}
