/** Which node a user is: `system:node:NAME` in the group `system:nodes` (upstream `auth/nodeidentifier`). */
import type { User } from '../request.ts'

const prefix = 'system:node:'

/** The node's name, '' for a node user without one; undefined for everybody else. */
export function nodeNameOf({ name, groups }: User): string | undefined {
  return name.startsWith(prefix) && groups.includes('system:nodes') ? name.slice(prefix.length) : undefined
}
