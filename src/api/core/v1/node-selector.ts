/** Which nodes a node selector names: `spec.nodeSelector`, required and preferred node affinity (upstream `component-helpers/.../nodeaffinity`). */
import type { NodeSelector, NodeSelectorTerm } from '#api/core/v1/affinity.ts'
import type { Node } from '#api/core/v1/node.ts'
import type { PodSpec } from '#api/core/v1/pod-spec.ts'

type Requirement = { readonly key: string; readonly operator: string; readonly values?: readonly string[] | undefined }

/** Whether the node has all that the pod demands. */
export function matchesRequired({ spec }: { readonly spec: PodSpec }, node: Node): boolean {
  const labels = node.metadata.labels ?? {}
  const demanded = Object.entries(spec.nodeSelector ?? {})
  if (!demanded.every(([key, value]) => labels[key] === value)) return false
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  return !required || matchesSelector(required, node)
}

/** Terms are alternatives; a term without rules matches nothing. */
export function matchesSelector({ nodeSelectorTerms }: NodeSelector, node: Node): boolean {
  return (nodeSelectorTerms ?? []).some((term) => matchesTerm(term, node))
}

export function matchesTerm({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm, node: Node): boolean {
  if (matchExpressions.length === 0 && matchFields.length === 0) return false
  const labels = node.metadata.labels ?? {}
  const fields = { 'metadata.name': node.metadata.name }
  return matchExpressions.every((rule) => holds(rule, labels)) && matchFields.every((rule) => holds(rule, fields))
}

function holds({ key, operator, values = [] }: Requirement, labels: Readonly<Record<string, string>>): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value)
    case 'NotIn':
      return value === undefined || !values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    case 'Gt':
    case 'Lt':
      return value !== undefined && compares(operator, value, values[0] ?? '')
    default:
      return false
  }
}

function compares(operator: 'Gt' | 'Lt', value: string, limit: string): boolean {
  const isInteger = /^[+-]?\d+$/
  if (!isInteger.test(value) || !isInteger.test(limit)) return false
  return operator === 'Gt' ? BigInt(value) > BigInt(limit) : BigInt(value) < BigInt(limit)
}
