/** `kubectl auth`: what the server thinks of the user. */
import { defineVerb } from './verb.ts'

export default defineVerb({
  usage: 'auth',
  summary: 'Inspect authorization',
  examples: ['auth can-i create pods', 'auth whoami'],
  flags: {},
  verbs: {
    'can-i': () => import('./auth/can-i.ts'),
    whoami: () => import('./auth/whoami.ts'),
  },
})
