/** Service account tokens: signed by us, and good only while the objects they are bound to exist (upstream `pkg/serviceaccount`). */
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { Secret } from '#api/core/v1/secret.ts'
import { ServiceAccount } from '#api/core/v1/service-account.ts'
import type { Client } from '#client/client.ts'
import type { Clock } from '#lib/clock.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import type { Lister } from '../admission/plugin.ts'
import type { User } from '../request.ts'
import type { ServiceAccountTokens, TokenClaims } from '../service-account-tokens.ts'
import { serviceAccountUser } from './service-account-user.ts'
import type { TokenAuthenticator } from './token-authenticator.ts'

export interface ServiceAccountAuthenticatorOptions {
  readonly keys: ServiceAccountTokens
  readonly lister: Lister
  /** Asked when the cache does not have an object, which may be younger than the cache. */
  readonly client: Client
  readonly clock: Clock
}

/** go-jose's leeway for clocks that differ, and upstream's for objects that are on their way out. */
const leeway = 60_000

export function serviceAccountAuthenticator(options: ServiceAccountAuthenticatorOptions): TokenAuthenticator {
  const { keys, clock } = options
  return {
    name: 'serviceaccount',
    async authenticateToken(token, wanted, witness) {
      if (!keys.isOurs(token)) return undefined
      const claims = await keys.verify(token)
      const audiences = claims.aud.filter((audience) => wanted.includes(audience))
      if (audiences.length === 0) {
        throw new Error(`token audiences ${quote(claims.aud)} is invalid for the target audiences ${quote(wanted)}`)
      }
      checkTimes(claims, clock.now())
      const user = await checkObjects(claims, options)
      const stale = clock.now() - (claims['kubernetes.io'].warnafter ?? Infinity) * 1000
      if (stale > 0) {
        const note = `subject: ${claims.sub}, seconds after warning threshold: ${Math.trunc(stale / 1000)}`
        witness?.annotate('authentication.k8s.io/stale-token', note)
      }
      return { user, audiences }
    },
  }
}

function quote(texts: readonly string[]): string {
  return `[${texts.map((text) => JSON.stringify(text)).join(' ')}]`
}

function checkTimes({ exp, nbf, iat }: TokenClaims, now: number): void {
  if (nbf !== undefined && now + leeway < nbf * 1000) throw new Error('service account token is not valid yet')
  if (exp !== undefined && now - leeway > exp * 1000) throw new Error('service account token has expired')
  if (iat !== undefined && now + leeway < iat * 1000) throw new Error('service account token is issued in the future')
}

/** Whatever the token is bound to must still be the same object, by UID. */
async function checkObjects(claims: TokenClaims, options: ServiceAccountAuthenticatorOptions): Promise<User> {
  const { namespace, serviceaccount, secret, pod, node } = claims['kubernetes.io']
  const before = options.clock.now() - leeway
  const account = await find(ServiceAccount, { name: serviceaccount.name, namespace }, options)
  const { uid, deletionTimestamp } = account.metadata
  if (uid !== serviceaccount.uid) throw new Error(`service account UID (${uid}) does not match claim (${serviceaccount.uid})`)
  if (isGone(deletionTimestamp, before)) throw new Error(`service account ${namespace}/${serviceaccount.name} has been deleted`)

  if (secret) await checkBound(Secret, { ...secret, namespace, label: 'secret' }, { ...options, before })
  if (pod) await checkBound(Pod, { ...pod, namespace, label: 'pod' }, { ...options, before })
  if (node && !pod) await checkBound(Node, { name: node.name, uid: node.uid ?? '', label: 'node' }, { ...options, before })
  return serviceAccountUser({
    namespace,
    ...{ name: serviceaccount.name, uid: serviceaccount.uid, pod, node },
    credential: claims.jti && `JTI=${claims.jti}`,
  })
}

interface Bound {
  readonly name: string
  readonly uid: string
  readonly namespace?: string
  readonly label: string
}

async function checkBound(
  kind: Kind<string, KubeObject>,
  { name, uid, namespace, label }: Bound,
  { before, ...options }: ServiceAccountAuthenticatorOptions & { before: number },
): Promise<void> {
  const object = await find(kind, { name, namespace }, options).catch((cause) => {
    throw new Error('service account token has been invalidated', { cause })
  })
  const { metadata } = object
  if (metadata.uid !== uid) {
    throw new Error(`${label} UID (${metadata.uid}) does not match service account ${label} ref claim (${uid})`)
  }
  if (isGone(metadata.deletionTimestamp, before)) throw new Error('service account token has been invalidated')
}

function isGone(deletionTimestamp: string | undefined, before: number): boolean {
  return deletionTimestamp !== undefined && Date.parse(deletionTimestamp) < before
}

async function find<T extends KubeObject>(
  kind: Kind<string, T>,
  { name, namespace }: { name: string; namespace?: string | undefined },
  { lister, client }: { lister: Lister; client: Client },
): Promise<T> {
  return lister.get(kind, name, namespace) ?? (await client.get(kind, { name, namespace }))
}
