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

function refuseUnlessAllowed({ verdict, reason, error }: Decision, attributes: Attributes): void {
  if (verdict !== 'allow') throw error ? undecided(attributes, error) : forbiddenRequest(attributes, reason)
}

/** Nobody allowed it, and one who might have could not be asked. */
export function undecided({ path }: Attributes, error: Error): StatusError {
  return new StatusError('InternalError', `Internal Server Error: ${JSON.stringify(path)}: ${error.message}`, { cause: error })
}

/** The first authorizer with an opinion decides; without any, all their reasons stand in the refusal. Stays synchronous where they are. */
export function unionAuthorizer(authorizers: readonly Authorizer[]): Authorizer {
  return {
    name: 'union',
    authorize: (attributes) => ask(authorizers, { attributes, from: 0, reasons: [], errors: [] }),
    rules: (user, namespace) => {
      const parts = authorizers.map((authorizer) => authorizer.rules?.(user, namespace))
      const incomplete = parts.flatMap((part) => part?.incomplete ?? [])
      return {
        resource: parts.flatMap((part) => part?.resource ?? []),
        nonResource: parts.flatMap((part) => part?.nonResource ?? []),
        ...(incomplete.length > 0 && { incomplete: incomplete.join(', ') }),
      }
    },
  }
}

interface Question {
  readonly attributes: Attributes
  readonly from: number
  readonly reasons: readonly string[]
  readonly errors: readonly Error[]
}

function ask(authorizers: readonly Authorizer[], question: Question): Decision | Promise<Decision> {
  const { attributes } = question
  let { reasons, errors } = question
  for (let i = question.from; i < authorizers.length; i++) {
    const decided = (authorizers[i] as Authorizer).authorize(attributes)
    if (decided instanceof Promise) return decided.then((decision) => settle(decision, i))
    if (decided.verdict !== 'noOpinion') return decided
    note(decided)
  }
  return {
    verdict: 'noOpinion',
    reason: reasons.join('\n'),
    ...(errors.length > 0 && {
      error: errors.length === 1 ? (errors[0] as Error) : new AggregateError(errors, aggregated(errors)),
    }),
  }

  function note({ reason, error }: Decision): void {
    if (reason) reasons = [...reasons, reason]
    if (error) errors = [...errors, error]
  }

  function settle(decision: Decision, at: number): Decision | Promise<Decision> {
    if (decision.verdict !== 'noOpinion') return decision
    note(decision)
    return ask(authorizers, { attributes, from: at + 1, reasons, errors })
  }
}

/** Go's `utilerrors.Aggregate`. */
function aggregated(errors: readonly Error[]): string {
  return `[${[...new Set(errors.map(({ message }) => message))].join(', ')}]`
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
