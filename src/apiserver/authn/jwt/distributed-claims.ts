/** Claims that an issuer keeps elsewhere, such as groups that are too many for a token (OpenID Connect Core section 5.6.2). */
import { fetchText } from './fetch-text.ts'
import { parseJwt } from './signature.ts'
import type { Claims, JwtVerifier } from './verifier.ts'

export interface ClaimResolverOptions {
  /** The one claim that may stand elsewhere. */
  readonly claim: string
  readonly ca?: string | undefined
  /** For tokens that such a place hands out, which may have an issuer of their own. */
  verifierOf(issuer: string): JwtVerifier
}

export type ClaimResolver = (claims: Claims) => Promise<Claims>

/** So many issuers of claims are remembered. */
const maxIssuers = 32

/** Answers the claims with the missing one filled in. Assumes that they come from a token that has been verified. */
export function claimResolver(options: ClaimResolverOptions): ClaimResolver {
  const verifiers = new Map<string, JwtVerifier>()
  const verifierOf = (issuer: string) => {
    let verifier = verifiers.get(issuer)
    if (!verifier) verifiers.set(issuer, (verifier = options.verifierOf(issuer)))
    if (verifiers.size > maxIssuers) verifiers.delete(verifiers.keys().next().value as string)
    return verifier
  }
  return async (claims) => {
    const { claim } = options
    try {
      const source = sourceOf(claims, claim)
      return source ? { ...claims, [claim]: await resolve(source, { ...options, verifierOf }) } : claims
    } catch (cause) {
      throw new Error(`oidc: could not expand distributed claims: ${(cause as Error).message}`, { cause })
    }
  }
}

interface Source {
  readonly endpoint: string
  readonly access_token?: string
}

/** Where the claim stands; undefined where it is in the token itself, or nowhere. */
function sourceOf(claims: Claims, claim: string): Source | undefined {
  const { _claim_names: names, _claim_sources: sources } = claims
  if (claim in claims || names === undefined) return undefined
  if (!isTable(names) || Object.values(names).some((name) => typeof name !== 'string')) {
    throw new Error('oidc: error parsing distributed claim names: want an object of strings')
  }
  if (sources === undefined) throw new Error('oidc: no claim sources')
  if (!isTable(sources) || !Object.values(sources).every(isSource)) {
    throw new Error('oidc: could not parse claim sources: want an object of sources')
  }
  if (!Object.hasOwn(names, claim)) return undefined
  const name = names[claim] as string
  if (!Object.hasOwn(sources, name))
    throw new Error(`id token _claim_names contained a source ${name} missing in _claims_sources`)
  const source = sources[name] as Partial<Source>
  // A source without a place may hold the claim itself, which upstream does not read either.
  return source.endpoint ? (source as Source) : undefined
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isSource(value: unknown): boolean {
  const isText = (one: unknown) => one === undefined || typeof one === 'string'
  return isTable(value) && isText(value.endpoint) && isText(value.access_token)
}

async function resolve(
  { endpoint, access_token: token }: Source,
  { claim, ca, verifierOf }: ClaimResolverOptions,
): Promise<unknown> {
  const text = await claimToken(endpoint, { token, ca }).catch((cause) => {
    throw new Error(`while getting distributed claim ${JSON.stringify(claim)}: ${cause.message}`, { cause })
  })
  const jwt = parseJwt(text.trim())
  const issuer = jwt?.claims.iss
  if (!jwt || typeof issuer !== 'string') {
    throw new Error(
      `getting untrusted issuer from endpoint ${endpoint} failed for claim ${JSON.stringify(claim)}: malformed token`,
    )
  }
  const { verify } = verifierOf(issuer)
  await verify(jwt).catch((cause) => {
    throw new Error(`verify distributed claim token: ${cause.message}`, { cause })
  })
  if (claim in jwt.claims) return jwt.claims[claim]
  throw new Error(`jwt returned by distributed claim endpoint ${JSON.stringify(endpoint)} did not contain claim: ${claim}`)
}

async function claimToken(url: string, { token, ca }: { token: string | undefined; ca: string | undefined }): Promise<string> {
  const headers = token ? { authorization: `Bearer ${token}` } : {}
  const { status, statusText, text } = await fetchText(url, { ca, headers, allowsPlain: true })
  if (status < 200 || status > 226) throw new Error(`error while getting distributed claim JWT: ${statusText}`)
  return text
}
