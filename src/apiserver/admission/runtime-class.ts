/** RuntimeClass: pods get the overhead and the nodes of their runtime class (upstream `plugin/pkg/admission/runtimeclass`). */
import type { Pod } from '#api/core/v1/pod.ts'
import { sameAmounts } from '#api/core/v1/quota-amounts.ts'
import { RuntimeClass } from '#api/node/v1/runtime-class.ts'
import { hasReason } from '#schema/status-error.ts'
import { mergeTolerations } from './merge-tolerations.ts'
import type { AdmissionContext, AdmissionPlugin, AdmissionRequest } from './plugin.ts'
import { refuse } from './refuse.ts'

export const runtimeClass: AdmissionPlugin = {
  name: 'RuntimeClass',
  handles: ({ operation, kind, subresource }) =>
    operation === 'CREATE' && kind.plural === 'pods' && kind.group === '' && !subresource,
  async mutate(request, context) {
    const found = await classOf(request, context)
    if (!found) return
    setOverhead(request, found)
    setScheduling(request, found)
  },
  async validate(request, context) {
    const { spec } = request.object as Pod
    if (Object.keys(spec.overhead ?? {}).length === 0) return
    const found = await classOf(request, context)
    if (!found?.overhead)
      throw refuse(request, 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead')
    if (!sameAmounts(found.overhead.podFixed, spec.overhead)) throw mismatch(request)
  },
}

/** The cache may be a moment behind: a class that it lacks is looked up past it. */
async function classOf(request: AdmissionRequest, { lister, client }: AdmissionContext): Promise<RuntimeClass | undefined> {
  const { runtimeClassName: name } = (request.object as Pod).spec
  if (!name) return undefined
  const cached = lister.get(RuntimeClass, name)
  if (cached) return cached
  try {
    return await client.get(RuntimeClass, { name })
  } catch (error) {
    if (hasReason(error, 'NotFound')) throw refuse(request, `pod rejected: RuntimeClass ${JSON.stringify(name)} not found`)
    throw error
  }
}

function setOverhead(request: AdmissionRequest, { overhead }: RuntimeClass): void {
  if (!overhead) return
  const { spec } = request.object as Pod
  if (spec.overhead && !sameAmounts(overhead.podFixed, spec.overhead)) throw mismatch(request)
  if (overhead.podFixed) spec.overhead = { ...overhead.podFixed }
}

function mismatch(request: AdmissionRequest) {
  return refuse(request, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead")
}

function setScheduling(request: AdmissionRequest, { scheduling }: RuntimeClass): void {
  if (!scheduling) return
  const { spec } = request.object as Pod
  for (const [key, value] of Object.entries(scheduling.nodeSelector ?? {})) {
    const own = spec.nodeSelector?.[key]
    if (own !== undefined && own !== value) {
      const mine = `pod.spec.nodeSelector[${key}] = ${own}`
      throw refuse(request, `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; ${mine}`)
    }
  }
  if (scheduling.nodeSelector) spec.nodeSelector = { ...spec.nodeSelector, ...scheduling.nodeSelector }
  const tolerations = mergeTolerations(spec.tolerations, structuredClone(scheduling.tolerations))
  if (tolerations.length > 0) spec.tolerations = tolerations
}
