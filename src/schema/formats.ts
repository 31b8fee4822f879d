/**
 * Upstream's checks of single values (`pkg/util/validation`, `pkg/api/validate/content`). Each answers what is wrong, in
 * upstream's words, and an empty list for a good value.
 */
import { isValidCidr, isValidIp } from './ip-formats.ts'

export { isValidCidr, isValidCidrForLegacyField, isValidIp, isValidIpForLegacyField } from './ip-formats.ts'

type Check = (value: string) => string[]

const dns1123LabelPattern = '[a-z0-9]([-a-z0-9]*[a-z0-9])?'
const dns1123SubdomainPattern = `${dns1123LabelPattern}(\\.${dns1123LabelPattern})*`
const dns1123Label = whole(dns1123LabelPattern)
const dns1123Subdomain = whole(dns1123SubdomainPattern)
const dns1123LabelText =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character"
const dns1123SubdomainText =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"

export function isDns1123Label(value: string): string[] {
  const errors = tooLong(value, 63)
  if (dns1123Label.test(value)) return errors
  if (dns1123Subdomain.test(value)) return [...errors, 'must not contain dots']
  return [...errors, regexError(dns1123LabelText, dns1123LabelPattern, 'my-name', '123-abc')]
}

export function isDns1123Subdomain(value: string): string[] {
  return [...tooLong(value, 253), ...subdomainSyntax(value)]
}

function subdomainSyntax(value: string): string[] {
  return dns1123Subdomain.test(value) ? [] : [regexError(dns1123SubdomainText, dns1123SubdomainPattern, 'example.com')]
}

const underscoreLabelPattern = '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?'
export const isDns1123SubdomainWithUnderscore = pattern({
  max: 253,
  pattern: `${underscoreLabelPattern}(\\.${underscoreLabelPattern})*`,
  text: "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character",
  examples: ['example.com'],
})

export const isDns1035Label = pattern({
  max: 63,
  pattern: '[a-z]([-a-z0-9]*[a-z0-9])?',
  text: "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
  examples: ['my-name', 'abc-123'],
})

export const isWildcardDns1123Subdomain = pattern({
  max: 253,
  pattern: `\\*\\.${dns1123SubdomainPattern}`,
  text: "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
  examples: ['*.example.com'],
})

const labelNamePattern = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'
const labelName = whole(labelNamePattern)
const labelNameText =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
const labelNameError = regexError(labelNameText, labelNamePattern, 'MyName', 'my.name', '123-abc')

/** Keys of labels and annotations, names of finalizers, condition types: an optional DNS prefix and a name. */
export function isQualifiedName(value: string): string[] {
  const parts = value.split('/')
  if (parts.length > 2) {
    return [`a valid label key ${labelNameError} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`]
  }
  const name = parts.at(-1) ?? ''
  const errors: string[] = []
  if (parts.length === 2) {
    const prefix = parts[0] ?? ''
    if (prefix === '') errors.push('prefix part must be non-empty')
    // The younger package counts bytes, where the older one says characters.
    else errors.push(...[...tooManyBytes(prefix, 253), ...subdomainSyntax(prefix)].map((text) => `prefix part ${text}`))
  }
  if (name === '') errors.push('name part must be non-empty')
  else errors.push(...tooManyBytes(name, 63).map((text) => `name part ${text}`))
  if (!labelName.test(name)) errors.push(`name part ${labelNameError}`)
  return errors
}

const labelValuePattern = `(${labelNamePattern})?`
const labelValue = whole(labelValuePattern)
const labelValueText =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"

export function isValidLabelValue(value: string): string[] {
  const errors = tooManyBytes(value, 63)
  if (!labelValue.test(value)) {
    errors.push(regexError(labelValueText, labelValuePattern, 'MyValue', 'my_value', '12345'))
  }
  return errors
}

export const isCIdentifier = pattern({
  pattern: '[A-Za-z_][A-Za-z0-9_]*',
  text: "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'",
  examples: ['my_name', 'MY_NAME', 'MyName'],
})

export function isValidPortNum(port: number): string[] {
  return isInRange(port, 1, 65535)
}

export function isInRange(value: number, min: number, max: number): string[] {
  return value >= min && value <= max ? [] : [`must be between ${min} and ${max}, inclusive`]
}

const maxId = 2 ** 31 - 1

export function isValidUserId(id: number): string[] {
  return isInRange(id, 0, maxId)
}

export function isValidGroupId(id: number): string[] {
  return isInRange(id, 0, maxId)
}

/** Names of ports, as IANA registers them: at most 15 characters with a letter among them. */
export function isValidPortName(port: string): string[] {
  const errors = tooLong(port, 15)
  if (!/^[-a-z0-9]+$/.test(port)) errors.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)')
  if (!/[a-z]/.test(port)) errors.push('must contain at least one letter (a-z)')
  if (port.includes('--')) errors.push('must not contain consecutive hyphens')
  if (port.startsWith('-') || port.endsWith('-')) errors.push('must not begin or end with a hyphen')
  return errors
}

export const isValidPercent = pattern({
  pattern: '[0-9]+%',
  text: "a valid percent string must be a numeric string followed by an ending '%'",
  examples: ['1%', '93%'],
})

export const isHTTPHeaderName = pattern({
  pattern: '[-A-Za-z0-9]+',
  text: "a valid HTTP header must consist of alphanumeric characters or '-'",
  examples: ['X-Header-Name'],
})

const isEnvVarSyntax = pattern({
  pattern: '[-._a-zA-Z][-._a-zA-Z0-9]*',
  text: "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit",
  examples: ['my.env-name', 'MY_ENV.NAME', 'MyEnvName1'],
})

/** The rule before RelaxedEnvironmentVariableValidation, which is on in 1.36. */
export function isEnvVarName(value: string): string[] {
  return [...isEnvVarSyntax(value), ...parentFolder(value)]
}

export function isRelaxedEnvVarName(value: string): string[] {
  if (value === '') return ['environment variable name must be non-empty']
  if (/^[ -<>-~]*$/.test(value)) return []
  return ["a valid environment variable name must consist only of printable ASCII characters other than '='"]
}

const isConfigMapKeySyntax = pattern({
  max: 253,
  pattern: '[-._a-zA-Z0-9]+',
  text: "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
  examples: ['key.name', 'KEY_NAME', 'key-name'],
})

/** Keys of ConfigMaps and Secrets, which become file names. */
export function isConfigMapKey(value: string): string[] {
  return [...isConfigMapKeySyntax(value), ...parentFolder(value)]
}

function parentFolder(value: string): string[] {
  if (value === '.') return ["must not be '.'"]
  if (value === '..') return ["must not be '..'"]
  return value.startsWith('..') ? ["must not start with '..'"] : []
}

/** Names that can stand in a URL's path. */
export function isPathSegmentName(value: string): string[] {
  if (value === '.' || value === '..') return [`may not be '${value}'`]
  return isPathSegmentPrefix(value)
}

export function isPathSegmentPrefix(value: string): string[] {
  return ['/', '%'].filter((part) => value.includes(part)).map((part) => `may not contain '${part}'`)
}

export const isConditionReason = pattern({
  pattern: '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?',
  text: "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'",
  examples: ['my_name', 'MY_NAME', 'MyName', 'ReasonA,ReasonB', 'ReasonA:ReasonB'],
})

/** Canonical decimal integers: no plus sign, no leading zeros, no `-0`. */
export function isDecimalInteger(value: string): string[] {
  if (value === '') return ['must be non-empty']
  return /^(?:0|-?[1-9][0-9]*)$/.test(value) ? [] : ['must be a valid decimal integer in canonical form']
}

/** The checks that a schema's `format` may name. */
export const formats: Readonly<Record<string, Check>> = {
  dnsLabel: isDns1123Label,
  dnsSubdomain: isDns1123Subdomain,
  dns1035Label: isDns1035Label,
  wildcardDnsSubdomain: isWildcardDns1123Subdomain,
  qualifiedName: isQualifiedName,
  labelKey: isQualifiedName,
  labelValue: isValidLabelValue,
  cIdentifier: isCIdentifier,
  portName: isValidPortName,
  percent: isValidPercent,
  httpHeaderName: isHTTPHeaderName,
  envVarName: isRelaxedEnvVarName,
  configMapKey: isConfigMapKey,
  path: isPathSegmentName,
  pathSegment: isPathSegmentName,
  ip: isValidIp,
  cidr: isValidCidr,
}

/** `must be no more than 63 characters`; like Go it counts bytes. */
function tooLong(value: string, max: number): string[] {
  return Buffer.byteLength(value) > max ? [`must be no more than ${max} characters`] : []
}

function tooManyBytes(value: string, max: number): string[] {
  return Buffer.byteLength(value) > max ? [`must be no more than ${max} bytes`] : []
}

export function regexError(text: string, expression: string, ...examples: string[]): string {
  if (examples.length === 0) return `${text} (regex used for validation is '${expression}')`
  const shown = examples.map((example) => `'${example}', `).join(' or ')
  return `${text} (e.g. ${shown}regex used for validation is '${expression}')`
}

interface Pattern {
  readonly max?: number
  readonly pattern: string
  readonly text: string
  readonly examples: readonly string[]
}

function pattern(rule: Pattern): Check {
  const expression = whole(rule.pattern)
  const error = regexError(rule.text, rule.pattern, ...rule.examples)
  return (value) => {
    const errors = rule.max === undefined ? [] : tooLong(value, rule.max)
    if (!expression.test(value)) errors.push(error)
    return errors
  }
}

function whole(expression: string): RegExp {
  return new RegExp(`^${expression}$`)
}
