/** Asks the API server as the administrator, on its own machine and with nothing but a socket: a command that only looks need not load what TLS, HTTP or a client of kinds are made of. */
import { existsSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import type { DataDirectory } from './data-directory.ts'

/** The JSON that stands at a path; rejects for every status but 200, and after `timeout` milliseconds. */
export type AskServer = <T>(path: string, timeout?: number) => Promise<T>

/** Undefined while no server has ever run on this directory. */
export function serverOf({ pki, door }: DataDirectory): AskServer | undefined {
  if (!existsSync(join(pki, 'admin.crt'))) return undefined
  return (path, timeout = 3_000) => ask(door, path, timeout)
}

/** One connection for each question: HTTP/1.0, which ends an answer by closing. */
function ask<T>(door: string, path: string, timeout: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = createConnection(door)
    socket.setTimeout(timeout, () => socket.destroy(new Error(`no answer within ${timeout} ms`)))
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.on('error', reject)
    socket.on('close', () => {
      try {
        resolve(answerOf(Buffer.concat(chunks).toString()))
      } catch (error) {
        reject(error as Error)
      }
    })
    socket.write(`GET ${path} HTTP/1.0\r\naccept: application/json\r\n\r\n`)
  })
}

function answerOf<T>(text: string): T {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) throw new Error('the connection ended without an answer')
  const [, status] = text.split(' ', 2)
  const body = text.slice(end + 4)
  if (status !== '200') throw new Error(`HTTP ${status}: ${body}`)
  return JSON.parse(body)
}
