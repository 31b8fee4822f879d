/** Gives a volume to the pod's fsGroup (upstream: `pkg/volume/volume_linux.go`). */
import { constants } from 'node:fs'
import { chmod, chown, type FileHandle, lchown, lstat, open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Pod } from '#api/core/v1/pod.ts'
import { effectiveContext } from '../containers/security.ts'
import type { Payload } from './atomic-writer.ts'
import { pathOnly } from './sub-path.ts'

const readWrite = 0o660
const readOnly = 0o440
const search = 0o110
const setGid = 0o2000

/** Without an fsGroup nothing changes. */
export async function giveToGroup(path: string, pod: Pod, options: { readonly readOnly: boolean }): Promise<void> {
  const { fsGroup, fsGroupChangePolicy } = pod.spec.securityContext ?? {}
  if (fsGroup === undefined) return
  const mask = options.readOnly ? readOnly : readWrite
  if (fsGroupChangePolicy === 'OnRootMismatch' && (await rootMatches(path, fsGroup, mask))) return
  await walk(path, fsGroup, mask)
}

async function rootMatches(path: string, group: number, mask: number): Promise<boolean> {
  const { gid, mode } = await lstat(path)
  const wanted = mask | search
  return gid === group && (mode & wanted) === wanted && (mode & setGid) !== 0
}

/**
 * The root comes last, so that `OnRootMismatch` never takes a half-done tree for a finished one. After a restart of the agent the pod's
 * containers run meanwhile and may put a link where a file was: what is changed is the open file, and never what its name leads to.
 */
async function walk(path: string, group: number, mask: number): Promise<void> {
  const file = await openUnlessGone(path)
  if (!file) return
  try {
    const self = `/proc/self/fd/${file.fd}`
    const found = await file.stat()
    if (found.isSymbolicLink()) return await lchown(path, found.uid, group)
    if (found.isDirectory()) for (const name of await readdir(self)) await walk(`${self}/${name}`, group, mask)
    await chown(self, found.uid, group)
    const bits = found.isDirectory() ? mask | search | setGid : mask
    await chmod(self, (found.mode & 0o7777) | bits)
  } finally {
    await file.close()
  }
}

async function openUnlessGone(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, pathOnly | constants.O_NOFOLLOW)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** What `writeAtomically` does with a folder before it is seen. */
export function ownFiles(pod: Pod): (directory: string, payload: Payload) => Promise<void> {
  return async (directory, payload) => {
    for (const [path, { uid }] of payload) {
      if (uid !== undefined) await chown(join(directory, path), uid, (await lstat(join(directory, path))).gid)
    }
    await giveToGroup(directory, pod, { readOnly: true })
  }
}

/** The user that all containers run as, if they agree on one: tokens are made readable for it. */
export function commonUser(pod: Pod): number | undefined {
  const users = [...(pod.spec.initContainers ?? []), ...pod.spec.containers].map(
    (container) => effectiveContext(pod, container).runAsUser,
  )
  return users.every((user) => user === users[0]) ? users[0] : undefined
}
