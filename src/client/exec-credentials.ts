/** Credential plugins: programs that a kubeconfig names and that print an ExecCredential (client.authentication.k8s.io). */
import { spawn } from 'node:child_process'
import type { Clock } from '#lib/clock.ts'
import { parseJson } from '#schema/json.ts'
import type { TokenSource } from './https-transport.ts'
import type { ClusterEntry, ExecEntry } from './kubeconfig.ts'

export interface ExecCredentials {
  readonly token: TokenSource
  readonly certificate: () => Promise<string | undefined>
  readonly key: () => Promise<string | undefined>
}

interface Credential {
  readonly expirationTimestamp?: string
  readonly token?: string
  readonly clientCertificateData?: string
  readonly clientKeyData?: string
}

interface Surroundings {
  readonly clock: Clock
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly cluster: ClusterEntry
}

/** The program runs once until its credential expires or the server refuses it. */
export function execCredentials(exec: ExecEntry, surroundings: Surroundings): ExecCredentials {
  let current: Promise<Credential> | undefined
  let expires = Number.POSITIVE_INFINITY
  const fetch = async () => {
    const credential = await run(exec, surroundings)
    expires = credential.expirationTimestamp ? Date.parse(credential.expirationTimestamp) : Number.POSITIVE_INFINITY
    return credential
  }
  const credential = (refused = false) => {
    if (!current || refused || surroundings.clock.now() >= expires) {
      current = fetch()
      current.catch(() => {
        current = undefined
      })
    }
    return current
  }
  return {
    token: async ({ refused }) => (await credential(refused)).token,
    certificate: async () => (await credential()).clientCertificateData,
    key: async () => (await credential()).clientKeyData,
  }
}

async function run(exec: ExecEntry, { environment, cluster }: Surroundings): Promise<Credential> {
  const apiVersion = exec.apiVersion ?? 'client.authentication.k8s.io/v1'
  const info = { apiVersion, kind: 'ExecCredential', spec: { interactive: false, ...(exec.provideClusterInfo && { cluster }) } }
  const added = Object.fromEntries((exec.env ?? []).map(({ name, value }) => [name, value]))
  const child = spawn(exec.command, exec.args ?? [], {
    env: { ...environment, ...added, KUBERNETES_EXEC_INFO: JSON.stringify(info) },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const { promise, resolve, reject } = Promise.withResolvers<number | null>()
  child.once('error', (error: Error & { code?: string }) => {
    const hint = error.code === 'ENOENT' && exec.installHint ? `\n\n${exec.installHint}` : ''
    reject(new Error(`getting credentials: exec: executable ${exec.command} failed: ${error.message}${hint}`, { cause: error }))
  })
  child.once('close', resolve)
  const chunks: Uint8Array[] = []
  child.stdout.on('data', (chunk: Uint8Array) => chunks.push(chunk))
  const code = await promise
  if (code !== 0) throw new Error(`getting credentials: exec: executable ${exec.command} failed with exit code ${code}`)
  const answer = parseJson(Buffer.concat(chunks)).value as { kind?: string; apiVersion?: string; status?: Credential }
  if (answer.apiVersion !== apiVersion) {
    throw new Error(
      `getting credentials: exec plugin is configured to use API version ${apiVersion}, plugin returned version ${answer.apiVersion}`,
    )
  }
  const { status } = answer
  if (!status) throw new Error("getting credentials: exec plugin didn't return a status field")
  if (!status.token && !status.clientCertificateData) {
    throw new Error("getting credentials: exec plugin didn't return a token or cert/key pair")
  }
  return status
}
