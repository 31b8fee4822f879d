/** The group that may do everything, whatever the roles say: first in the order, so that nobody locks himself out. */
import type { Authorizer, Decision } from './authorizer.ts'

export const systemMasters = 'system:masters'

const allow: Decision = { verdict: 'allow' }
const noOpinion: Decision = { verdict: 'noOpinion' }

export const systemMastersAuthorizer: Authorizer = {
  name: 'system-masters',
  authorize: ({ user }) => (user.groups.includes(systemMasters) ? allow : noOpinion),
  rules: ({ groups }) =>
    groups.includes(systemMasters)
      ? {
          resource: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
          nonResource: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
        }
      : { resource: [], nonResource: [] },
}
