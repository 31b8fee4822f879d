/** Asks the API server as the administrator with nothing but HTTPS/1.1: a command that only looks need not load what a client of kinds is made of. */
import { existsSync, readFileSync } from 'node:fs'
import { Agent, get } from 'node:https'
import { join } from 'node:path'
import type { ClusterConfig, DataDirectory } from './data-directory.ts'

export interface AskedServer extends Disposable {
  /** The JSON that stands at this path; rejects for every status but 200, and after `timeout` milliseconds. */
  ask<T>(path: string, timeout?: number): Promise<T>
}

/** All questions go over one connection. Undefined while no server has ever run on this directory. */
export function askedServer({ pki }: DataDirectory, { port }: ClusterConfig): AskedServer | undefined {
  const [ca, cert, key] = ['ca.crt', 'admin.crt', 'admin.key'].map((name) => join(pki, name)) as [string, string, string]
  if (![ca, cert, key].every((file) => existsSync(file))) return undefined
  const identity = { ca: readFileSync(ca), cert: readFileSync(cert), key: readFileSync(key) }
  const agent = new Agent({ ...identity, keepAlive: true, maxSockets: 1 })
  return {
    ask: (path, timeout = 3_000) => fetchJson(`https://127.0.0.1:${port}${path}`, agent, AbortSignal.timeout(timeout)),
    [Symbol.dispose]: () => agent.destroy(),
  }
}

function fetchJson<T>(url: string, agent: Agent, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => reject(signal.aborted ? signal.reason : error)
    const request = get(url, { agent, signal }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', failed)
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        if (response.statusCode === 200) resolve(JSON.parse(text))
        else reject(new Error(`HTTP ${response.statusCode}: ${text}`))
      })
    })
    request.on('error', failed)
  })
}
