/** `kubectl rollout pause`. */
import { defineVerb } from '../verb.ts'
import { patchEach, rolloutFlags } from './patch-each.ts'

export default defineVerb({
  usage: 'rollout pause RESOURCE',
  summary: 'Mark the provided resource as paused',
  examples: ['rollout pause deployment/web'],
  flags: rolloutFlags,
  run: (call) =>
    patchEach(call, {
      operation: 'paused',
      plan({ kind, spec }) {
        if (kind !== 'Deployment') return 'pausing is not supported'
        return spec?.paused ? 'is already paused' : { spec: { paused: true } }
      },
    }),
})
