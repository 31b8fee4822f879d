/** AuthenticationConfiguration (`apiserver.config.k8s.io/v1`): which issuers of JWTs are trusted, and what their claims mean. */
import { UserInfo } from '#api/authentication/v1/token-review.ts'
import { type CelProgram, compileCel } from '#schema/cel/compile.ts'
import { type FieldError, formatFieldError, type Path, root } from '#schema/field-error.ts'
import { parseYaml } from '#schema/yaml.ts'

export class AuthenticationConfigError extends Error {}

export interface ClaimOrExpression {
  readonly claim?: string
  readonly prefix?: string
  readonly expression?: string
}

export interface JwtConfig {
  readonly issuer: {
    readonly url: string
    readonly discoveryURL?: string
    /** PEM. */
    readonly certificateAuthority?: string
    readonly audiences: readonly string[]
    readonly audienceMatchPolicy?: string
  }
  readonly claimValidationRules?: readonly {
    readonly claim?: string
    readonly requiredValue?: string
    readonly expression?: string
    readonly message?: string
  }[]
  readonly claimMappings: {
    readonly username: ClaimOrExpression
    readonly groups?: ClaimOrExpression
    readonly uid?: ClaimOrExpression
    readonly extra?: readonly { readonly key: string; readonly valueExpression: string }[]
  }
  readonly userValidationRules?: readonly { readonly expression: string; readonly message?: string }[]
  /** Of signatures; default: all that upstream takes from a configuration file. */
  readonly signingAlgorithms?: readonly string[]
}

export interface AnonymousConfig {
  readonly enabled: boolean
  readonly conditions?: readonly { readonly path: string }[]
}

export interface AuthenticationConfig {
  readonly jwt: readonly JwtConfig[]
  readonly anonymous?: AnonymousConfig | undefined
}

const versions = ['v1', 'v1beta1', 'v1alpha1'].map((version) => `apiserver.config.k8s.io/${version}`)

/** Throws `AuthenticationConfigError` with every error that was found. */
export function parseAuthenticationConfig(text: string): AuthenticationConfig {
  const given = parseYaml(text)[0]?.value as (Partial<AuthenticationConfig> & { apiVersion?: string; kind?: string }) | undefined
  if (!versions.includes(given?.apiVersion ?? '') || given?.kind !== 'AuthenticationConfiguration') {
    throw new AuthenticationConfigError(`want apiVersion ${versions[0]} and kind AuthenticationConfiguration`)
  }
  const { jwt = [], anonymous } = given
  checkJwt(jwt)
  if (anonymous && !anonymous.enabled && anonymous.conditions?.length) {
    const error = root
      .child('anonymous', 'conditions')
      .invalid(anonymous.conditions, 'enabled should be set to true when conditions are defined')
    throw new AuthenticationConfigError(formatFieldError(error))
  }
  return { jwt, anonymous }
}

export function checkJwt(jwt: readonly JwtConfig[]): void {
  const at = root.child('jwt')
  const errors = jwt.length > 64 ? [at.invalid(jwt.length, 'must have at most 64 items')] : []
  const seen = new Set<string>()
  jwt.forEach((one, i) => {
    const here = at.index(i)
    const url = one.issuer?.url ?? ''
    if (seen.has(url)) errors.push(here.child('issuer', 'url').duplicate(url))
    seen.add(url)
    errors.push(...issuerErrors(one.issuer ?? ({} as JwtConfig['issuer']), here.child('issuer')), ...mappingErrors(one, here))
  })
  if (errors.length > 0) throw new AuthenticationConfigError(errors.map(formatFieldError).join('\n'))
}

function issuerErrors(
  { url = '', discoveryURL, audiences = [], audienceMatchPolicy }: JwtConfig['issuer'],
  at: Path,
): FieldError[] {
  const errors = [...urlErrors(url, at.child('url')), ...(discoveryURL ? urlErrors(discoveryURL, at.child('discoveryURL')) : [])]
  if (discoveryURL && discoveryURL.replace(/\/$/, '') === url.replace(/\/$/, '')) {
    errors.push(at.child('discoveryURL').invalid(discoveryURL, 'discoveryURL must be different from URL'))
  }
  if (audiences.length === 0) errors.push(at.child('audiences').required('at least one jwt.issuer.audiences is required'))
  if (audiences.length > 1 && audienceMatchPolicy !== 'MatchAny') {
    const detail = 'audienceMatchPolicy must be set to MatchAny for multiple audiences'
    errors.push(at.child('audienceMatchPolicy').invalid(audienceMatchPolicy ?? '', detail))
  }
  return errors
}

function urlErrors(text: string, at: Path): FieldError[] {
  if (text === '') return [at.required('URL is required')]
  if (!URL.canParse(text)) return [at.invalid(text, 'invalid URL')]
  const url = new URL(text)
  return [
    ...(url.protocol === 'https:' ? [] : [at.invalid(text, 'URL scheme must be https')]),
    ...(url.username || url.password ? [at.invalid(text, 'URL must not contain a username or password')] : []),
    ...(url.search ? [at.invalid(text, 'URL must not contain a query')] : []),
    ...(url.hash ? [at.invalid(text, 'URL must not contain a fragment')] : []),
  ]
}

function mappingErrors(
  { claimMappings, claimValidationRules = [], userValidationRules = [] }: JwtConfig,
  at: Path,
): FieldError[] {
  const { username = {}, groups, uid, extra = [] } = claimMappings ?? {}
  const here = at.child('claimMappings')
  const errors: FieldError[] = []
  const claims = (expression: string, where: Path, expects: readonly ('string' | 'bool' | 'dyn')[]) => {
    try {
      compileClaims(expression, expects)
    } catch (error) {
      errors.push(where.invalid(expression, `compilation failed: ${(error as Error).message}`))
    }
  }
  const one = (value: ClaimOrExpression, where: Path, isRequired: boolean) => {
    if (value.claim && value.expression) errors.push(where.invalid('', "claim and expression can't both be set"))
    if (isRequired && !value.claim && !value.expression) errors.push(where.required('claim or expression is required'))
    if (value.claim && where.toString().match(/username$/) && value.prefix === undefined) {
      errors.push(
        where
          .child('prefix')
          .required('prefix is required when claim is set. It can be set to an empty string to disable prefixing'),
      )
    }
    if (value.expression) claims(value.expression, where.child('expression'), ['dyn'])
  }
  one(username, here.child('username'), true)
  if (groups) one(groups, here.child('groups'), false)
  if (uid) one(uid, here.child('uid'), false)
  extra.forEach(({ valueExpression }, i) => {
    claims(valueExpression, here.child('extra').index(i).child('valueExpression'), ['dyn'])
  })
  claimValidationRules.forEach(({ claim, expression }, i) => {
    const where = at.child('claimValidationRules').index(i)
    if (!claim && !expression) errors.push(where.required('claim or expression is required'))
    if (expression) claims(expression, where.child('expression'), ['bool'])
  })
  userValidationRules.forEach(({ expression }, i) => {
    try {
      compileUser(expression)
    } catch (error) {
      const where = at.child('userValidationRules').index(i).child('expression')
      errors.push(where.invalid(expression, `compilation failed: ${(error as Error).message}`))
    }
  })
  return errors
}

export function compileClaims(expression: string, expects: readonly ('string' | 'bool' | 'dyn')[] = ['dyn']): CelProgram {
  return compileCel(expression, { variables: { claims: 'map' }, expects })
}

export function compileUser(expression: string): CelProgram {
  return compileCel(expression, { variables: { user: UserInfo }, expects: 'bool' })
}
