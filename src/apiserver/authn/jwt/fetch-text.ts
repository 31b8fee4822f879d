/** One GET of something an issuer of JWTs offers, bounded in time and length. */
import { get as getPlain } from 'node:http'
import { get, type RequestOptions } from 'node:https'

export interface FetchOptions {
  /** PEM; absent: what the system trusts. */
  readonly ca?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
  /** Issuers themselves are asked over TLS alone. */
  readonly allowsPlain?: boolean
}

export interface FetchedText {
  readonly status: number
  /** As the status line has it: `404 Not Found`. */
  readonly statusText: string
  readonly text: string
}

const timeout = 10_000
const maxAnswer = 1024 * 1024

export function fetchText(url: string, { ca, headers = {}, allowsPlain = false }: FetchOptions): Promise<FetchedText> {
  const options: RequestOptions = {
    timeout,
    headers: { accept: 'application/json', ...headers },
    agent: false,
    ...(ca && { ca }),
  }
  const start = allowsPlain && url.startsWith('http:') ? getPlain : get
  return new Promise((resolve, reject) => {
    const request = start(url, options, (response) => {
      const chunks: Buffer[] = []
      let size = 0
      response.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > maxAnswer) response.destroy(new Error(`${url}: the answer is too long`))
        else chunks.push(chunk)
      })
      response.once('error', reject)
      response.once('end', () => {
        const { statusCode = 0, statusMessage = '' } = response
        const text = Buffer.concat(chunks).toString('utf8')
        resolve({ status: statusCode, statusText: `${statusCode} ${statusMessage}`, text })
      })
    })
    request.once('timeout', () => request.destroy(new Error(`${url}: timed out`)))
    request.once('error', reject)
  })
}
