/** What can be wrong with issuers of JWTs: upstream's `apis/apiserver/validation`, word for word. */
import { X509Certificate } from 'node:crypto'
import { domainPrefixedPathErrors } from '#api/networking/v1/domain-prefixed-path.ts'
import { type FieldError, type Path, root } from '#schema/field-error.ts'
import type { ClaimOrExpression, JwtConfig } from './configuration.ts'
import { compileClaims, compileUser, readsClaim } from './expressions.ts'

const most = 64

export function jwtErrors(jwt: readonly JwtConfig[], ownIssuers: readonly string[]): FieldError[] {
  const at = root.child('jwt')
  const errors = jwt.length > most ? [at.tooMany(jwt.length, most)] : []
  const issuers = new Set<string>()
  const discoveries = new Set<string>()
  jwt.forEach((one, i) => {
    const here = at.index(i)
    const { url = '', discoveryURL = '' } = one.issuer ?? {}
    errors.push(...issuerErrors(one.issuer ?? {}, { at: here.child('issuer'), ownIssuers }))
    errors.push(...claimRuleErrors(one, here.child('claimValidationRules')), ...mappingErrors(one, here.child('claimMappings')))
    errors.push(...userRuleErrors(one, here.child('userValidationRules')))
    if (issuers.has(url)) errors.push(here.child('issuer', 'url').duplicate(url))
    issuers.add(url)
    if (discoveryURL && discoveries.has(discoveryURL)) errors.push(here.child('issuer', 'discoveryURL').duplicate(discoveryURL))
    discoveries.add(discoveryURL)
  })
  return errors
}

function issuerErrors(
  issuer: Partial<JwtConfig['issuer']>,
  { at, ownIssuers }: { at: Path; ownIssuers: readonly string[] },
): FieldError[] {
  const { url = '', discoveryURL = '', certificateAuthority = '', egressSelectorType = '' } = issuer
  const errors = url === '' ? [at.child('url').required()] : urlErrors(url, at.child('url'), ownIssuers)
  if (discoveryURL) {
    const here = at.child('discoveryURL')
    if (url && withoutSlashes(url) === withoutSlashes(discoveryURL)) {
      errors.push(here.invalid(discoveryURL, 'discoveryURL must be different from URL'))
    }
    errors.push(...urlErrors(discoveryURL, here, []))
  }
  errors.push(...audienceErrors(issuer, at))
  if (certificateAuthority && !isCertificate(certificateAuthority)) {
    const why = 'data does not contain any valid RSA or ECDSA certificates'
    errors.push(at.child('certificateAuthority').invalid('<omitted>', why))
  }
  if (egressSelectorType && !['controlplane', 'cluster'].includes(egressSelectorType)) {
    errors.push(
      at.child('egressSelectorType').invalid(egressSelectorType, 'egress selector must be either controlplane or cluster'),
    )
  }
  return errors
}

function withoutSlashes(text: string): string {
  return text.replace(/\/+$/, '')
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0
  } catch {
    return false
  }
}

function urlErrors(text: string, at: Path, ownIssuers: readonly string[]): FieldError[] {
  const overlaps = ownIssuers.includes(text)
    ? [at.invalid(text, `URL must not overlap with disallowed issuers: [${[...ownIssuers].sort().join(' ')}]`)]
    : []
  if (!URL.canParse(text)) return [...overlaps, at.invalid(text, `parse ${JSON.stringify(text)}: invalid URI for request`)]
  const url = new URL(text)
  return [
    ...overlaps,
    ...(url.protocol === 'https:' ? [] : [at.invalid(text, 'URL scheme must be https')]),
    ...(url.username || url.password ? [at.invalid(text, 'URL must not contain a username or password')] : []),
    ...(url.search ? [at.invalid(text, 'URL must not contain a query')] : []),
    ...(url.hash ? [at.invalid(text, 'URL must not contain a fragment')] : []),
  ]
}

function audienceErrors({ audiences = [], audienceMatchPolicy = '' }: Partial<JwtConfig['issuer']>, parent: Path): FieldError[] {
  const at = parent.child('audiences')
  if (audiences.length === 0) return [at.required(`at least one ${at} is required`)]
  const seen = new Set<string>()
  const errors = audiences.flatMap((audience, i) => {
    const isKnown = seen.has(audience)
    seen.add(audience)
    return [...(audience === '' ? [at.index(i).required()] : []), ...(isKnown ? [at.index(i).duplicate(audience)] : [])]
  })
  const policy = parent.child('audienceMatchPolicy')
  if (audiences.length > 1 && audienceMatchPolicy !== 'MatchAny') {
    errors.push(policy.invalid(audienceMatchPolicy, 'audienceMatchPolicy must be MatchAny for multiple audiences'))
  }
  if (audiences.length === 1 && audienceMatchPolicy && audienceMatchPolicy !== 'MatchAny') {
    errors.push(policy.invalid(audienceMatchPolicy, 'audienceMatchPolicy must be empty or MatchAny for single audience'))
  }
  return errors
}

/** Nothing where the expression compiles. */
function claimsErrors(expression: string, at: Path, expects: readonly ('bool' | 'dyn')[] = ['dyn']): FieldError[] {
  return compileErrors(() => compileClaims(expression, expects), expression, at)
}

function compileErrors(compile: () => unknown, expression: string, at: Path): FieldError[] {
  try {
    compile()
    return []
  } catch (error) {
    const text = (error as Error).message
    return [at.invalid(expression, text.startsWith('must evaluate') ? text : `compilation failed: ${text}`)]
  }
}

function claimRuleErrors({ claimValidationRules: rules = [] }: JwtConfig, at: Path): FieldError[] {
  const claims = new Set<string>()
  const expressions = new Set<string>()
  return rules.flatMap(({ claim = '', requiredValue = '', expression = '', message = '' }, i) => {
    const here = at.index(i)
    if (claim && expression) return [here.invalid(claim, "claim and expression can't both be set")]
    if (!claim && !expression) return [here.required('claim or expression is required')]
    if (claim) {
      const isKnown = claims.has(claim)
      claims.add(claim)
      return [
        ...(message ? [here.child('message').invalid(message, 'may not be specified when claim is set')] : []),
        ...(isKnown ? [here.child('claim').duplicate(claim)] : []),
      ]
    }
    const errors = requiredValue
      ? [here.child('requiredValue').invalid(requiredValue, 'may not be specified when expression is set')]
      : []
    if (expressions.has(expression)) return [...errors, here.child('expression').duplicate(expression)]
    expressions.add(expression)
    return [...errors, ...claimsErrors(expression, here.child('expression'), ['bool'])]
  })
}

function userRuleErrors({ userValidationRules: rules = [] }: JwtConfig, at: Path): FieldError[] {
  const seen = new Set<string>()
  return rules.flatMap(({ expression = '' }, i) => {
    const here = at.index(i).child('expression')
    if (expression === '') return [here.required()]
    if (seen.has(expression)) return [here.duplicate(expression)]
    seen.add(expression)
    return compileErrors(() => compileUser(expression), expression, here)
  })
}

function mappingErrors(config: JwtConfig, at: Path): FieldError[] {
  const { username = {}, groups = {}, uid = {}, extra = [] } = config.claimMappings ?? {}
  const errors = [...prefixedErrors(username, at.child('username'), true), ...prefixedErrors(groups, at.child('groups'), false)]
  if (uid.claim && uid.expression) errors.push(at.child('uid').invalid('', "claim and expression can't both be set"))
  else if (uid.expression) errors.push(...claimsErrors(uid.expression, at.child('uid', 'expression')))
  const keys = new Set<string>()
  for (const [i, { key = '', valueExpression = '' }] of extra.entries()) {
    const here = at.child('extra').index(i)
    errors.push(...extraKeyErrors(key, here.child('key')))
    if (keys.has(key)) errors.push(here.child('key').duplicate(key))
    else if (valueExpression === '') errors.push(here.child('valueExpression').required())
    else errors.push(...claimsErrors(valueExpression, here.child('valueExpression')))
    keys.add(key)
  }
  if (errors.length === 0 && usesUncheckedEmail(config)) {
    const why =
      'claims.email_verified must be used in claimMappings.username.expression or claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when claims.email is used in claimMappings.username.expression'
    errors.push(at.child('username', 'expression').invalid(username.expression, why))
  }
  return errors
}

/** An address that its issuer has not checked is nobody's name. */
function usesUncheckedEmail({ claimMappings, claimValidationRules = [] }: JwtConfig): boolean {
  const { username, extra = [] } = claimMappings
  if (!username?.expression || !readsClaim(username.expression, 'email')) return false
  const others = [
    ...extra.map(({ valueExpression }) => valueExpression),
    ...claimValidationRules.flatMap(({ expression }) => expression || []),
  ]
  return ![username.expression, ...others].some((one) => readsSafely(one))
}

function readsSafely(expression: string): boolean {
  try {
    return readsClaim(expression, 'email_verified')
  } catch {
    return false
  }
}

function extraKeyErrors(key: string, at: Path): FieldError[] {
  const errors = key === '' ? [at.required()] : domainPrefixedPathErrors(key, at)
  if (key !== key.toLowerCase()) errors.push(at.invalid(key, 'must be lowercase'))
  const domain = key.includes('/') ? key.slice(0, key.indexOf('/')) : ''
  if (/(^|\.)(kubernetes|k8s)\.io$/.test(domain)) {
    errors.push(at.invalid(key, 'k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use'))
  }
  return errors
}

function prefixedErrors({ claim, prefix, expression }: ClaimOrExpression, at: Path, isRequired: boolean): FieldError[] {
  if (claim && expression) return [at.invalid('', "claim and expression can't both be set")]
  if (expression) {
    const why = 'may not be specified when expression is set'
    return [
      ...(prefix === undefined ? [] : [at.child('prefix').invalid(prefix, why)]),
      ...claimsErrors(expression, at.child('expression')),
    ]
  }
  if (!claim) return isRequired ? [at.required('claim or expression is required')] : []
  if (prefix !== undefined) return []
  const why = 'prefix is required when claim is set. It can be set to an empty string to disable prefixing'
  return [at.child('prefix').required(why)]
}
