/** A question to an authorizer as a SubjectAccessReview's spec, for webhooks and their match conditions. */
import type { SubjectAccessReviewSpec } from '#api/authorization/v1/subject-access-review.ts'
import { parseFieldSelector, parseLabelSelector, type SelectorOperator } from '#schema/selector.ts'
import type { Attributes } from './authorizer.ts'

export function reviewSpec(attributes: Attributes): SubjectAccessReviewSpec {
  const { user, verb, isResource, path } = attributes
  return {
    ...(isResource ? { resourceAttributes: resourceAttributes(attributes) } : { nonResourceAttributes: { path, verb } }),
    user: user.name,
    ...(user.groups.length > 0 && { groups: [...user.groups] }),
    ...(user.extra && { extra: Object.fromEntries(Object.entries(user.extra).map(([key, values]) => [key, [...values]])) }),
    ...(user.uid && { uid: user.uid }),
  }
}

type ResourceAttributes = NonNullable<SubjectAccessReviewSpec['resourceAttributes']>

function resourceAttributes(attributes: Attributes): ResourceAttributes {
  const { namespace, verb, group, version, resource, subresource, name, fieldSelector, labelSelector } = attributes
  const fields = fieldSelector ? fieldRequirements(fieldSelector) : []
  const labels = labelSelector ? labelRequirements(labelSelector) : []
  return {
    ...(namespace && { namespace }),
    verb,
    ...(group && { group }),
    ...(version && { version }),
    resource,
    ...(subresource && { subresource }),
    ...(name && { name }),
    ...(fields.length > 0 && { fieldSelector: { requirements: fields } }),
    ...(labels.length > 0 && { labelSelector: { requirements: labels } }),
  }
}

/** A selector that cannot be read narrows nothing. */
function fieldRequirements(text: string) {
  try {
    return parseFieldSelector(text).map(({ field, op, value }) => ({
      ...{ key: field, operator: op === '=' ? 'In' : 'NotIn' },
      values: [value],
    }))
  } catch {
    return []
  }
}

const operators: Readonly<Partial<Record<SelectorOperator, string>>> = {
  ...{ '=': 'In', '==': 'In', in: 'In', '!=': 'NotIn', notin: 'NotIn', exists: 'Exists', '!': 'DoesNotExist' },
}

/** What the API has no word for (`gt`, `lt`) is left out, which asks about more. */
function labelRequirements(text: string) {
  try {
    return parseLabelSelector(text).requirements.flatMap(({ key, operator, values }) => {
      const word = operators[operator]
      return word ? [{ key, operator: word, ...(values.length > 0 && { values: [...values] }) }] : []
    })
  } catch {
    return []
  }
}
