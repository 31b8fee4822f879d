/** A node gets tokens only for pods that run on it, and only for audiences that those pods ask for (KEP-4935). */

import type { Pod } from '#api/core/v1/pod.ts'
import { kinds } from '#api/kinds.ts'
import { podOf } from './node-restriction.ts'
import type { AdmissionContext, AdmissionRequest } from './plugin.ts'
import { refuse } from './refuse.ts'

export async function checkTokenRequest(node: string, request: AdmissionRequest, context: AdmissionContext): Promise<void> {
  if (request.operation !== 'CREATE' || request.subresource !== 'token') return
  const { boundObjectRef: ref, audiences = [] } = request.object.spec ?? {}
  if (ref?.apiVersion !== 'v1' || ref.kind !== 'Pod' || !ref.name)
    throw refuse(request, 'node requested token not bound to a pod')
  if (!ref.uid) throw refuse(request, 'node requested token with a pod binding without a uid')
  const pod = podOf(request, ref.name, context)
  if (ref.uid !== pod.metadata.uid) {
    const why = `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`
    throw refuse(request, why)
  }
  if (pod.spec.nodeName !== node) throw refuse(request, 'node requested token bound to a pod scheduled on a different node')
  if (!context.gates.isOn('ServiceAccountNodeAudienceRestriction')) return
  if (audiences.length > 1) throw refuse(request, 'node may only request 0 or 1 audiences')
  await checkAudience(pod, audiences[0] ?? '', { request, context })
}

async function checkAudience(
  pod: Pod,
  audience: string,
  { request, context }: { request: AdmissionRequest; context: AdmissionContext },
): Promise<void> {
  const projected = (pod.spec.volumes ?? []).flatMap((volume) => volume.projected?.sources ?? [])
  if (projected.some((source) => source.serviceAccountToken && (source.serviceAccountToken.audience ?? '') === audience)) return
  if (driverAudiences(pod, context).has(audience)) return
  const { user, namespace, name } = request
  const attributes = {
    user,
    verb: 'request-serviceaccounts-token-audience',
    isResource: true,
    path: '',
    group: '',
    version: 'v1',
  }
  const { verdict } = await context.authorizer.authorize({ ...attributes, resource: audience, subresource: '', namespace, name })
  if (verdict !== 'allow') throw refuse(request, `audience ${JSON.stringify(audience)} not found in pod spec volume`)
}

/** What the CSI drivers of the pod's inline and claimed volumes want tokens for. */
function driverAudiences(pod: Pod, { lister }: AdmissionContext): Set<string> {
  const find = (plural: string) => kinds.find((kind) => kind.plural === plural)
  const [drivers, claims, volumes] = ['csidrivers', 'persistentvolumeclaims', 'persistentvolumes'].map(find)
  if (!drivers) return new Set()
  const names = (pod.spec.volumes ?? []).map((volume) => {
    const claim =
      volume.persistentVolumeClaim?.claimName ?? (volume.ephemeral ? `${pod.metadata.name}-${volume.name}` : undefined)
    if (volume.csi || !claim || !claims || !volumes) return volume.csi?.driver
    const bound: any = lister.get(claims, claim, pod.metadata.namespace)
    const persistent: any = bound?.spec?.volumeName && lister.get(volumes, bound.spec.volumeName)
    return persistent?.spec?.csi?.driver as string | undefined
  })
  const requests = names.flatMap((name) => (name ? ((lister.get(drivers, name) as any)?.spec?.tokenRequests ?? []) : []))
  return new Set(requests.map(({ audience }: { audience?: string }) => audience ?? ''))
}
