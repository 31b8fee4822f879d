/** Files that the agent keeps for a pod beside its volumes: logs, /etc/hosts, termination messages. */
import { chmod, mkdir, open, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Pod } from '#api/core/v1/pod.ts'
import type { IdRange } from '../cri/runtime.ts'
import { diskIdRanges } from './id-ranges.ts'
import { containerLogPath, podLogDirectory } from './sandbox-config.ts'

export interface PodFiles {
  /** Makes the pod's folders. */
  prepare(pod: Pod): Promise<void>
  /** Writes /etc/hosts and answers where it stands. */
  writeHosts(pod: Pod, content: string): Promise<string>
  /** Makes an empty file for the container's last words and answers where it stands. */
  makeTerminationLog(podUid: string, container: string, attempt: number): Promise<string>
  /** The last `limit` bytes; '' where there is nothing. */
  readTerminationLog(podUid: string, container: string, limit: { attempt: number; bytes: number }): Promise<string>
  /** The end of a container's log, for want of a termination message. */
  tailLog(pod: Pod, container: string, limit: { attempt: number; lines: number; bytes: number }): Promise<string>
  /** Users of the node that are the pod's alone, as long as it has a folder. */
  idRange(podUid: string): Promise<IdRange>
  removeLogs(pod: { readonly name: string; readonly namespace: string; readonly uid: string }): Promise<void>
  /** Names of the log folders of all pods. */
  logDirectories(): Promise<readonly string[]>
}

export interface DiskPodFilesOptions {
  readonly rootDirectory: string
  readonly logDirectory: string
}

export function diskPodFiles({ rootDirectory, logDirectory }: DiskPodFilesOptions): PodFiles {
  const podDirectory = (uid: string) => join(rootDirectory, 'pods', uid)
  /** Derived from the run, so that it is found again without being written down anywhere. */
  const terminationLog = (uid: string, container: string, attempt: number) =>
    join(podDirectory(uid), 'containers', container, String(attempt))

  const idRange = diskIdRanges(join(rootDirectory, 'pods'))

  return {
    idRange,
    async prepare(pod) {
      await mkdir(join(podDirectory(pod.metadata.uid), 'volumes'), { recursive: true, mode: 0o750 })
      await mkdir(podLogDirectory(pod, logDirectory), { recursive: true, mode: 0o755 })
    },
    async writeHosts(pod, content) {
      const path = join(podDirectory(pod.metadata.uid), 'etc-hosts')
      await writeFile(path, content, { mode: 0o644 })
      await chmod(path, 0o644)
      return path
    },
    async makeTerminationLog(podUid, container, attempt) {
      const path = terminationLog(podUid, container, attempt)
      await mkdir(join(podDirectory(podUid), 'containers', container), { recursive: true, mode: 0o750 })
      await writeFile(path, '')
      await chmod(path, 0o666)
      return path
    },
    async readTerminationLog(podUid, container, { attempt, bytes }) {
      return (await readEnd(terminationLog(podUid, container, attempt), bytes)).toString('utf8')
    },
    async tailLog(pod, container, { attempt, lines, bytes }) {
      const path = join(podLogDirectory(pod, logDirectory), containerLogPath(container, attempt))
      return lastLines((await readEnd(path, bytes * 4)).toString('utf8'), lines, bytes)
    },
    async removeLogs({ name, namespace, uid }) {
      await rm(join(logDirectory, `${namespace}_${name}_${uid}`), { recursive: true, force: true })
    },
    async logDirectories() {
      return await readdir(logDirectory).catch(() => [])
    },
  }
}

async function readEnd(path: string, bytes: number): Promise<Buffer> {
  const handle = await open(path, 'r').catch(() => undefined)
  if (!handle) return Buffer.alloc(0)
  try {
    const { size } = await handle.stat()
    const length = Math.min(size, bytes)
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, size - length)
    return buffer.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}

/** Lines of a CRI log are `<time> <stream> <P|F> <text>`; P has no line end. */
export function lastLines(log: string, lines: number, bytes: number): string {
  let text = ''
  for (const line of log.split('\n')) {
    const match = /^\S+ (?:stdout|stderr) ([PF]) (.*)$/.exec(line)
    if (match) text += match[1] === 'F' ? `${match[2]}\n` : match[2]
  }
  const kept = text
    .split('\n')
    .slice(-(lines + 1))
    .join('\n')
  return Buffer.from(kept).subarray(-bytes).toString('utf8')
}
