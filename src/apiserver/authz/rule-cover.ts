/** Whether some rules grant everything that others do, to the last verb (upstream `component-helpers/auth/rbac/validation`). */
import type { PolicyRule } from '#api/rbac/v1/role.ts'
import { urlMatches } from './rule-match.ts'

/** What of `wanted` is not covered by `held`, in rules of one verb and one thing each; empty when all is. */
export function uncovered(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return wanted.flatMap(breakDown).filter((part) => !held.some((rule) => covers(rule, part)))
}

/** One rule for each combination of verb, group, resource and name. */
function breakDown({
  verbs,
  apiGroups = [],
  resources = [],
  resourceNames = [],
  nonResourceURLs = [],
}: PolicyRule): PolicyRule[] {
  const parts: PolicyRule[] = []
  for (const group of apiGroups) {
    for (const resource of resources) {
      for (const verb of verbs) {
        const part = { apiGroups: [group], resources: [resource], verbs: [verb] }
        if (resourceNames.length === 0) parts.push(part)
        for (const name of resourceNames) parts.push({ ...part, resourceNames: [name] })
      }
    }
  }
  for (const url of nonResourceURLs) for (const verb of verbs) parts.push({ nonResourceURLs: [url], verbs: [verb] })
  return parts
}

function covers(rule: PolicyRule, part: PolicyRule): boolean {
  if (!hasAll(rule.verbs, part.verbs)) return false
  const [url] = part.nonResourceURLs ?? []
  if (url !== undefined) return rule.nonResourceURLs?.some((pattern) => urlMatches(pattern, url)) ?? false
  if (!hasAll(rule.apiGroups, part.apiGroups) || !coversResource(rule, part.resources?.[0] ?? '')) return false
  const names = rule.resourceNames ?? []
  return names.length === 0 || (part.resourceNames?.every((name) => names.includes(name)) ?? false)
}

function hasAll(list: readonly string[] | undefined, wanted: readonly string[] | undefined): boolean {
  return list?.includes('*') || (wanted?.every((value) => list?.includes(value)) ?? true)
}

function coversResource({ resources = [] }: PolicyRule, wanted: string): boolean {
  if (resources.includes('*') || resources.includes(wanted)) return true
  const slash = wanted.indexOf('/')
  return slash >= 0 && resources.includes(`*/${wanted.slice(slash + 1)}`)
}

/** Rules about one thing each, with the verbs of equal things gathered; for messages. */
export function compact(rules: readonly PolicyRule[]): PolicyRule[] {
  const simple = new Map<string, PolicyRule>()
  const others: PolicyRule[] = []
  for (const rule of rules) {
    const { apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule
    if (apiGroups.length !== 1 || resources.length !== 1 || nonResourceURLs.length > 0 || resourceNames.length > 1) {
      others.push(rule)
      continue
    }
    const key = JSON.stringify([apiGroups, resources, resourceNames])
    const known = simple.get(key)
    if (!known) simple.set(key, { ...rule, verbs: [...rule.verbs] })
    else known.verbs.push(...rule.verbs.filter((verb) => !known.verbs.includes(verb)))
  }
  return [...simple.values(), ...others]
}

/** `{APIGroups:["apps"], Resources:["deployments"], Verbs:["get" "list"]}`, as Go prints it. */
export function ruleText({ apiGroups, resources, nonResourceURLs, resourceNames, verbs }: PolicyRule): string {
  const parts = [
    ['APIGroups', apiGroups],
    ['Resources', resources],
    ['NonResourceURLs', nonResourceURLs],
    ['ResourceNames', resourceNames],
    ['Verbs', verbs],
  ] as const
  return `{${parts.flatMap(([name, list]) => (list?.length ? [`${name}:${quoteList(list)}`] : [])).join(', ')}}`
}

/** Go's `%q` of a slice. */
export function quoteList(list: readonly string[]): string {
  return `[${list.map((text) => JSON.stringify(text)).join(' ')}]`
}
