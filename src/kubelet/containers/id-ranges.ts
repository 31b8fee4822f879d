/**
 * Which users of the node the pods have that want users of their own: one range for each, written down in the pod's folder, so that it goes with the
 * pod and another agent knows it (upstream `pkg/kubelet/userns`).
 */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { IdRange } from '../cri/runtime.ts'

/** Upstream's `idsPerPod`; the first ones are the node's own. */
const length = 65_536
const fileName = 'userns'
/** Of 2^32 users. */
const most = 65_534

export function diskIdRanges(podsDirectory: string): (podUid: string) => Promise<IdRange> {
  let last: Promise<unknown> = Promise.resolve()
  return (podUid) => {
    // One after the other: each looks at what is taken.
    const own = last.then(() => takeRange(podsDirectory, podUid))
    last = own.catch(() => {})
    return own
  }
}

async function takeRange(podsDirectory: string, podUid: string): Promise<IdRange> {
  const known = await rangeOf(podsDirectory, podUid)
  if (known) return known
  const all = await Promise.all((await readdir(podsDirectory)).map((uid) => rangeOf(podsDirectory, uid)))
  const taken = new Set(all.map((range) => range?.hostId))
  for (let slot = 1; slot <= most; slot++) {
    const hostId = slot * length
    if (taken.has(hostId)) continue
    const mappings = [{ hostId, containerId: 0, length }]
    await writeFile(join(podsDirectory, podUid, fileName), JSON.stringify({ uidMappings: mappings, gidMappings: mappings }))
    return { hostId, length }
  }
  throw new Error('could not find an empty slot to allocate a user namespace')
}

async function rangeOf(podsDirectory: string, podUid: string): Promise<IdRange | undefined> {
  const text = await readFile(join(podsDirectory, podUid, fileName), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
    throw error
  })
  if (text === undefined) return undefined
  const { hostId, length } = JSON.parse(text).uidMappings[0]
  return { hostId, length }
}
