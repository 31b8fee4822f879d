/** How service accounts are called as users (upstream `authentication/serviceaccount`). */
import { isDns1123Label, isDns1123Subdomain } from '#schema/formats.ts'
import type { User } from '../request.ts'

/** Key of `extra` that names the credential used, never the credential itself. */
export const credentialId = 'authentication.kubernetes.io/credential-id'

const prefix = 'system:serviceaccount:'

export function serviceAccountUsername(namespace: string, name: string): string {
  return `${prefix}${namespace}:${name}`
}

export function serviceAccountGroups(namespace: string): string[] {
  return ['system:serviceaccounts', `system:serviceaccounts:${namespace}`]
}

/** Namespace and name of a service account's user name; undefined for every other user. */
export function splitServiceAccountUsername(username: string): { namespace: string; name: string } | undefined {
  if (!username.startsWith(prefix)) return undefined
  const parts = username.slice(prefix.length).split(':')
  const [namespace = '', name = ''] = parts
  if (parts.length !== 2 || isDns1123Label(namespace).length > 0 || isDns1123Subdomain(name).length > 0) return undefined
  return { namespace, name }
}

export interface ServiceAccountIdentity {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly pod?: { readonly name: string; readonly uid: string } | undefined
  readonly node?: { readonly name: string; readonly uid?: string | undefined } | undefined
  /** `JTI=<uuid>`. */
  readonly credential?: string | undefined
}

export function serviceAccountUser({ namespace, name, uid, pod, node, credential }: ServiceAccountIdentity): User {
  const extra = {
    ...(pod && { 'authentication.kubernetes.io/pod-name': [pod.name], 'authentication.kubernetes.io/pod-uid': [pod.uid] }),
    ...(credential && { [credentialId]: [credential] }),
    ...(node && { 'authentication.kubernetes.io/node-name': [node.name] }),
    ...(node?.uid && { 'authentication.kubernetes.io/node-uid': [node.uid] }),
  }
  return {
    name: serviceAccountUsername(namespace, name),
    uid,
    groups: serviceAccountGroups(namespace),
    ...(Object.keys(extra).length > 0 && { extra }),
  }
}
