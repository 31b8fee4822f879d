/** Authorizers that look at nothing (`--authorization-mode=AlwaysAllow`, `AlwaysDeny`). */
import type { Authorizer } from './authorizer.ts'

export const alwaysAllow: Authorizer = {
  name: 'AlwaysAllow',
  authorize: () => ({ verdict: 'allow' }),
  rules: () => ({
    resource: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
    nonResource: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
  }),
}

export const alwaysDeny: Authorizer = {
  name: 'AlwaysDeny',
  authorize: () => ({ verdict: 'noOpinion', reason: 'Everything is forbidden.' }),
  rules: () => ({ resource: [], nonResource: [] }),
}
