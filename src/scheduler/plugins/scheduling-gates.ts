/** SchedulingGates holds back pods that somebody has gated, until the last gate is removed. */
import { Pod } from '#api/core/v1/pod.ts'
import { definePlugin, unresolvable } from '../framework/plugin.ts'

export const schedulingGates = definePlugin({
  name: 'SchedulingGates',
  requeueOn: [{ kind: Pod, when: ['gatesEliminated'] }],

  preEnqueue({ spec }) {
    const gates = (spec.schedulingGates ?? []).map(({ name }) => name)
    return gates.length === 0 ? undefined : unresolvable(`waiting for scheduling gates: [${gates.join(' ')}]`)
  },

  signature: () => '',
})
