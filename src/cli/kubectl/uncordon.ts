/** `kubectl uncordon`. */
import { cordonFlags, setUnschedulable } from './schedulable.ts'
import { defineVerb } from './verb.ts'

export default defineVerb({
  usage: 'uncordon NODE',
  summary: 'Mark node as schedulable',
  examples: ['uncordon n1'],
  flags: cordonFlags,
  run: async (call) => void (await setUnschedulable(call, false)),
})
