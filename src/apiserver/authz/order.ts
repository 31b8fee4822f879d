/** The authorizers of a cluster, in the order in which they are asked (`--authorization-mode`, `--authorization-config`). */
import type { Lister } from '../admission/plugin.ts'
import { alwaysAllow, alwaysDeny } from './always.ts'
import { unionAuthorizer } from './authorize.ts'
import type { Authorizer, Decision } from './authorizer.ts'
import type { AuthorizerConfig } from './configuration.ts'
import { nodeAuthorizer } from './node.ts'
import { rbacAuthorizer } from './rbac.ts'
import { systemMastersAuthorizer } from './system-masters.ts'

export const defaultAuthorizers: readonly AuthorizerConfig[] = [
  { type: 'Node', name: 'node' },
  { type: 'RBAC', name: 'rbac' },
]

export interface AuthorizerParts {
  readonly lister: Lister
  /** Makes those that need something from outside. */
  readonly webhook?: (config: AuthorizerConfig) => Authorizer
  readonly abac?: () => Authorizer
  /** Told of each decision that ended the asking. */
  readonly onDecision?: (config: AuthorizerConfig, decision: 'allowed' | 'denied') => void
}

export function defaultAuthorizer(lister: Lister): Authorizer {
  return orderedAuthorizer(defaultAuthorizers, { lister })
}

/** `system:masters` comes first: it cannot be locked out. */
export function orderedAuthorizer(configs: readonly AuthorizerConfig[], parts: AuthorizerParts): Authorizer {
  return unionAuthorizer([systemMastersAuthorizer, ...configs.map((config) => counted(made(config, parts), config, parts))])
}

function made({ type, ...config }: AuthorizerConfig, { lister, webhook, abac }: AuthorizerParts): Authorizer {
  switch (type) {
    case 'Node':
      return nodeAuthorizer({ lister })
    case 'RBAC':
      return rbacAuthorizer({ lister })
    case 'AlwaysAllow':
      return alwaysAllow
    case 'AlwaysDeny':
      return alwaysDeny
    case 'ABAC':
      if (!abac) throw new Error('authorizer type ABAC is not allowed if it was not enabled at initial server startup')
      return abac()
    case 'Webhook':
      if (!webhook) throw new Error(`webhook authorizer ${config.name} has no connection`)
      return webhook({ type, ...config })
  }
}

function counted(authorizer: Authorizer, config: AuthorizerConfig, { onDecision }: AuthorizerParts): Authorizer {
  if (!onDecision) return authorizer
  const noted = (decision: Decision) => {
    if (decision.verdict === 'allow') onDecision(config, 'allowed')
    else if (decision.verdict === 'deny') onDecision(config, 'denied')
    return decision
  }
  return {
    ...authorizer,
    authorize(attributes) {
      const decided = authorizer.authorize(attributes)
      return decided instanceof Promise ? decided.then(noted) : noted(decided)
    },
  }
}
