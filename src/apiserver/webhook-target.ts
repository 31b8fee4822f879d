/** Webhooks that are configured by a kubeconfig file: audit, token authentication, authorization (upstream `util/webhook`). */
import { Agent, request as httpsRequest } from 'node:https'
import { stringifyJson } from '#schema/json.ts'
import { parseYaml } from '#schema/yaml.ts'
import { wordsOf } from './webhook-call.ts'

export interface WebhookTarget {
  readonly url: string
  /** Keeps connections open between calls; holds the certificates. */
  readonly agent: Agent
  /** `Authorization`, where the webhook wants one. */
  readonly authorization?: string | undefined
}

/** The webhook answered, but not with success. */
export class WebhookRefusal extends Error {
  readonly status: number

  constructor(status: number, text: string) {
    super(`the server responded with status code ${status}: ${text.slice(0, 2048)}`)
    this.status = status
  }
}

interface Kubeconfig {
  readonly 'current-context'?: string
  readonly contexts?: readonly {
    readonly name?: string
    readonly context?: { readonly cluster?: string; readonly user?: string }
  }[]
  readonly clusters?: readonly { readonly name?: string; readonly cluster?: ClusterEntry }[]
  readonly users?: readonly { readonly name?: string; readonly user?: UserEntry }[]
}

interface ClusterEntry {
  readonly server?: string
  readonly 'certificate-authority'?: string
  readonly 'certificate-authority-data'?: string
  readonly 'insecure-skip-tls-verify'?: boolean
  readonly 'tls-server-name'?: string
}

interface UserEntry {
  readonly 'client-certificate'?: string
  readonly 'client-certificate-data'?: string
  readonly 'client-key'?: string
  readonly 'client-key-data'?: string
  readonly token?: string
  readonly tokenFile?: string
  readonly username?: string
  readonly password?: string
}

/** `read` gives the text of a file that the kubeconfig names. */
export function webhookTarget(text: string, read: (path: string) => string): WebhookTarget {
  const config = (parseYaml(text)[0]?.value ?? {}) as Kubeconfig
  const { cluster, user } = chosen(config)
  if (!cluster.server) throw new Error('the kubeconfig names no server')
  const pem = (data: string | undefined, path: string | undefined) =>
    data ? Buffer.from(data, 'base64').toString('utf8') : path ? read(path) : undefined
  const ca = pem(cluster['certificate-authority-data'], cluster['certificate-authority'])
  const cert = pem(user['client-certificate-data'], user['client-certificate'])
  const key = pem(user['client-key-data'], user['client-key'])
  const servername = cluster['tls-server-name']
  const agent = new Agent({
    keepAlive: true,
    rejectUnauthorized: cluster['insecure-skip-tls-verify'] !== true,
    ...(ca && { ca }),
    ...(cert && key && { cert, key }),
    ...(servername && { servername }),
  })
  return { url: cluster.server, agent, authorization: authorizationOf(user, read) }
}

function chosen(config: Kubeconfig): { cluster: ClusterEntry; user: UserEntry } {
  const { contexts = [], clusters = [], users = [] } = config
  const current = contexts.find(({ name }) => name === config['current-context']) ?? contexts[0]
  const cluster = clusters.find(({ name }) => name === current?.context?.cluster) ?? clusters[0]
  const user = users.find(({ name }) => name === current?.context?.user)
  return { cluster: cluster?.cluster ?? {}, user: user?.user ?? {} }
}

function authorizationOf(
  { token, tokenFile, username, password }: UserEntry,
  read: (path: string) => string,
): string | undefined {
  const bearer = token ?? (tokenFile ? read(tokenFile).trim() : undefined)
  if (bearer) return `Bearer ${bearer}`
  return username ? `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}` : undefined
}

/** More than a webhook may answer. */
const maxAnswer = 32 * 1024 * 1024

/** The JSON of the answer; errors are worded as Go's HTTP client words them. */
export function postJson({ url, agent, authorization }: WebhookTarget, body: unknown, { timeout }: { timeout: number }) {
  return new Promise<any>((resolve, reject) => {
    const bytes = Buffer.from(stringifyJson(body))
    const signal = AbortSignal.timeout(timeout)
    const fail = (error: NodeJS.ErrnoException) => {
      const why = signal.aborted ? 'context deadline exceeded' : wordsOf(error)
      reject(new Error(`Post ${JSON.stringify(url)}: ${why}`, { cause: error }))
    }
    const headers = { 'content-type': 'application/json', accept: 'application/json', 'content-length': bytes.length }
    const request = httpsRequest(url, {
      ...{ method: 'POST', agent, signal },
      headers: { ...headers, ...(authorization && { authorization }) },
    })
    request.once('error', fail)
    request.once('response', (response) => {
      const chunks: Buffer[] = []
      let size = 0
      response.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > maxAnswer) response.destroy(new Error('the answer is too long'))
        else chunks.push(chunk)
      })
      response.once('error', fail)
      response.once('end', () => settle(response.statusCode ?? 0, Buffer.concat(chunks).toString('utf8')))
    })
    request.end(bytes)

    function settle(status: number, text: string): void {
      if (status < 200 || status > 299) return reject(new WebhookRefusal(status, text))
      try {
        resolve(text.trim() === '' ? undefined : JSON.parse(text))
      } catch (error) {
        reject(error)
      }
    }
  })
}
