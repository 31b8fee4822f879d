/**
 * The server's door for its own machine: a Unix socket that its owner alone can open, HTTP/1.1 without TLS behind it. Who opens it could
 * read the administrator's key as well; without TLS a command that looks at the cluster starts in half the time.
 */
import { once } from 'node:events'
import { chmodSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import type { User } from '../request.ts'

export interface LocalDoor {
  readonly path: string
  /** Who comes in. */
  readonly user: User
}

/** Takes the place of a socket that a killed server left: whoever calls has made sure that there is no other. */
export async function openLocally(path: string): Promise<Server> {
  rmSync(path, { force: true })
  const server = createServer()
  // Nobody but the owner may write to it, and so connect, at any moment: no mask gives others that right.
  await once(server.listen(path), 'listening')
  chmodSync(path, 0o600)
  return server
}
