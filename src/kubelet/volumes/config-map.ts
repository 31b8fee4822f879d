/** Volumes whose files are the keys of a ConfigMap. */
import { writeAtomically } from './atomic-writer.ts'
import { ownFiles } from './ownership.ts'
import { configMapPayload } from './payload.ts'
import type { VolumePlugin } from './volume-plugin.ts'

export const configMapPlugin: VolumePlugin = {
  name: 'configmap',
  isLive: true,
  isReadOnly: true,
  matches: ({ configMap }) => configMap !== undefined,
  ownsFileSystem: () => false,

  async setUp(context) {
    const { name = '', items, optional, defaultMode = 0o644 } = context.volume.configMap ?? {}
    const payload = await configMapPayload(context, { name, items, optional, mode: defaultMode })
    await writeAtomically(context.path, payload, { ...context, own: ownFiles(context.pod) })
  },
}
