/** `kubectl rollout`: the rollouts of workloads, each command in a file of its own. */
import { defineVerb } from './verb.ts'

export default defineVerb({
  usage: 'rollout SUBCOMMAND',
  summary: 'Manage the rollout of a resource',
  examples: ['rollout status deployment/web', 'rollout undo deployment/web', 'rollout restart deployment/web'],
  flags: {},
  verbs: {
    history: () => import('./rollout/history.ts'),
    pause: () => import('./rollout/pause.ts'),
    restart: () => import('./rollout/restart.ts'),
    resume: () => import('./rollout/resume.ts'),
    status: () => import('./rollout/status.ts'),
    undo: () => import('./rollout/undo.ts'),
  },
})
