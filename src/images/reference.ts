/** Image names: `[registry/]repository[:tag][@digest]`, with Docker's defaults filled in as container runtimes do. */
import { type Digest, ImageError } from './image.ts'

export interface Reference {
  /** Host with port where given: `docker.io`, `localhost:5000`. */
  readonly registry: string
  readonly repository: string
  readonly tag?: string
  readonly digest?: Digest
}

const component = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/
const tagFormat = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/
const digestFormat = /^sha256:[0-9a-f]{64}$/

/** Throws ImageError('BadReference') that says which part is wrong. */
export function parseReference(text: string): Reference {
  const fail = (why: string) => new ImageError('BadReference', `image name ${JSON.stringify(text)}: ${why}`)
  const at = text.indexOf('@')
  const digest = at < 0 ? undefined : text.slice(at + 1)
  if (digest !== undefined && !digestFormat.test(digest)) throw fail('the digest must be sha256: and 64 hexadecimal digits')
  const name = at < 0 ? text : text.slice(0, at)
  const colon = name.lastIndexOf(':')
  const hasTag = colon > name.lastIndexOf('/')
  const tag = hasTag ? name.slice(colon + 1) : undefined
  if (tag !== undefined && !tagFormat.test(tag)) throw fail('a tag has letters, digits, "_", "." and "-", at most 128')
  const { registry, repository } = splitRegistry(hasTag ? name.slice(0, colon) : name)
  const bad = repository.split('/').find((part) => !component.test(part))
  if (bad !== undefined)
    throw fail(`${JSON.stringify(bad)} must be lower-case letters and digits, with ".", "_" or "-" between them`)
  if (repository.length > 255) throw fail('the repository is longer than 255 characters')
  return { registry, repository, ...(tag !== undefined && { tag }), ...(digest && { digest: digest as Digest }) }
}

/** A first part with a dot, a colon or the word localhost is a registry; anything else lies on Docker Hub. */
function splitRegistry(name: string): { registry: string; repository: string } {
  const slash = name.indexOf('/')
  const first = slash < 0 ? '' : name.slice(0, slash)
  if (first === 'localhost' || /[.:]/.test(first)) return { registry: first, repository: name.slice(slash + 1) }
  return { registry: 'docker.io', repository: slash < 0 ? `library/${name}` : name }
}

/** The whole name, with `latest` where neither tag nor digest was given: `docker.io/library/redis:latest`. */
export function formatReference({ registry, repository, tag, digest }: Reference): string {
  const version = tag ?? (digest ? undefined : 'latest')
  return `${registry}/${repository}${version ? `:${version}` : ''}${digest ? `@${digest}` : ''}`
}

export function normalize(text: string): string {
  return formatReference(parseReference(text))
}
