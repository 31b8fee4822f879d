/**
 * The cluster's own image registry, beside the API server. This machine may push and pull without a password; nodes show their
 * certificates; everybody else is a user that `nami registry user` made.
 */
import { join } from 'node:path'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { applyObject } from '#client/apply.ts'
import type { Client } from '#client/client.ts'
import { sleep, systemClock } from '#lib/clock.ts'
import { systemRandom } from '#lib/random.ts'
import type { ClusterConfig, DataDirectory } from './data-directory.ts'
import type { Log } from './log.ts'
import type { Pki } from './pki.ts'

export const defaultRegistryPort = 5000

export function registryPort({ registryPort: port = defaultRegistryPort }: Pick<ClusterConfig, 'registryPort'>): number {
  return port
}

export function registryPaths({ path }: Pick<DataDirectory, 'path'>): { readonly directory: string; readonly users: string } {
  const directory = join(path, 'registry')
  return { directory, users: join(directory, 'users.json') }
}

export interface RunningRegistry {
  close(): Promise<void>
}

export interface RegistryParts {
  readonly directory: DataDirectory
  readonly config: ClusterConfig
  readonly pki: Pki
  readonly log: Log
  readonly client: Client
}

/** The cluster does without where the port is somebody else's. */
export async function startRegistry(parts: RegistryParts): Promise<RunningRegistry | undefined> {
  const { directory, config, pki, log, client } = parts
  const port = registryPort(config)
  if (port === 0) return undefined
  const [{ serveRegistry }, { everything, pulls }, { rightsOfUser }] = await Promise.all([
    import('#images/distribution/serve.ts'),
    import('#images/distribution/access.ts'),
    import('#images/distribution/passwords.ts'),
  ])
  const { users, ...paths } = registryPaths(directory)
  const place = { ...paths, clock: systemClock, random: systemRandom }
  try {
    const server = await serveRegistry({
      ...place,
      port,
      tls: { key: pki.apiserver.key, certificate: pki.apiserver.certificate, clientCa: pki.ca.certificate },
      access: {
        secret: systemRandom.bytes(32),
        anonymous: (address) => (isLoopback(address) ? everything('') : undefined),
        password: (user, password) => rightsOfUser(users, user, password),
        certificate({ commonName, organizations }) {
          if (organizations.includes('system:masters')) return everything(commonName)
          return organizations.includes('system:nodes') ? pulls(commonName) : undefined
        },
      },
      onError: (error, doing) => log.error(`registry: ${doing}`, error),
    })
    const stop = new AbortController()
    announce(client, port).catch((error) => log.error('registry: announcing it', error))
    void collect(place, { log, signal: stop.signal })
    log.info(`image registry on port ${server.port}`)
    return {
      async close() {
        stop.abort(new Error('the registry is stopping'))
        await server.close()
      },
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const next = `nami up --registry-port P takes another, --registry-port 0 none`
    log.info(`no image registry: ${code === 'EADDRINUSE' ? `port ${port} is in use by another program; ${next}` : message}`)
    return undefined
  }
}

function isLoopback(address: string): boolean {
  return address === '::1' || /^(::ffff:)?127\./.test(address)
}

/** KEP-1755: where tools find a cluster's registry. */
async function announce(client: Client, port: number): Promise<void> {
  const data = {
    'localRegistryHosting.v1': `host: "localhost:${port}"\nhostFromContainerRuntime: "localhost:${port}"\nhelp: "nami registry --help"\n`,
  }
  const object = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'local-registry-hosting', namespace: 'kube-public' },
    data,
  }
  await applyObject(client, ConfigMap, object as never, { fieldManager: 'nami' })
}

const collectEvery = 6 * 3_600_000

async function collect(
  place: { directory: string; clock: typeof systemClock; random: typeof systemRandom },
  { log, signal }: { log: Log; signal: AbortSignal },
): Promise<void> {
  const [{ openStorage }, { collectGarbage }] = await Promise.all([
    import('#images/distribution/storage.ts'),
    import('#images/distribution/collect-garbage.ts'),
  ])
  while (!signal.aborted) {
    await sleep(systemClock, collectEvery, signal).catch(() => {})
    if (signal.aborted) return
    await collectGarbage(openStorage(place)).catch((error) => log.error('registry: collecting garbage', error))
  }
}
