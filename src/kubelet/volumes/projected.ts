/** Volumes that put Secrets, ConfigMaps, fields of the pod and service account tokens into one folder. */
import { mkdir } from 'node:fs/promises'
import type { Pod } from '#api/core/v1/pod.ts'
import type { VolumeProjection } from '#api/core/v1/volume.ts'
import { type Payload, type PayloadFile, writeAtomically } from './atomic-writer.ts'
import { MountError } from './mount-error.ts'
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
  for (const [index, source] of sources.entries()) {
    try {
      for (const [path, file] of await project(context, { source, index }, defaultMode)) files.set(path, file)
    } catch (error) {
      if (error instanceof MountError) throw error
      failures.push(error instanceof Error ? error.message : String(error))
    }
  }
  if (failures.length === 0) return files
  throw new Error(failures.length === 1 ? failures[0] : `[${failures.join(', ')}]`)
}

interface Source {
  readonly source: VolumeProjection
  readonly index: number
}

async function project(context: VolumeContext, { source, index }: Source, mode: number): Promise<Payload> {
  const { secret, configMap, downwardAPI, serviceAccountToken } = source
  if (secret) return await secretPayload(context, { ...secret, name: secret.name ?? '', mode })
  if (configMap) return await configMapPayload(context, { ...configMap, name: configMap.name ?? '', mode })
  if (downwardAPI) return downwardPayload(context, downwardAPI.items ?? [], mode)
  if (serviceAccountToken) return await tokenPayload(context, serviceAccountToken, mode)
  if (source.clusterTrustBundle) return await trustPayload(context, source.clusterTrustBundle, mode)
  if (source.podCertificate) return await certificatePayload(context, { ...source.podCertificate, index }, mode)
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

async function certificatePayload(
  { pod, volume, certificates }: VolumeContext,
  { index, ...projection }: NonNullable<VolumeProjection['podCertificate']> & { readonly index: number },
  mode: number,
): Promise<Payload> {
  if (!certificates) throw new Error('pod certificates are not supported in static kubelet mode')
  const { key, chain } = await certificates.credentials(pod, `${volume.name}/${index}`, projection)
  const files = [
    [projection.credentialBundlePath, key + chain],
    [projection.keyPath, key],
    [projection.certificateChainPath, chain],
  ] as const
  const named = files.flatMap(([path, text]) => (path ? [[path, text] as const] : []))
  return new Map(named.map(([path, text]) => [path, { content: Buffer.from(text), ...privately(pod, mode) }]))
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
