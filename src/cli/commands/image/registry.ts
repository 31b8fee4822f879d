/** Flags and credentials for registries. */
import type { RegistryOptions } from '#images/registry.ts'
import { dataDir } from '../cluster/flags.ts'

export const registryFlags = {
  'data-dir': dataDir,
  username: { type: 'string', value: 'U', doc: 'user at the registry; the password is taken from NAMI_REGISTRY_PASSWORD' },
  insecure: { type: 'boolean', doc: 'plain HTTP' },
} as const

/** A password never stands on a command line, where others could read it. */
export function credentials(
  { username, insecure }: { readonly username: string | undefined; readonly insecure: boolean | undefined },
  env: Readonly<Record<string, string | undefined>>,
): RegistryOptions {
  return {
    platform: { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : process.arch },
    fetch,
    ...(username !== undefined && { username, password: env.NAMI_REGISTRY_PASSWORD ?? '' }),
    ...(insecure && { insecure }),
  }
}
