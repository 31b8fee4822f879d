/** PodNodeSelector: the pods of a namespace run on the nodes that an annotation of it names. */
import { Namespace } from '#api/core/v1/namespace.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { parseLabelSelector } from '#schema/selector.ts'
import type { AdmissionContext, AdmissionPlugin, AdmissionRequest } from '../plugin.ts'
import { refuse } from '../refuse.ts'

const annotation = 'scheduler.alpha.kubernetes.io/node-selector'

type Selectors = Readonly<Record<string, string>>

/** `configuration.podNodeSelectorPluginConfig` holds a whitelist for each namespace, and `clusterDefaultNodeSelector`. */
export function podNodeSelectorWith(
  configuration: { readonly podNodeSelectorPluginConfig?: Selectors } | undefined,
): AdmissionPlugin {
  const config = configuration?.podNodeSelectorPluginConfig ?? {}
  return {
    name: 'PodNodeSelector',
    handles: ({ operation, kind, subresource }) =>
      operation === 'CREATE' && kind.plural === 'pods' && kind.group === '' && !subresource,
    mutate(request, context) {
      const { spec } = request.object as Pod
      const wanted = namespaceSelector(request, context, config)
      const own = spec.nodeSelector ?? {}
      if (Object.entries(wanted).some(([key, value]) => own[key] !== undefined && own[key] !== value)) {
        throw refuse(request, 'pod node label selector conflicts with its namespace node label selector')
      }
      if (Object.keys(wanted).length > 0) spec.nodeSelector = { ...own, ...wanted }
    },
    validate(request, context) {
      const wanted = { ...(request.object as Pod).spec.nodeSelector, ...namespaceSelector(request, context, config) }
      const allowed = selectorOf(config[request.namespace] ?? '')
      const conflicts = Object.entries(allowed).some(([key, value]) => wanted[key] !== undefined && wanted[key] !== value)
      if (conflicts) throw refuse(request, 'pod node label selector labels conflict with its namespace whitelist')
    },
  }
}

function namespaceSelector({ namespace }: AdmissionRequest, { lister }: AdmissionContext, config: Selectors): Selectors {
  const own = lister.get(Namespace, namespace)?.metadata.annotations?.[annotation]
  return selectorOf(own ?? config.clusterDefaultNodeSelector ?? '')
}

function selectorOf(text: string): Selectors {
  const { requirements } = parseLabelSelector(text)
  return Object.fromEntries(requirements.map(({ key, values }) => [key, values[0] ?? '']))
}
