/** Describes roles and role bindings. */
import { goValue } from '../output/go-value.ts'
import type { Json } from '../session.ts'
import { describeAnnotations, describeLabels, Report } from './report.ts'

export function describeRole({ metadata, rules }: Json): Report {
  const w = describeName(metadata)
  w.line(0, 'PolicyRule:')
  w.line(1, 'Resources\tNon-Resource URLs\tResource Names\tVerbs')
  w.line(1, '---------\t-----------------\t--------------\t-----')
  for (const line of ruleLines(rules ?? [])) w.line(1, line)
  return w
}

/** One line for each resource: its name, URLs that are no resources, names of objects, verbs. */
export function ruleLines(rules: readonly Json[]): string[] {
  return compact(rules.flatMap(breakDown)).map(
    ({ apiGroups, resources, nonResourceURLs, resourceNames, verbs }) =>
      `${resourceText(resources, apiGroups)}\t${goValue(nonResourceURLs)}\t${goValue(resourceNames)}\t${goValue(verbs)}`,
  )
}

export function describeRoleBinding({ metadata, roleRef, subjects }: Json): Report {
  const w = describeName(metadata)
  w.line(0, 'Role:')
  w.field(1, 'Kind', roleRef.kind)
  w.field(1, 'Name', roleRef.name)
  w.line(0, 'Subjects:')
  w.line(1, 'Kind\tName\tNamespace')
  w.line(1, '----\t----\t---------')
  for (const { kind, name, namespace = '' } of subjects ?? []) w.line(1, `${kind}\t${name}\t${namespace}`)
  return w
}

function describeName(metadata: Json): Report {
  const w = new Report()
  w.field(0, 'Name', metadata.name)
  describeLabels(w, 'Labels', metadata.labels)
  describeAnnotations(w, 'Annotations', metadata.annotations)
  return w
}

interface Rule {
  readonly verbs: string[]
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly resourceNames: readonly string[]
  readonly nonResourceURLs: readonly string[]
}

/** Rules with one verb, one resource and one name each. */
function breakDown({ verbs = [], apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] }: Json): Rule[] {
  const none = { apiGroups: [], resources: [], resourceNames: [], nonResourceURLs: [] }
  const names: readonly string[][] = resourceNames.length > 0 ? resourceNames.map((name: string) => [name]) : [[]]
  const rules: Rule[] = []
  for (const group of apiGroups) {
    for (const resource of resources) {
      for (const verb of verbs) {
        for (const name of names)
          rules.push({ ...none, verbs: [verb], apiGroups: [group], resources: [resource], resourceNames: name })
      }
    }
  }
  for (const url of nonResourceURLs) for (const verb of verbs) rules.push({ ...none, verbs: [verb], nonResourceURLs: [url] })
  return rules
}

/** Joins rules that differ in their verbs alone, and sorts them as Go prints them. */
function compact(rules: readonly Rule[]): Rule[] {
  const simple = new Map<string, Rule>()
  const others: Rule[] = []
  for (const rule of rules) {
    if (rule.nonResourceURLs.length > 0) {
      others.push(rule)
      continue
    }
    const key = JSON.stringify([rule.apiGroups, rule.resources, rule.resourceNames])
    const known = simple.get(key)
    if (!known) simple.set(key, { ...rule, verbs: [...rule.verbs] })
    else known.verbs.push(...rule.verbs.filter((verb) => !known.verbs.includes(verb)))
  }
  return [...others, ...simple.values()].sort((a, b) => (orderText(a) < orderText(b) ? -1 : orderText(a) > orderText(b) ? 1 : 0))
}

function orderText({ verbs, apiGroups, resources, resourceNames, nonResourceURLs }: Rule): string {
  return `&PolicyRule{Verbs:${goValue(verbs)},APIGroups:${goValue(apiGroups)},Resources:${goValue(resources)},ResourceNames:${goValue(resourceNames)},NonResourceURLs:${goValue(nonResourceURLs)},}`
}

/** `deployments.apps/scale` */
function resourceText([resource]: readonly string[], [group]: readonly string[]): string {
  if (resource === undefined) return ''
  const slash = resource.indexOf('/')
  const [name, rest] = slash < 0 ? [resource, ''] : [resource.slice(0, slash), resource.slice(slash)]
  return `${name}${group ? `.${group}` : ''}${rest}`
}
