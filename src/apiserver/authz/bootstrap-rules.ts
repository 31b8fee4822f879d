/** The words in which the roles that a cluster starts with are written. */
import type { PolicyRule } from '#api/rbac/v1/role.ts'

export const groups = {
  core: '',
  admission: 'admissionregistration.k8s.io',
  apps: 'apps',
  authentication: 'authentication.k8s.io',
  authorization: 'authorization.k8s.io',
  autoscaling: 'autoscaling',
  batch: 'batch',
  certificates: 'certificates.k8s.io',
  coordination: 'coordination.k8s.io',
  discovery: 'discovery.k8s.io',
  events: 'events.k8s.io',
  extensions: 'extensions',
  networking: 'networking.k8s.io',
  node: 'node.k8s.io',
  policy: 'policy',
  rbac: 'rbac.authorization.k8s.io',
  resource: 'resource.k8s.io',
  storage: 'storage.k8s.io',
} as const

export const read = 'get list watch'
export const write = 'create update patch delete deletecollection'
export const readWrite = `${read} ${write}`
export const readUpdate = 'get list watch update patch'

/** Lists are given as words between blanks and stand sorted in the rule, as upstream's builder leaves them. */
export function rule(verbs: string, group: string | readonly string[], resources: string, names?: readonly string[]): PolicyRule {
  return {
    verbs: words(verbs),
    apiGroups: typeof group === 'string' ? [group] : [...group].sort(),
    resources: words(resources),
    ...(names && { resourceNames: [...names].sort() }),
  }
}

export function urls(verbs: string, paths: string): PolicyRule {
  return { verbs: words(verbs), nonResourceURLs: words(paths) }
}

export const eventsRule = (): PolicyRule => rule('create update patch', [groups.core, groups.events], 'events')

function words(text: string): string[] {
  return [...new Set(text.split(/\s+/).filter(Boolean))].sort()
}
