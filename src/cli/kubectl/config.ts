/** `kubectl config`: kubeconfig files. */
import { defineVerb } from './verb.ts'

export default defineVerb({
  usage: 'config SUBCOMMAND',
  summary: 'Modify kubeconfig files',
  examples: ['config get-contexts', 'config use-context nami', 'config set-context --current --namespace=shop'],
  flags: {},
  verbs: {
    'current-context': () => import('./config/current-context.ts'),
    'delete-context': () => import('./config/delete-context.ts'),
    'get-contexts': () => import('./config/get-contexts.ts'),
    'set-context': () => import('./config/set-context.ts'),
    'use-context': () => import('./config/use-context.ts'),
    use: () => import('./config/use-context.ts'),
    view: () => import('./config/view.ts'),
  },
})
