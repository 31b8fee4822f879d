/** `kubectl cordon`. */
import { cordonFlags, setUnschedulable } from './schedulable.ts'
import { defineVerb } from './verb.ts'

export default defineVerb({
  usage: 'cordon NODE',
  summary: 'Mark node as unschedulable',
  examples: ['cordon n1'],
  flags: cordonFlags,
  run: async (call) => void (await setUnschedulable(call, true)),
})
