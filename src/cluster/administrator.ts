/** A client with the administrator's identity, from the kubeconfig that the server writes into the data directory. */
import { existsSync, readFileSync } from 'node:fs'
import type { Client } from '#client/client.ts'
import { httpsTransport } from '#client/https-transport.ts'
import { createClient } from '#client/typed-client.ts'
import { systemClock } from '#lib/clock.ts'
import { parseYaml } from '#schema/yaml.ts'
import type { DataDirectory } from './data-directory.ts'

export interface AdministratorIdentity {
  readonly server: string
  /** PEM. */
  readonly ca: string
  readonly certificate: string
  readonly key: string
}

/** Undefined while no server has ever run on this directory. */
export function administratorIdentity({ kubeconfig }: DataDirectory): AdministratorIdentity | undefined {
  if (!existsSync(kubeconfig)) return undefined
  const [document] = parseYaml(readFileSync(kubeconfig, 'utf8'), { file: kubeconfig })
  const { clusters, users } = (document?.value ?? { clusters: [], users: [] }) as {
    clusters: { cluster: { server: string; 'certificate-authority-data': string } }[]
    users: { user: { 'client-certificate-data': string; 'client-key-data': string } }[]
  }
  const text = (base64: string | undefined) => Buffer.from(base64 ?? '', 'base64').toString()
  return {
    server: clusters[0]?.cluster.server ?? '',
    ca: text(clusters[0]?.cluster['certificate-authority-data']),
    certificate: text(users[0]?.user['client-certificate-data']),
    key: text(users[0]?.user['client-key-data']),
  }
}

export async function administrator(directory: DataDirectory): Promise<Client | undefined> {
  const identity = administratorIdentity(directory)
  return identity && createClient(httpsTransport({ ...identity, clock: systemClock }))
}
