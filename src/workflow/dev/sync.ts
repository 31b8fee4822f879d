/** Brings changed files of a folder into a running container, and has its application start anew. */
import { createHash } from 'node:crypto'
import { lstat, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import type { Entry } from '#images/layer.ts'
import { tarOf } from '#images/layer.ts'
import { collect } from '#images/layout.ts'
import { secretByName } from '#images/secrets.ts'
import { WorkflowError } from '../workflow-error.ts'
import { type Received, receiving, restartScript } from './supervisor.ts'

export interface Execution {
  readonly pod: { readonly name: string; readonly namespace: string }
  readonly container: string
  readonly command: readonly string[]
  readonly stdin: NodeJS.ReadableStream
  readonly stdout: NodeJS.WritableStream
  readonly stderr: NodeJS.WritableStream
}

/** Runs a program in a container; answers its exit code. */
export type Execute = (execution: Execution) => Promise<number>

export interface Receiver {
  /** Of the application in the container. */
  send(changes: Changes, options: { readonly restarts: boolean }): Promise<void>
  /** Rejects when the connection is lost. */
  readonly ended: Promise<never>
  close(): void
}

export interface Changes {
  readonly put: readonly Entry[]
  readonly removed: readonly string[]
}

export interface ReceiverPlace extends Received {
  readonly pod: Execution['pod']
  readonly container: string
}

/** One program in the container serves all changes: starting another for each would take most of the time. */
export async function openReceiver(execute: Execute, place: ReceiverPlace): Promise<Receiver> {
  const { pod, container } = place
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  let complaints = ''
  stderr.on('data', (chunk) => {
    complaints += chunk
  })
  const answers = linesOf(stdout)
  const running = execute({ pod, container, command: receiving(place), stdin, stdout, stderr })
  const ended = running.then((code): never => {
    throw new WorkflowError(complaints.trim() || `the connection to ${pod.name} is lost (${code})`)
  })
  ended.catch(() => {})
  const answer = async (): Promise<string> => {
    const line = await Promise.race([answers.next(), ended])
    return line.value ?? ended
  }
  if ((await answer()) !== 'ready') throw new WorkflowError(`${pod.name} takes no changes.`)
  const write = (what: 'put' | 'run', content: Uint8Array): void => {
    stdin.write(`${what} ${content.length}\n`)
    stdin.write(content)
  }
  return {
    ended,
    async send({ put, removed }, { restarts }) {
      complaints = ''
      if (put.length > 0) write('put', await collect(tarOf(put)))
      const removal = removed.length > 0 ? `rm -rf -- ${removed.map(quoted).join(' ')}` : undefined
      if (removal) write('run', Buffer.from(restarts ? `${removal} && ${restartScript}` : removal))
      else if (restarts) stdin.write(`${restartScript}\n`)
      // Both are on their way before the first is answered.
      const lines: string[] = []
      if (put.length > 0) lines.push(await answer())
      if (removal || restarts) lines.push(await answer())
      const failure = lines.find((line) => line !== 'done 0')
      if (failure) throw new WorkflowError(`${pod.name}: ${complaints.trim() || failure}`)
    },
    close: () => void stdin.end(),
  }
}

async function* linesOf(stream: AsyncIterable<Buffer>): AsyncGenerator<string, undefined> {
  let rest = ''
  for await (const chunk of stream) {
    const lines = (rest + chunk.toString()).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
  return undefined
}

function quoted(path: string): string {
  return `'${path.replaceAll("'", "'\\''")}'`
}

/** What of the paths really differs from what was sent before: editors touch more than they change. */
export function changeReader(directory: string, { known, note }: { known: ReadonlySet<string>; note: (line: string) => void }) {
  const sent = new Map<string, string>()
  const there = new Set(known)
  return async (paths: ReadonlySet<string>): Promise<Changes> => {
    const put: Entry[] = []
    const removed: string[] = []
    for (const path of [...paths].sort()) {
      const file = join(directory, path)
      const stat = await lstat(file).catch(() => undefined)
      if (!stat) {
        // A folder goes with all that is in it.
        const gone = [...there].filter((one) => one === path || one.startsWith(`${path}/`))
        if (gone.length > 0) removed.push(path)
        for (const one of gone) there.delete(one)
        for (const one of gone) sent.delete(one)
      } else if (stat.isSymbolicLink()) {
        there.add(path)
        put.push({ path, link: await readlink(file) })
      } else if (stat.isFile() && !isTemporary(path)) {
        const secret = secretByName(path)
        if (secret) {
          note(`${path} is not sent: ${secret}`)
          continue
        }
        const content = await readFile(file)
        const digest = createHash('sha256').update(content).digest('hex') + (stat.mode & 0o111)
        if (sent.get(path) === digest) continue
        sent.set(path, digest)
        there.add(path)
        put.push({ path, content, mode: stat.mode & 0o111 ? 0o755 : 0o644 })
      }
    }
    return { put, removed }
  }
}

/** What editors leave for a moment. */
function isTemporary(path: string): boolean {
  return /(^|\/)(\.#[^/]*|#[^/]*#|4913|\.[^/]*\.sw[a-z]|[^/]*~|[^/]*\.tmp(\.\d+)*|[^/]*___jb_(tmp|old)___)$/.test(path)
}
