/** Volumes whose files are the keys of a Secret; they stand in memory and never on a disk. */
import { mkdir } from 'node:fs/promises'
import { writeAtomically } from './atomic-writer.ts'
import { ownFiles } from './ownership.ts'
import { secretPayload } from './payload.ts'
import type { VolumePlugin } from './volume-plugin.ts'

export const secretPlugin: VolumePlugin = {
  name: 'secret',
  isLive: true,
  isReadOnly: true,
  matches: ({ secret }) => secret !== undefined,
  ownsFileSystem: () => true,

  async setUp(context) {
    const { secretName = '', items, optional, defaultMode = 0o644 } = context.volume.secret ?? {}
    const payload = await secretPayload(context, { name: secretName, items, optional, mode: defaultMode })
    await mkdir(context.path, { recursive: true })
    await context.mounter.tmpfs(context.path, {})
    await writeAtomically(context.path, payload, { ...context, own: ownFiles(context.pod) })
  },
}
