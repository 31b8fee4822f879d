/** `./nami up --no-agent` in a folder of its own: a control plane without containers, which needs no root. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const launcher = fileURLToPath(new URL('../../nami', import.meta.url))

export interface Alone {
  readonly data: string
  /** `./nami WORD ...` on that folder. */
  call(...words: string[]): Promise<unknown>
  up(): Promise<unknown>
}

export function aloneAt(root: string): Alone {
  const data = join(root, 'data')
  const env = {
    ...process.env,
    HOME: root,
    XDG_CACHE_HOME: join(root, 'cache'),
    KUBECONFIG: join(root, 'kubeconfig'),
    NAMI_NODE: process.execPath,
    NODE_COMPILE_CACHE: '',
  }
  const call = (...words: string[]) => run(launcher, [...words, '--data-dir', data], { env })
  const port = freePort()
  return { data, call, up: async () => call('up', '--no-agent', '--port', String(await port)) }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0)
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
