/** Gives a volume to the pod's fsGroup (upstream: `pkg/volume/volume_linux.go`). */
import { chmod, chown, lchown, lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Pod } from '#api/core/v1/pod.ts'
import { effectiveContext } from '../containers/security.ts'
import type { Payload } from './atomic-writer.ts'

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

/** The root comes last, so that `OnRootMismatch` never takes a half-done tree for a finished one. */
async function walk(path: string, group: number, mask: number): Promise<void> {
  const found = await lstat(path)
  if (found.isDirectory()) for (const name of await readdir(path)) await walk(join(path, name), group, mask)
  await lchown(path, found.uid, group)
  if (found.isSymbolicLink()) return
  const bits = found.isDirectory() ? mask | search | setGid : mask
  await chmod(path, (found.mode & 0o7777) | bits)
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
