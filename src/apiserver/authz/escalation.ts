/** Nobody hands out more than he holds himself (upstream `ConfirmNoEscalation`). */
import type { PolicyRule } from '#api/rbac/v1/role.ts'
import type { Lister } from '../admission/plugin.ts'
import type { User } from '../request.ts'
import { ruleResolver } from './rbac.ts'
import { compact, quoteList, ruleText, uncovered } from './rule-cover.ts'

/** The refusal's text when `rules` go beyond what the user holds in the namespace ('' for the cluster). */
export function escalation(
  user: User,
  rules: readonly PolicyRule[],
  { lister, namespace }: { lister: Lister; namespace: string },
): string | undefined {
  const held = ruleResolver(lister).rulesFor(user, namespace)
  const missing = uncovered(held.rules, rules)
  if (missing.length === 0) return undefined
  const lines = [...new Set(compact(missing).map(ruleText))].sort()
  const who = `user ${JSON.stringify(user.name)} (groups=${quoteList(user.groups)})`
  const text = `${who} is attempting to grant RBAC permissions not currently held:\n${lines.join('\n')}`
  const errors = held.errors.map(({ message }) => message)
  return errors.length > 0 ? `${text}; resolution errors: [${errors.join(', ')}]` : text
}
