/** TokenRequest: what `serviceaccounts/NAME/token` grants (upstream `registry/core/serviceaccount/storage/token.go`). */
import { TokenRequest } from '#api/authentication/v1/token-request.ts'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { Secret } from '#api/core/v1/secret.ts'
import { ServiceAccount } from '#api/core/v1/service-account.ts'
import type { Client } from '#client/client.ts'
import { type Clock, formatTime } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import { type FieldError, root } from '#schema/field-error.ts'
import { badRequest, conflict, invalid, StatusError } from '#schema/status-error.ts'
import type { ServiceAccountTokens } from './service-account-tokens.ts'

export interface TokenRequestContext {
  readonly tokens: ServiceAccountTokens
  readonly client: Client
  readonly clock: Clock
  readonly random: Random
  readonly warn?: ((text: string) => void) | undefined
  /** Told of what the token will be known by, `JTI=...`. */
  readonly issued?: ((credential: string) => void) | undefined
  /** Admission that sees the completed request. */
  admit?(request: TokenRequest): Promise<void> | void
}

/** What kubelet asks for on behalf of the volume that admission adds: such a token may live on for a year, with a warning. */
const warnOnlyExpiration = 3607
const defaultExpiration = 3600

/** Answers the request filled in, with the token in its status. Reads past the caches: a pod may be a moment old. */
export async function requestToken(
  at: { readonly namespace: string; readonly name: string },
  sent: TokenRequest,
  { tokens, client, clock, random, admit, warn, issued }: TokenRequestContext,
): Promise<TokenRequest> {
  checkMetadata(at, sent)
  const account = await client.get(ServiceAccount, at)
  const { uid } = account.metadata
  if (sent.metadata?.uid && sent.metadata.uid !== uid) {
    const why = `the UID in the token request (${sent.metadata.uid}) does not match the UID of the service account (${uid})`
    throw conflict({ group: TokenRequest.group, plural: TokenRequest.kind }, at.name, why)
  }
  const now = clock.now()
  const wanted = completed(sent, { ...at, uid, now, audiences: tokens.audiences })
  const errors = validate(wanted)
  if (errors.length > 0) throw invalid(TokenRequest, '', errors)
  const request = shortened(wanted, tokens.maxExpirationSeconds, warn)
  await admit?.(request)

  const bound = await boundObject(request, { ...at, client })
  const { audiences, expirationSeconds = defaultExpiration } = request.spec
  const seconds = Number(expirationSeconds)
  const extend =
    tokens.extendsExpiration &&
    bound?.kind === 'Pod' &&
    seconds === warnOnlyExpiration &&
    audiences.every((audience) => tokens.audiences.includes(audience))
  const jti = random.uuid()
  const token = await tokens.createToken(account, {
    audiences,
    expirationSeconds: extend ? tokens.extendedSeconds : seconds,
    ...(extend && { warnAfterSeconds: seconds }),
    ...(bound && { boundObjectRef: bound, node: bound.node }),
    now,
    jti,
  })
  issued?.(`JTI=${jti}`)
  return { ...request, status: { token, expirationTimestamp: formatTime(now + seconds * 1000) } }
}

function checkMetadata({ namespace, name }: { namespace: string; name: string }, { metadata }: TokenRequest): void {
  const at = root.child('metadata')
  const errors = [
    metadata?.name &&
      metadata.name !== name &&
      at.child('name').invalid(metadata.name, 'must match the service account name if specified'),
    metadata?.namespace &&
      metadata.namespace !== namespace &&
      at.child('namespace').invalid(metadata.namespace, 'must match the service account namespace if specified'),
  ].filter((error) => typeof error === 'object')
  if (errors.length > 0) throw invalid(TokenRequest, name, errors)
}

interface Completion {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly now: number
  readonly audiences: readonly string[]
}

function completed(
  { apiVersion, kind, metadata, spec }: TokenRequest,
  { now, audiences, ...identity }: Completion,
): TokenRequest {
  return {
    apiVersion,
    kind,
    metadata: { ...metadata, ...identity, creationTimestamp: formatTime(now) },
    spec: {
      ...spec,
      audiences: spec?.audiences?.length ? spec.audiences : [...audiences],
      expirationSeconds: spec?.expirationSeconds ?? defaultExpiration,
    },
    status: { token: '', expirationTimestamp: formatTime(now) },
  }
}

function validate({ spec }: TokenRequest): FieldError[] {
  const at = root.child('spec', 'expirationSeconds')
  const seconds = spec.expirationSeconds as number
  if (seconds < 600) return [at.invalid(seconds, 'may not specify a duration less than 10 minutes')]
  if (seconds > 2 ** 32) return [at.invalid(seconds, 'may not specify a duration larger than 2^32 seconds')]
  return []
}

/** Asked for more than this server gives, one gets what it gives, and is told so. */
function shortened(request: TokenRequest, most: number, warn: TokenRequestContext['warn']): TokenRequest {
  const { expirationSeconds = defaultExpiration } = request.spec
  if (most <= 0 || Number(expirationSeconds) <= most) return request
  warn?.(`requested expiration of ${expirationSeconds} seconds shortened to ${most} seconds`)
  return { ...request, spec: { ...request.spec, expirationSeconds: most } }
}

interface BoundObject {
  readonly kind: 'Pod' | 'Secret' | 'Node'
  readonly name: string
  readonly uid: string
  readonly node?: { readonly name: string; readonly uid?: string | undefined }
}

async function boundObject(
  { spec }: TokenRequest,
  { namespace, name, client }: { namespace: string; name: string; client: Client },
): Promise<BoundObject | undefined> {
  const ref = spec.boundObjectRef
  if (!ref) return undefined
  const [group, version] = (ref.apiVersion ?? '').includes('/')
    ? (ref.apiVersion as string).split('/')
    : ['', ref.apiVersion ?? '']
  const at = { name: ref.name ?? '', namespace }
  const found = group === '' ? await lookUp(ref.kind ?? '', at, client) : undefined
  if (!found) throw badRequest(`cannot bind token to object of type ${group}/${version}, Kind=${ref.kind ?? ''}`)
  if (found.kind === 'Pod' && found.serviceAccountName !== name) {
    throw badRequest(
      `cannot bind token for serviceaccount ${JSON.stringify(name)} to pod running with different serviceaccount name.`,
    )
  }
  if (ref.uid && ref.uid !== found.uid) {
    const why = `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`
    throw conflict({ group: '', plural: ref.kind as string }, at.name, why)
  }
  return { kind: found.kind, name: at.name, uid: found.uid, ...(found.node && { node: found.node }) }
}

type Found = BoundObject & { readonly serviceAccountName?: string | undefined }

async function lookUp(kind: string, at: { name: string; namespace: string }, client: Client): Promise<Found | undefined> {
  const { name } = at
  if (kind === 'Secret') return { kind, name, uid: (await client.get(Secret, at)).metadata.uid }
  if (kind === 'Node') return { kind, name, uid: (await client.get(Node, { name })).metadata.uid }
  if (kind !== 'Pod') return undefined
  const { metadata, spec } = await client.get(Pod, at)
  const node = spec.nodeName ? { name: spec.nodeName, uid: await nodeUid(spec.nodeName, client) } : undefined
  return { kind, name, uid: metadata.uid, serviceAccountName: spec.serviceAccountName, ...(node && { node }) }
}

/** A pod may have been assigned to a node that has no object any more; its name is still worth telling. */
async function nodeUid(name: string, client: Client): Promise<string | undefined> {
  try {
    return (await client.get(Node, { name })).metadata.uid
  } catch (error) {
    if (error instanceof StatusError && error.reason === 'NotFound') return undefined
    throw error
  }
}
