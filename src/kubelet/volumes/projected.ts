/** Volumes that put Secrets, ConfigMaps, fields of the pod and service account tokens into one folder. */
import { mkdir } from 'node:fs/promises'
import type { Pod } from '#api/core/v1/pod.ts'
import type { VolumeProjection } from '#api/core/v1/volume.ts'
import { type Payload, type PayloadFile, writeAtomically } from './atomic-writer.ts'
import { commonUser, ownFiles } from './ownership.ts'
import { configMapPayload, downwardPayload, secretPayload } from './payload.ts'
import type { VolumeContext, VolumePlugin } from './volume-plugin.ts'

export const projectedPlugin: VolumePlugin = {
  name: 'projected',
  isLive: true,
  isReadOnly: true,
  matches: ({ projected }) => projected !== undefined,
  ownsFileSystem: () => true,

  async setUp(context) {
    const payload = await collect(context)
    await mkdir(context.path, { recursive: true })
    await context.mounter.tmpfs(context.path, {})
    await writeAtomically(context.path, payload, { ...context, own: ownFiles(context.pod) })
  },
}

/** Later sources win; all failures are told at once, as upstream's aggregate error. */
async function collect(context: VolumeContext): Promise<Payload> {
  const { sources = [], defaultMode = 0o644 } = context.volume.projected ?? {}
  const files = new Map<string, PayloadFile>()
  const failures: string[] = []
  for (const source of sources) {
    try {
      for (const [path, file] of await project(context, source, defaultMode)) files.set(path, file)
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error))
    }
  }
  if (failures.length === 0) return files
  throw new Error(failures.length === 1 ? failures[0] : `[${failures.join(', ')}]`)
}

async function project(context: VolumeContext, source: VolumeProjection, mode: number): Promise<Payload> {
  const { secret, configMap, downwardAPI, serviceAccountToken } = source
  if (secret) return await secretPayload(context, { ...secret, name: secret.name ?? '', mode })
  if (configMap) return await configMapPayload(context, { ...configMap, name: configMap.name ?? '', mode })
  if (downwardAPI) return downwardPayload(context, downwardAPI.items ?? [], mode)
  if (serviceAccountToken) return await tokenPayload(context, serviceAccountToken, mode)
  if (source.clusterTrustBundle) return await trustPayload(context, source.clusterTrustBundle, mode)
  throw new Error('unsupported projection')
}

async function trustPayload(
  { pod, trust }: VolumeContext,
  projection: NonNullable<VolumeProjection['clusterTrustBundle']>,
  mode: number,
): Promise<Payload> {
  if (!trust) throw new Error('ClusterTrustBundle projection is not supported in static kubelet mode')
  const content = Buffer.from(await trust.anchors(projection))
  return new Map([[projection.path, { content, ...privately(pod, mode) }]])
}

/** Readable for the pod's own user or group alone, where it names one. */
function privately(pod: Pod, mode: number): Pick<PayloadFile, 'mode' | 'uid'> {
  const uid = commonUser(pod)
  const isPrivate = uid !== undefined || pod.spec.securityContext?.fsGroup !== undefined
  return { mode: isPrivate ? 0o600 : mode, uid }
}

async function tokenPayload(
  { pod, tokens }: VolumeContext,
  { audience, expirationSeconds, path }: NonNullable<VolumeProjection['serviceAccountToken']>,
  mode: number,
): Promise<Payload> {
  const token = await tokens.token(pod, { audience, expirationSeconds }).catch((error: Error) => {
    throw new Error(`failed to fetch token: ${error.message}`, { cause: error })
  })
  return new Map([[path, { content: Buffer.from(token), ...privately(pod, mode) }]])
}
