/** Volumes whose files are fields of the pod itself. */
import { writeAtomically } from './atomic-writer.ts'
import { ownFiles } from './ownership.ts'
import { downwardPayload } from './payload.ts'
import type { VolumePlugin } from './volume-plugin.ts'

export const downwardApiPlugin: VolumePlugin = {
  name: 'downward-api',
  isLive: true,
  isReadOnly: true,
  matches: ({ downwardAPI }) => downwardAPI !== undefined,
  ownsFileSystem: () => false,

  async setUp(context) {
    const { items = [], defaultMode = 0o644 } = context.volume.downwardAPI ?? {}
    const payload = downwardPayload(context, items, defaultMode)
    await writeAtomically(context.path, payload, { ...context, own: ownFiles(context.pod) })
  },
}
