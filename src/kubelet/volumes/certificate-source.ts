/** Where the certificates of pods come from. */
import type { Pod } from '#api/core/v1/pod.ts'
import type { PodCertificateProjection } from '#api/core/v1/volume.ts'

export interface CertificateSource {
  /** PEM. `source` tells one projection of the pod from the others. */
  credentials(
    pod: Pod,
    source: string,
    projection: PodCertificateProjection,
  ): Promise<{ readonly key: string; readonly chain: string }>
  /** When the pod's volumes are to be looked at again. */
  renewAt(podUid: string): number | undefined
  forget(podUid: string): void
}
