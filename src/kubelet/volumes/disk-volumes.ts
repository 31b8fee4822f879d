/** The volumes of a node with a disk, and what they are made of. */
import type { Node } from '#api/core/v1/node.ts'
import type { Client } from '#client/client.ts'
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import type { Runtime } from '../cri/runtime.ts'
import { type CsiOptions, type NodeCsi, startCsi } from '../csi/csi.ts'
import type { CertificateSource } from './certificate-source.ts'
import { claimsFrom } from './claims.ts'
import { type Mounter, systemMounter } from './mounter.ts'
import type { ObjectSource } from './object-source.ts'
import { DiskVolumes } from './pod-volumes.ts'
import { ServiceAccountTokens } from './service-account-token.ts'
import type { TrustSource } from './trust-bundles.ts'

export interface NodeVolumesOptions extends Pick<CsiOptions, 'rootFor' | 'record' | 'onDriver' | 'onError' | 'otherPlugins'> {
  readonly client: Client
  readonly runtime: Runtime
  readonly clock: Clock
  readonly random: Random
  readonly signal: AbortSignal
  readonly nodeName: string
  readonly rootDirectory: string
  readonly mounter?: Mounter | undefined
  readonly objects: ObjectSource
  readonly allocatable: Readonly<Record<string, string>>
  readonly node: () => Node | undefined
  readonly onVolumesInUse?: (() => void) | undefined
}

export function diskVolumes(options: NodeVolumesOptions): { readonly volumes: DiskVolumes; readonly csi: NodeCsi } {
  const { mounter = systemMounter, onVolumesInUse = () => {}, runtime } = options
  const tokens = new ServiceAccountTokens(options)
  const csi = startCsi({ ...options, mounter, tokens, onVolumesInUse })
  const trust: TrustSource = {
    // Hardly any pod asks for them.
    anchors: async (projection) => (await import('./trust-bundles.ts')).trustBundles(options).anchors(projection),
  }
  const certificates = rareCertificates(options)
  const sources = { mounter, tokens, csi, trust, certificates, claims: claimsFrom(options), images: runtime }
  return { csi, volumes: new DiskVolumes({ ...options, ...sources }) }
}

/** Hardly any pod asks for them: what makes them is loaded with the first. */
function rareCertificates(options: NodeVolumesOptions): CertificateSource {
  let [loading, loaded]: [Promise<CertificateSource> | undefined, CertificateSource | undefined] = [undefined, undefined]
  const load = async () => (loaded = new (await import('./pod-certificates.ts')).PodCertificates(options))
  return {
    credentials: async (pod, source, projection) => (await (loading ??= load())).credentials(pod, source, projection),
    renewAt: (podUid) => loaded?.renewAt(podUid),
    forget: (podUid) => loaded?.forget(podUid),
  }
}
