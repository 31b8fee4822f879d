/** `kubectl set`: single fields of objects, each command in a file of its own. */
import { defineVerb } from './verb.ts'

export default defineVerb({
  usage: 'set SUBCOMMAND',
  summary: 'Set specific features on objects',
  examples: ['set image deployment/web web=nginx:2'],
  flags: {},
  verbs: {
    env: () => import('./set/env.ts'),
    image: () => import('./set-image.ts'),
    resources: () => import('./set/resources.ts'),
    selector: () => import('./set/selector.ts'),
    serviceaccount: () => import('./set/service-account.ts'),
    sa: () => import('./set/service-account.ts'),
  },
})
