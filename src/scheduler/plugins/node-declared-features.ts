/** NodeDeclaredFeatures keeps pods off nodes that do not declare a feature which the pod's specification implies (KEP-5328). */
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { definePlugin, unresolvable } from '../framework/plugin.ts'

/** Upstream's `nodedeclaredfeatures` registry, of which the rest matters only to updates. */
const features: readonly (readonly [name: string, isNeeded: (spec: Pod['spec']) => boolean])[] = [
  ['RestartAllContainersOnContainerExits', restartsAll],
  ['UserNamespacesHostNetworkSupport', ({ hostNetwork, hostUsers }) => hostNetwork === true && hostUsers === false],
]

export const nodeDeclaredFeatures = definePlugin<readonly string[]>({
  name: 'NodeDeclaredFeatures',
  requeueOn: [
    { kind: Node, when: ['added', 'declaredFeaturesChanged'] },
    {
      kind: Pod,
      when: ['updated'],
      helps: (_, before?: Pod, after?: Pod) => !before || !after || `${featuresOf(before)}` !== `${featuresOf(after)}`,
    },
  ],

  prepare(pod) {
    const needed = featuresOf(pod)
    return { skip: needed.length === 0, state: needed }
  },

  filter({ state }, { node }) {
    const declared = node.status.declaredFeatures ?? []
    if (state.every((feature) => declared.includes(feature))) return undefined
    return unresolvable("node(s) didn't match Pod's required features")
  },

  signature: (pod) => `${featuresOf(pod)}`,
})

function featuresOf({ spec }: Pod): readonly string[] {
  return features.filter(([, isNeeded]) => isNeeded(spec)).map(([name]) => name)
}

function restartsAll({ containers, initContainers = [] }: Pod['spec']): boolean {
  const restarts = ({ restartPolicyRules = [] }: Pod['spec']['containers'][number]) =>
    restartPolicyRules.some(({ action }) => action === 'RestartAllContainers')
  return containers.some(restarts) || initContainers.some(restarts)
}
