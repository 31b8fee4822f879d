/**
 * One `up` or `down` of a data directory at a time. The turn is an abstract socket (unix(7)): the kernel gives it back when its holder
 * ends, however it ends, and no file can stay behind. It is held per network namespace, as clusters are.
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { DataDirectory } from './data-directory.ts'

export interface TurnOptions {
  readonly signal: AbortSignal
  /** Somebody else is at work, and we wait for them. */
  onWait(): void
}

export async function takeTurn({ path }: DataDirectory, { signal, onWait }: TurnOptions): Promise<Disposable> {
  if (process.platform !== 'linux') return { [Symbol.dispose]: () => {} }
  const name = `\0nami-turn-${createHash('sha256').update(path).digest('hex')}`
  for (;;) {
    signal.throwIfAborted()
    const turn = await hold(name)
    if (turn) return turn
    onWait()
    await untilGone(name, signal)
  }
}

/** Undefined where somebody else has it. */
async function hold(name: string): Promise<Disposable | undefined> {
  const waiting = new Set<Socket>()
  const server = createServer((visitor) => {
    waiting.add(visitor.unref())
    visitor.on('error', () => {}).on('close', () => waiting.delete(visitor))
  }).unref()
  try {
    await once(server.listen(name), 'listening')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined
    throw error
  }
  return {
    [Symbol.dispose]() {
      server.close()
      for (const visitor of waiting) visitor.destroy()
    },
  }
}

/** The connection to the holder ends, or fails, when the holder does, or lets go. */
function untilGone(name: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const visitor = connect(name)
    const abort = () => {
      visitor.destroy()
      reject(signal.reason)
    }
    signal.addEventListener('abort', abort, { once: true })
    visitor
      .on('error', () => {})
      .on('close', () => {
        signal.removeEventListener('abort', abort)
        resolve()
      })
      .resume()
    if (signal.aborted) abort()
  })
}
