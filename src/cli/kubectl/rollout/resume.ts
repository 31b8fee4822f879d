/** `kubectl rollout resume`. */
import { defineVerb } from '../verb.ts'
import { patchEach, rolloutFlags } from './patch-each.ts'

export default defineVerb({
  usage: 'rollout resume RESOURCE',
  summary: 'Resume a paused resource',
  examples: ['rollout resume deployment/web'],
  flags: rolloutFlags,
  run: (call) =>
    patchEach(call, {
      operation: 'resumed',
      plan({ kind, spec }) {
        if (kind !== 'Deployment') return 'resuming is not supported'
        return spec?.paused ? { spec: { paused: null } } : 'is not paused'
      },
    }),
})
