/** Makes a pod of a file of the node (upstream `pkg/kubelet/config/file.go`, `common.go`). */
import { createHash } from 'node:crypto'
import { Pod } from '#api/core/v1/pod.ts'
import { decode } from '#schema/decode.ts'
import { applyDefaults } from '#schema/default.ts'
import { formatFieldError } from '#schema/field-error.ts'
import { validateObject } from '#schema/validate.ts'
import { parseYaml } from '#schema/yaml.ts'
import { staticAnnotations } from './static-annotations.ts'

/** Its uid says of what text on which node it was made, so that the same pod is found again and another one is another. */
export function staticPodOf(text: string, { file, nodeName }: { readonly file: string; readonly nodeName: string }): Pod {
  const [document, ...others] = parseYaml(text, { file })
  const value = document?.value as { kind?: unknown; apiVersion?: unknown } | undefined
  if (others.length > 0 || value?.kind !== 'Pod' || value.apiVersion !== 'v1') {
    throw new Error(`invalid pod: ${JSON.stringify(value?.kind ?? null)}`)
  }
  const pod = decode(Pod.schema, value)
  const metadata = pod.metadata as { -readonly [K in keyof Pod['metadata']]: Pod['metadata'][K] }
  const spec = pod.spec as { -readonly [K in keyof Pod['spec']]: Pod['spec'][K] }
  metadata.uid ||= createHash('md5').update(JSON.stringify(pod)).update(`host:${nodeName}`).update(`file:${file}`).digest('hex')
  metadata.name = `${metadata.name ?? ''}-${nodeName.toLowerCase()}`
  metadata.namespace ||= 'default'
  metadata.annotations = {
    ...metadata.annotations,
    [staticAnnotations.hash]: metadata.uid,
    [staticAnnotations.source]: 'file',
  }
  spec.nodeName = nodeName
  spec.tolerations = [...(spec.tolerations ?? []), { operator: 'Exists', effect: 'NoExecute' } as never]
  applyDefaults(Pod, pod)
  const problems = validateObject(Pod, pod)
  if (problems.length > 0) throw new Error(`invalid pod: ${problems.map(formatFieldError).join(', ')}`)
  const reference = referenceOf(pod)
  if (reference) throw new Error(`static pods may not reference ${reference}`)
  return { ...pod, status: { ...pod.status, phase: 'Pending' } }
}

/** The API knows nothing of a static pod that it could be given objects for. */
function referenceOf({ spec }: Pod): string | undefined {
  if (spec.serviceAccountName) return 'serviceaccounts'
  const all = [...(spec.initContainers ?? []), ...spec.containers]
  const names = new Set(
    all.flatMap(({ env = [], envFrom = [] }) => [...env.map(({ valueFrom }) => valueFrom), ...envFrom].flatMap(keysOf)),
  )
  const sources = (spec.volumes ?? []).flatMap((volume) => [volume, ...(volume.projected?.sources ?? [])])
  for (const key of sources.flatMap(keysOf)) names.add(key)
  if (names.has('secret') || names.has('secretRef') || names.has('secretKeyRef')) return 'secrets'
  if (spec.imagePullSecrets?.length) return 'secrets'
  if (names.has('configMap') || names.has('configMapRef') || names.has('configMapKeyRef')) return 'configmaps'
  if (names.has('clusterTrustBundle')) return 'clustertrustbundles'
  if (names.has('serviceAccountToken')) return 'serviceaccounts'
  if (names.has('persistentVolumeClaim') || names.has('ephemeral')) return 'persistentvolumeclaims'
  if (names.has('csi')) return 'csidrivers'
  return spec.resourceClaims?.length ? 'resourceclaims' : undefined
}

function keysOf(source: object | undefined): string[] {
  return Object.entries(source ?? {}).flatMap(([key, value]) => (value === undefined || value === null ? [] : [key]))
}
