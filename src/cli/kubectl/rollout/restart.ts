/** `kubectl rollout restart`: new pods for the same template, through an annotation with the time. */
import { systemClock } from '#lib/clock.ts'
import { defineVerb } from '../verb.ts'
import { patchEach, rolloutFlags } from './patch-each.ts'

export default defineVerb({
  usage: 'rollout restart RESOURCE',
  summary: 'Restart a resource',
  examples: ['rollout restart deployment/web'],
  flags: rolloutFlags,
  run: (call) =>
    patchEach(call, {
      operation: 'restarted',
      plan({ kind, spec }) {
        if (!['Deployment', 'DaemonSet', 'StatefulSet'].includes(kind)) return 'restarting is not supported'
        if (spec?.paused) return "can't restart paused deployment (run rollout resume first)"
        const restartedAt = new Date(systemClock.now()).toISOString().replace(/\.\d+Z$/, 'Z')
        return { spec: { template: { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': restartedAt } } } } }
      },
    }),
})
