/** The authorizers of a cluster, in the order in which they are asked (`--authorization-mode=Node,RBAC`). */
import type { Lister } from '../admission/plugin.ts'
import { unionAuthorizer } from './authorize.ts'
import type { Authorizer } from './authorizer.ts'
import { nodeAuthorizer } from './node.ts'
import { rbacAuthorizer } from './rbac.ts'
import { systemMastersAuthorizer } from './system-masters.ts'

export function defaultAuthorizer(lister: Lister): Authorizer {
  return unionAuthorizer([
    systemMastersAuthorizer, // first: it cannot be locked out
    nodeAuthorizer({ lister }),
    rbacAuthorizer({ lister }),
  ])
}
