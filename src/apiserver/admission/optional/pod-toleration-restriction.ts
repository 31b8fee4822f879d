/** PodTolerationRestriction: a namespace gives its pods tolerations, and bounds those that they bring. */
import { Namespace } from '#api/core/v1/namespace.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { qosClassOf } from '#api/core/v1/pod-qos.ts'
import type { Toleration } from '#api/core/v1/taint.ts'
import { includes, mergeTolerations } from '../merge-tolerations.ts'
import type { AdmissionContext, AdmissionPlugin, AdmissionRequest } from '../plugin.ts'
import { refuse } from '../refuse.ts'

interface Configuration {
  readonly default?: readonly Toleration[]
  readonly whitelist?: readonly Toleration[]
}

const defaults = 'scheduler.alpha.kubernetes.io/defaultTolerations'
const whitelist = 'scheduler.alpha.kubernetes.io/tolerationsWhitelist'
const memoryPressure: Toleration = { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' }

export function podTolerationRestrictionWith(configuration: Configuration | undefined): AdmissionPlugin {
  return {
    name: 'PodTolerationRestriction',
    handles: ({ operation, kind, subresource }) =>
      kind.plural === 'pods' && kind.group === '' && !subresource && (operation === 'CREATE' || operation === 'UPDATE'),
    mutate(request, context) {
      const { spec } = request.object as Pod
      if (request.operation === 'CREATE') {
        const given = annotated(request, context, defaults) ?? configuration?.default
        if (given) spec.tolerations = mergeTolerations(given, spec.tolerations)
      }
      if (qosClassOf(spec) !== 'BestEffort') spec.tolerations = mergeTolerations(spec.tolerations, [memoryPressure])
    },
    validate(request, context) {
      const allowed = annotated(request, context, whitelist) ?? configuration?.whitelist ?? []
      if (allowed.length === 0) return
      const tolerations = (request.object as Pod).spec.tolerations ?? []
      if (tolerations.every((toleration) => allowed.some((one) => includes(one, toleration)))) return
      const whose = 'pod tolerations (possibly merged with namespace default tolerations)'
      throw refuse(request, `${whose} conflict with its namespace whitelist`)
    },
  }
}

function annotated(request: AdmissionRequest, { lister }: AdmissionContext, key: string): Toleration[] | undefined {
  const text = lister.get(Namespace, request.namespace)?.metadata.annotations?.[key]
  if (!text) return undefined
  try {
    return JSON.parse(text)
  } catch (error) {
    throw refuse(request, (error as Error).message)
  }
}
