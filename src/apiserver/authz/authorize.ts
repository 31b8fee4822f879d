/** Asks the authorizers in order whether a user may, and words the refusal (upstream `authorization/union`, `responsewriters/errors.go`). */
import { forbidden, StatusError } from '#schema/status-error.ts'
import type { Attributes, Authorizer, Decision } from './authorizer.ts'

/** Throws the 403 unless the authorizer allows it; a promise only where the authorizer gives one. */
export function demand(authorizer: Authorizer, attributes: Attributes): Promise<void> | undefined {
  const decided = authorizer.authorize(attributes)
  if (decided instanceof Promise) return decided.then((decision) => refuseUnlessAllowed(decision, attributes))
  refuseUnlessAllowed(decided, attributes)
  return undefined
}

function refuseUnlessAllowed({ verdict, reason }: Decision, attributes: Attributes): void {
  if (verdict !== 'allow') throw forbiddenRequest(attributes, reason)
}

/** The first authorizer with an opinion decides; without any, all their reasons stand in the refusal. Stays synchronous where they are. */
export function unionAuthorizer(authorizers: readonly Authorizer[]): Authorizer {
  return {
    name: 'union',
    authorize: (attributes) => ask(authorizers, { attributes, from: 0, reasons: [] }),
    rules: (user, namespace) => {
      const parts = authorizers.map((authorizer) => authorizer.rules?.(user, namespace))
      return {
        resource: parts.flatMap((part) => part?.resource ?? []),
        nonResource: parts.flatMap((part) => part?.nonResource ?? []),
      }
    },
  }
}

interface Question {
  readonly attributes: Attributes
  readonly from: number
  readonly reasons: readonly string[]
}

function ask(authorizers: readonly Authorizer[], { attributes, from, reasons: earlier }: Question): Decision | Promise<Decision> {
  const reasons: string[] = earlier.length > 0 ? [...earlier] : []
  for (let i = from; i < authorizers.length; i++) {
    const decided = (authorizers[i] as Authorizer).authorize(attributes)
    if (decided instanceof Promise) return decided.then((decision) => settle(decision, i))
    if (decided.verdict !== 'noOpinion') return decided
    if (decided.reason) reasons.push(decided.reason)
  }
  return { verdict: 'noOpinion', reason: reasons.join('\n') }

  function settle(decision: Decision, at: number): Decision | Promise<Decision> {
    if (decision.verdict !== 'noOpinion') return decision
    const more = decision.reason ? [...reasons, decision.reason] : reasons
    return ask(authorizers, { attributes, from: at + 1, reasons: more })
  }
}

/** `pods is forbidden: User "x" cannot list resource "pods" in API group "" in the namespace "default": <reason>`. */
export function forbiddenRequest(attributes: Attributes, reason = ''): StatusError {
  const { group, resource, name } = attributes
  const sentence = escapeMarkup(sentenceOf(attributes))
  const text = reason ? `${sentence}: ${reason}` : sentence
  if (resource) return forbidden({ group, plural: resource }, name, text)
  return new StatusError('Forbidden', `forbidden: ${text}`, { details: {} })
}

function sentenceOf({ user, verb, isResource, path, group, resource, subresource, namespace }: Attributes): string {
  const who = `User ${JSON.stringify(user.name)} cannot ${verb}`
  if (!isResource) return `${who} path ${JSON.stringify(path)}`
  const what = JSON.stringify(subresource ? `${resource}/${subresource}` : resource)
  const where = namespace ? `in the namespace ${JSON.stringify(namespace)}` : 'at the cluster scope'
  return `${who} resource ${what} in API group ${JSON.stringify(group)} ${where}`
}

/** What users write must not read as HTML in a browser. */
function escapeMarkup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
