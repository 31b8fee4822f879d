/** NodePorts keeps a pod off nodes where a host port that it wants is taken. */
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { definePlugin, unschedulable } from '../framework/plugin.ts'
import { factsOf } from '../framework/pod-facts.ts'

export const nodePorts = definePlugin<readonly string[]>({
  name: 'NodePorts',
  requeueOn: [
    {
      kind: Pod,
      when: ['deleted'],
      helps: (pod, before: Pod) => factsOf(before).ports.some((port) => factsOf(pod).ports.some((one) => conflicts(port, one))),
    },
    { kind: Node, when: ['added'] },
  ],

  prepare(pod) {
    const { ports } = factsOf(pod)
    return ports.length === 0 ? { skip: true } : { state: ports }
  },

  filter({ state }, { usedPorts }) {
    const taken = state.some((wanted) => usedPorts.has(wanted) || [...usedPorts].some((used) => conflicts(used, wanted)))
    return taken ? unschedulable("node(s) didn't have free ports for the requested pod ports") : undefined
  },

  signature: (pod) => factsOf(pod).ports.join(' '),
})

/** The same protocol and port, on the same address or with either side on all of them. */
function conflicts(a: string, b: string): boolean {
  const [addressA, ...restA] = a.split('/')
  const [addressB, ...restB] = b.split('/')
  const overlap = addressA === addressB || addressA === '0.0.0.0' || addressB === '0.0.0.0'
  return overlap && restA.join('/') === restB.join('/')
}
