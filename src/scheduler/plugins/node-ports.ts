/** NodePorts keeps a pod off nodes where a host port that it wants is taken. */
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { hostPorts } from '../framework/node-info.ts'
import { definePlugin, unschedulable } from '../framework/plugin.ts'

export const nodePorts = definePlugin<readonly string[]>({
  name: 'NodePorts',
  requeueOn: [
    {
      kind: Pod,
      when: ['deleted'],
      helps: (pod, before: Pod) => hostPorts(before).some((port) => hostPorts(pod).some((wanted) => conflicts(port, wanted))),
    },
    { kind: Node, when: ['added'] },
  ],

  prepare(pod) {
    const wanted = hostPorts(pod)
    return wanted.length === 0 ? { skip: true } : { state: wanted }
  },

  filter({ state }, { usedPorts }) {
    const taken = state.some((wanted) => usedPorts.has(wanted) || [...usedPorts].some((used) => conflicts(used, wanted)))
    return taken ? unschedulable("node(s) didn't have free ports for the requested pod ports") : undefined
  },

  signature: (pod) => hostPorts(pod).join(' '),
})

/** The same protocol and port, on the same address or with either side on all of them. */
function conflicts(a: string, b: string): boolean {
  const [addressA, ...restA] = a.split('/')
  const [addressB, ...restB] = b.split('/')
  const overlap = addressA === addressB || addressA === '0.0.0.0' || addressB === '0.0.0.0'
  return overlap && restA.join('/') === restB.join('/')
}
