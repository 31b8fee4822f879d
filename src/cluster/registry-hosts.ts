/** Tells containerd how its node reaches the cluster's registry: one `hosts.toml` for each name that images may carry. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface RegistryHosts {
  /** containerd's `config_path`. */
  readonly directory: string
  /** `localhost`, and addresses of the server. */
  readonly names: readonly string[]
  readonly port: number
  /** Where the server is, as this node sees it. */
  readonly server: string
  /** Paths of PEM files; unused where the server is this machine. */
  readonly ca: string
  readonly client: { readonly certificate: string; readonly key: string }
}

/** Read at each pull: nothing is to be restarted. */
export async function writeRegistryHosts(hosts: RegistryHosts): Promise<void> {
  if (hosts.port === 0) return
  const text = hostsToml(hosts)
  for (const name of hosts.names) {
    const folder = join(hosts.directory, `${name}:${hosts.port}`)
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'hosts.toml'), text)
  }
}

/** containerd's `docs/hosts.md`. On the same machine plain HTTP will do: the bytes leave it nowhere, and digests are checked. */
export function hostsToml({ port, server, ca, client }: Omit<RegistryHosts, 'directory' | 'names'>): string {
  const isHere = server === '127.0.0.1'
  const url = JSON.stringify(`${isHere ? 'http' : 'https'}://${server}:${port}`)
  const files = isHere
    ? ''
    : `  ca = ${JSON.stringify(ca)}\n  client = [[${JSON.stringify(client.certificate)}, ${JSON.stringify(client.key)}]]\n`
  return `server = ${url}\n\n[host.${url}]\n  capabilities = ["pull", "resolve"]\n${files}`
}
