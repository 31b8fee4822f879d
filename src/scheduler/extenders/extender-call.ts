/** One POST to an extender, over HTTP or HTTPS. */
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { Clock } from '#lib/clock.ts'
import { parseJson, stringifyJson } from '#schema/json.ts'

/** PEM texts. */
export interface ExtenderTls {
  readonly insecure?: boolean | undefined
  readonly serverName?: string | undefined
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
}

interface Road {
  readonly urlPrefix: string
  /** Milliseconds. */
  readonly timeout: number
  readonly tls: ExtenderTls
}

/** Answers what the extender said, or throws why it said nothing. */
export type Send = (verb: string, question: object) => Promise<unknown>

export function openRoad({ urlPrefix, timeout, tls }: Road, clock: Clock): Send {
  const isSecure = urlPrefix.startsWith('https:')
  const agent = isSecure ? new HttpsAgent(secured(tls)) : new Agent({ keepAlive: true })
  return async (verb, question) => {
    const url = `${urlPrefix.replace(/\/+$/, '')}/${verb}`
    const late = new AbortController()
    const timer = clock.after(timeout, () => late.abort())
    try {
      const response = await post(url, { agent, body: stringifyJson(question), signal: late.signal })
      const text = await textOf(response)
      if (response.statusCode === 200) return parseJson(text).value
      throw new Error(`failed ${verb} with extender at URL ${url}, code ${response.statusCode}`)
    } catch (error) {
      if (!late.signal.aborted) throw error
      const why = 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
      throw new Error(`Post ${JSON.stringify(url)}: ${why}`, { cause: error })
    } finally {
      timer.cancel()
    }
  }
}

function secured({ insecure, serverName, ca, cert, key }: ExtenderTls) {
  return {
    keepAlive: true,
    rejectUnauthorized: insecure !== true,
    ...(serverName && { servername: serverName }),
    ...(ca && { ca }),
    ...(cert && key && { cert, key }),
  }
}

interface Post {
  readonly agent: Agent
  readonly body: string
  readonly signal: AbortSignal
}

function post(url: string, { agent, body, signal }: Post): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const send = url.startsWith('https:') ? httpsRequest : httpRequest
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
  const request = send(url, { method: 'POST', agent, headers, signal }, resolve)
  request.on('error', reject)
  request.end(body)
  return promise
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of response) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}
