/** Users of other issuers, by their JWTs (upstream `plugin/authenticator/token/oidc`). */
import type { Clock } from '#lib/clock.ts'
import { type CelProgram, perCallLimit } from '#schema/cel/compile.ts'
import { toJson } from '#schema/cel/to-json.ts'
import type { User } from '../../request.ts'
import { credentialId } from '../service-account-user.ts'
import type { TokenAuthenticator } from '../token-authenticator.ts'
import type { ClaimOrExpression, JwtConfig } from './configuration.ts'
import { type ClaimResolver, claimResolver } from './distributed-claims.ts'
import { compileClaims, compileUser } from './expressions.ts'
import { parseJwt } from './signature.ts'
import { type Claims, type JwtVerifier, jwtVerifier } from './verifier.ts'

export interface JwtAuthenticatorOptions {
  readonly config: JwtConfig
  readonly clock: Clock
  /** Of the API server: what a token that is let in counts for. */
  readonly audiences: readonly string[]
}

/** The configuration has been checked. Tokens of other issuers are not looked at. */
export function jwtAuthenticator({ config, clock, audiences }: JwtAuthenticatorOptions): TokenAuthenticator {
  const { url, discoveryURL, certificateAuthority, egressSelectorType } = config.issuer
  if (egressSelectorType) {
    // This server has no egress selectors, as upstream's has none without a configuration file for them.
    throw new Error(`oidc: egress lookup required with egress selector type ${JSON.stringify(egressSelectorType)}`)
  }
  const common = { ca: certificateAuthority || undefined, audiences: config.issuer.audiences, clock }
  const verifierOf = (issuer: string, discoveryUrl?: string) =>
    jwtVerifier({ ...common, issuer, discoveryUrl, algorithms: config.signingAlgorithms })
  const verifier = verifierOf(url, discoveryURL)
  const resolve = resolverOf(config, (issuer) => verifierOf(issuer))
  const userOf = claimsReader(config)
  return {
    name: `jwt:${url}`,
    async authenticateToken(token, wanted) {
      const jwt = parseJwt(token)
      if (!jwt || !isOf(jwt.claims, url)) return undefined
      await verifier.verify(jwt).catch((cause) => {
        throw new Error(`oidc: verify token: ${cause.message}`, { cause })
      })
      const granted = audiences.filter((audience) => wanted.includes(audience))
      if (granted.length === 0) return undefined
      const claims = resolve ? await resolve(jwt.claims) : jwt.claims
      return { user: userOf(claims), audiences: granted }
    },
  }
}

const google = 'accounts.google.com'

/** Google's older tokens leave the scheme out. */
function isOf({ iss }: Claims, url: string): boolean {
  return iss === url || (iss === google && url === `https://${google}`)
}

/** Groups by their claim may stand elsewhere; an expression reads what is in the token. */
function resolverOf(
  { issuer, claimMappings }: JwtConfig,
  verifierOf: (issuer: string) => JwtVerifier,
): ClaimResolver | undefined {
  const claim = claimMappings.groups?.claim
  return claim ? claimResolver({ claim, ca: issuer.certificateAuthority || undefined, verifierOf }) : undefined
}

function claimsReader(config: JwtConfig): (claims: Claims) => User {
  const { username, groups, uid, extra = [] } = config.claimMappings
  const validate = validatorOf(config)
  const nameOf = textReader(username, 'username')
  const uidOf = uid?.claim || uid?.expression ? textReader(uid, 'uid') : undefined
  const groupsOf = groups?.claim || groups?.expression ? listReader(groups) : undefined
  const extras = extra.map(({ key, valueExpression }) => ({
    key,
    read: program(compileClaims(valueExpression)),
    valueExpression,
  }))
  const rules = (config.userValidationRules ?? []).map((rule) => ({ ...rule, run: program(compileUser(rule.expression)) }))
  const isMapped = username.expression !== undefined && username.expression !== ''
  return (claims) => {
    validate(claims)
    const name = nameOf(claims)
    if (isMapped && name === '') throw new Error('oidc: empty username via CEL expression is not allowed')
    checkEmail(claims, username)
    const more: Record<string, string[]> = {}
    for (const { key, read, valueExpression } of extras) {
      const values = listOf(
        evaluated('extra', () => read({ claims })),
        () => `oidc: error evaluating extra claim expression: ${valueExpression}`,
      )
      if (values.length > 0) more[key] = values
    }
    if (typeof claims.jti === 'string' && claims.jti) more[credentialId] = [`JTI=${claims.jti}`]
    const uidText = uidOf?.(claims)
    const user: User = {
      name,
      groups: groupsOf?.(claims) ?? [],
      ...(uidText && { uid: uidText }),
      ...(Object.keys(more).length > 0 && { extra: more }),
    }
    for (const { expression, message, run } of rules) {
      const { name: named, ...rest } = user
      if (run({ user: { username: named, ...rest } }) === true) continue
      const why = message || `validation expression '${expression}' failed`
      throw new Error(
        `oidc: error evaluating user info validation rule: ${message ? `validation expression '${expression}' failed: ${why}` : why}`,
      )
    }
    return user
  }
}

function validatorOf({ claimValidationRules = [] }: JwtConfig): (claims: Claims) => void {
  const rules = claimValidationRules.map((rule) => ({
    ...rule,
    run: rule.expression ? program(compileClaims(rule.expression, ['bool'])) : undefined,
  }))
  return (claims) => {
    for (const { claim, requiredValue = '', expression, message, run } of rules) {
      if (claim) {
        if (!(claim in claims)) throw new Error(`oidc: required claim ${claim} not present in ID token`)
        if (claims[claim] !== requiredValue) {
          throw new Error(`oidc: required claim ${claim} value does not match. Got = ${claims[claim]}, want = ${requiredValue}`)
        }
      }
      if (run && evaluated('validation', () => run({ claims })) !== true) {
        const why = message ? `: ${message}` : ''
        throw new Error(`oidc: error evaluating claim validation expression: validation expression '${expression}' failed${why}`)
      }
    }
  }
}

/** An address that its issuer has not checked is nobody's name. */
function checkEmail(claims: Claims, { claim, expression }: ClaimOrExpression): void {
  if (expression || claim !== 'email' || claims.email_verified === undefined) return
  if (typeof claims.email_verified !== 'boolean') throw new Error("oidc: parse 'email_verified' claim: want a boolean")
  if (!claims.email_verified) throw new Error('oidc: email not verified')
}

function textReader(
  { claim = '', prefix = '', expression }: ClaimOrExpression,
  what: 'username' | 'uid',
): (claims: Claims) => string {
  if (expression) {
    const run = program(compileClaims(expression))
    return (claims) => {
      const value = evaluated(what, () => run({ claims }))
      if (typeof value === 'string') return value
      throw new Error(`oidc: error evaluating ${what} claim expression: ${what} claim expression must return a string`)
    }
  }
  return (claims) => {
    const value = claims[claim]
    if (typeof value === 'string') return prefix + value
    const why = value === undefined ? 'claim not present' : 'want a string'
    throw new Error(
      what === 'username'
        ? `oidc: parse username claims ${JSON.stringify(claim)}: ${why}`
        : `oidc: parse uid claim ${JSON.stringify(claim)}: ${why}`,
    )
  }
}

function listReader({ claim = '', prefix = '', expression }: ClaimOrExpression): (claims: Claims) => string[] {
  if (expression) {
    const run = program(compileClaims(expression))
    return (claims) =>
      listOf(
        evaluated('group', () => run({ claims })),
        () => 'oidc: error evaluating group claim expression',
      )
  }
  return (claims) => {
    const value = claims[claim]
    if (value === undefined || value === null) return []
    const texts = typeof value === 'string' ? [value] : value
    if (!Array.isArray(texts) || texts.some((one) => typeof one !== 'string')) {
      throw new Error(`oidc: parse groups claim ${JSON.stringify(claim)}: want a string or a list of strings`)
    }
    return texts.map((one) => prefix + one)
  }
}

/** Nothing, an empty text or an empty list is no value. */
function listOf(value: unknown, where: () => string): string[] {
  if (value === null || value === '') return []
  if (typeof value === 'string') return [value]
  if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value.filter((one) => one !== '')
  throw new Error(`${where()}: expression must return a string or a list of strings`)
}

function evaluated(what: string, run: () => unknown): unknown {
  try {
    return run()
  } catch (error) {
    const name = what === 'validation' ? 'claim validation' : `${what} claim`
    throw new Error(`oidc: error evaluating ${name} expression: ${(error as Error).message}`, { cause: error })
  }
}

const free = { charge: () => {} }

function program(compiled: CelProgram): (variables: Readonly<Record<string, unknown>>) => unknown {
  return (variables) => toJson(compiled.evaluate(variables, { remaining: perCallLimit }), free)
}
