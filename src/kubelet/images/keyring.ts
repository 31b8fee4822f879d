/** Registry credentials from image pull secrets, and which of them are for an image (upstream's `credentialprovider`). */
import { withoutTrailing } from '#lib/trailing.ts'
import type { RegistryAuth } from '../cri/runtime.ts'

/** What is needed of a Secret: its data, decoded. */
export interface PullSecret {
  readonly entries: ReadonlyMap<string, Uint8Array>
}

export interface Credential {
  /** Host and path, no scheme: `registry.example.com:5000/team`. */
  readonly registry: string
  readonly auth: RegistryAuth
}

export type Keyring = readonly Credential[]

/** Throws when a secret cannot be read, as upstream fails the pull then. */
export function makeKeyring(secrets: readonly PullSecret[]): Keyring {
  return secrets.flatMap(credentialsOf).toSorted((a, b) => (a.registry < b.registry ? 1 : a.registry > b.registry ? -1 : 0))
}

/**
 * Credentials for `docker.io/library/nginx`-like repositories; longer paths first. Without a match those for Docker Hub serve
 * names of Docker Hub.
 */
export function lookup(keyring: Keyring, repository: string): readonly Credential[] {
  const found = keyring.filter(({ registry }) => isFor(registry, repository))
  if (found.length > 0) return found
  const isHub = repository.startsWith('docker.io/')
  return isHub ? keyring.filter(({ registry }) => registry === dockerHub) : []
}

const dockerHub = 'index.docker.io/v1'

interface DockerEntry {
  readonly username?: string
  readonly password?: string
  readonly auth?: string
}

function credentialsOf(secret: PullSecret): Credential[] {
  return Object.entries(entriesOf(secret)).map(([key, entry]) => ({ registry: normalRegistry(key), auth: userOf(entry) }))
}

function entriesOf({ entries }: PullSecret): Record<string, DockerEntry> {
  const config = entries.get('.dockerconfigjson')
  if (config) return JSON.parse(new TextDecoder().decode(config)).auths ?? {}
  const legacy = entries.get('.dockercfg')
  return legacy ? JSON.parse(new TextDecoder().decode(legacy)) : {}
}

/** `auth` is base64 of `username:password` and wins. */
function userOf({ username = '', password = '', auth }: DockerEntry): { username: string; password: string } {
  if (!auth) return { username, password }
  const text = decode(auth)
  const colon = text.indexOf(':')
  if (colon < 0) throw new Error('unable to parse auth field, must be formatted as base64(username:password)')
  return { username: text.slice(0, colon), password: text.slice(colon + 1) }
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8')
}

/** Scheme off; `/v1/` and `/v2/` are Docker's own decoration, except for its hub, whose name they are part of. */
function normalRegistry(key: string): string {
  const bare = withoutTrailing(key.replace(/^https?:\/\//, ''), '/')
  if (/^(index\.)?docker\.io(\/v1)?$/.test(bare)) return bare === 'docker.io' ? 'docker.io' : dockerHub
  return bare.replace(/\/v[12]$/, '')
}

/** Host parts match as globs and in equal number, ports equal, the path as a prefix. */
function isFor(registry: string, repository: string): boolean {
  const [wantHost = '', ...wantPath] = registry.split('/')
  const [haveHost = '', ...havePath] = repository.split('/')
  const [wantName = '', wantPort = ''] = wantHost.split(':')
  const [haveName = '', havePort = ''] = haveHost.split(':')
  if (wantPort !== havePort) return false
  const want = wantName.split('.')
  const have = haveName.split('.')
  if (want.length !== have.length || !want.every((part, at) => glob(part, have[at] ?? ''))) return false
  return havePath.join('/').startsWith(wantPath.join('/'))
}

function glob(pattern: string, text: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${source}$`).test(text)
}
