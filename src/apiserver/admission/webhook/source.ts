/** The webhooks in force, in the order of their configurations' names: made anew when one of these changes. */
import type { MutatingWebhookConfiguration } from '#api/admissionregistration/v1/mutating-webhook-configuration.ts'
import type { ValidatingWebhookConfiguration } from '#api/admissionregistration/v1/validating-webhook-configuration.ts'
import type { Kind } from '#schema/kind.ts'
import { StatusError } from '#schema/status-error.ts'
import type { AdmissionContext, AdmissionRequest, Lister, Place } from '../plugin.ts'
import type { Expression } from '../policy/activation.ts'
import { RequestAuthorizer } from '../policy/authorizer.ts'
import { compileConditions } from '../policy/compile.ts'
import { ConditionError, conditionsHold } from '../policy/conditions.ts'
import { type Match, matcherOf } from '../policy/match.ts'
import { atVersion } from './versions.ts'

type Configuration = ValidatingWebhookConfiguration | MutatingWebhookConfiguration
/** What both kinds have; `reinvocationPolicy` only mutating ones. */
export type Webhook = NonNullable<ValidatingWebhookConfiguration['webhooks']>[number] & {
  readonly reinvocationPolicy?: string | undefined
}

export interface Hook {
  readonly webhook: Webhook
  readonly configuration: string
  /** The same across the two passes of a request. */
  readonly key: string
  readonly matches: Match
  readonly conditions: readonly Expression[]
}

/** A webhook that is to be asked, and the request in the version that its rules name. */
export interface Invocation {
  readonly hook: Hook
  readonly matched: Kind
  readonly request: AdmissionRequest
}

export class WebhookSource {
  readonly #kind: Kind<string, Configuration>
  readonly #hooks = new WeakMap<Lister, { hooks: readonly Hook[] | undefined }>()

  constructor(kind: Kind<string, Configuration>) {
    this.#kind = kind
  }

  hooks(lister: Lister): readonly Hook[] {
    let state = this.#hooks.get(lister)
    if (!state || !lister.onChange) {
      const fresh: { hooks: readonly Hook[] | undefined } = { hooks: undefined }
      this.#hooks.set(lister, (state = fresh))
      lister.onChange?.(this.#kind, () => void (fresh.hooks = undefined))
    }
    state.hooks ??= lister
      .list(this.#kind)
      .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
      .flatMap(hooksOf)
    return state.hooks
  }
}

function hooksOf({ metadata, webhooks = [] }: Configuration): Hook[] {
  return (webhooks as readonly Webhook[]).flatMap((webhook, index) => {
    const { name, rules = [], matchPolicy, namespaceSelector, objectSelector, matchConditions = [] } = webhook
    if (rules.length === 0) return []
    return [
      {
        ...{ webhook, configuration: metadata.name, key: `${metadata.name}/${name}/${index}` },
        matches: matcherOf({ resourceRules: rules, matchPolicy, namespaceSelector, objectSelector } as never),
        conditions: compileConditions(matchConditions, { hasParams: false, hasAuthorizer: true }),
      },
    ]
  })
}

const configurations = new Set([
  ...['ValidatingWebhookConfiguration', 'MutatingWebhookConfiguration'],
  ...['ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding'],
  ...['MutatingAdmissionPolicy', 'MutatingAdmissionPolicyBinding'],
])

/** Webhooks are not asked about themselves, lest a broken one could not be mended. */
export function isExemptFromWebhooks({ kind }: Place): boolean {
  return kind.group === 'admissionregistration.k8s.io' && configurations.has(kind.kind)
}

/** Undefined where the webhook is not to be asked. Throws the refusal of a webhook whose conditions fail. */
export async function invocationOf(
  hook: Hook,
  request: AdmissionRequest,
  context: AdmissionContext,
): Promise<Invocation | undefined> {
  const matched = hook.matches(request, context)
  if (!matched) return undefined
  const own = await atVersion(request, matched)
  if (hook.conditions.length === 0) return { hook, matched, request: own }
  const authorizer = new RequestAuthorizer(context.authorizer)
  const activation = { request: own, lister: context.lister, authorizer, matched }
  try {
    const holds = await authorizer.settle(() => conditionsHold(hook.conditions, activation))
    return holds ? { hook, matched, request: own } : undefined
  } catch (error) {
    if (!(error instanceof ConditionError)) throw error
    if (hook.webhook.failurePolicy === 'Ignore') return undefined
    const { kind, name } = request
    const resource = kind.group ? `${kind.plural}.${kind.group}` : kind.plural
    const about = name ? `${resource} ${JSON.stringify(name)} is` : `${resource} is`
    throw new StatusError('Forbidden', `${about} forbidden: ${error.message}`, {
      details: { ...(name && { name }), ...(kind.group && { group: kind.group }), kind: kind.plural },
    })
  }
}
