/** AuthenticationConfiguration (`apiserver.config.k8s.io/v1`): which issuers of JWTs are trusted, and what their claims mean. */
import { formatFieldError, root } from '#schema/field-error.ts'
import { authenticationReader } from './configuration-fields.ts'
import { jwtErrors } from './validation.ts'

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
    readonly egressSelectorType?: string
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

/** Throws `AuthenticationConfigError` with every error that was found. `ownIssuers` are those that no other issuer may claim to be. */
export function parseAuthenticationConfig(text: string, ownIssuers: readonly string[] = []): AuthenticationConfig {
  const { jwt = [], anonymous } = readGiven(text)
  checkJwt(jwt, ownIssuers)
  if (anonymous && !anonymous.enabled && anonymous.conditions?.length) {
    const error = root
      .child('anonymous', 'conditions')
      .invalid(anonymous.conditions, 'enabled should be set to true when conditions are defined')
    throw new AuthenticationConfigError(formatFieldError(error))
  }
  return { jwt, anonymous }
}

function readGiven(text: string): Partial<AuthenticationConfig> {
  try {
    return authenticationReader.read(text)
  } catch (error) {
    throw new AuthenticationConfigError((error as Error).message, { cause: error })
  }
}

export function checkJwt(jwt: readonly JwtConfig[], ownIssuers: readonly string[] = []): void {
  const errors = jwtErrors(jwt, ownIssuers)
  if (errors.length > 0) throw new AuthenticationConfigError(errors.map(formatFieldError).join('\n'))
}
