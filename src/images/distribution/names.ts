/** Names that a registry takes: they become paths, so that nothing else may. */
import type { Digest } from '../image.ts'
import { RegistryError } from './registry-error.ts'

const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*'
const repositoryFormat = new RegExp(`^${component}(?:/${component})*$`)
const tagFormat = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/
const digestFormat = /^sha256:[0-9a-f]{64}$/
const uploadFormat = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export function isDigest(text: unknown): text is Digest {
  return typeof text === 'string' && digestFormat.test(text)
}

export function repositoryOf(text: string): string {
  if (text.length > 255 || !repositoryFormat.test(text))
    throw new RegistryError('NAME_INVALID', `invalid repository name ${text}`)
  return text
}

export function digestOf(text: string): Digest {
  if (!isDigest(text)) throw new RegistryError('DIGEST_INVALID', `not a sha256 digest: ${text}`)
  return text
}

/** A tag or a digest. */
export function manifestReferenceOf(text: string): string {
  if (text.includes(':')) return digestOf(text)
  if (!tagFormat.test(text)) throw new RegistryError('TAG_INVALID', `manifest tag did not match URI: ${text}`)
  return text
}

export function uploadOf(text: string): string {
  if (!uploadFormat.test(text)) throw new RegistryError('BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry')
  return text
}
