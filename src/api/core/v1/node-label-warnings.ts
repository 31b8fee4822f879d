/** Warnings about labels of nodes that have newer names (upstream `pkg/api/node/util.go`). */
import type { NodeSelectorTerm } from '#api/core/v1/affinity.ts'
import type { LabelSelector } from '#api/meta/v1/label-selector.ts'
import type { Path } from '#schema/field-error.ts'
import { isValidLabelValue } from '#schema/formats.ts'

const replaced: ReadonlyMap<string, string> = new Map([
  ['beta.kubernetes.io/arch', 'deprecated since v1.14; use "kubernetes.io/arch" instead'],
  ['beta.kubernetes.io/os', 'deprecated since v1.14; use "kubernetes.io/os" instead'],
  ['failure-domain.beta.kubernetes.io/region', 'deprecated since v1.17; use "topology.kubernetes.io/region" instead'],
  ['failure-domain.beta.kubernetes.io/zone', 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead'],
  ['beta.kubernetes.io/instance-type', 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead'],
])

/** What to say of the label, if anything. */
export function nodeLabelAdvice(label: string): string | undefined {
  return replaced.get(label)
}

/** Labels of a map; `placeOf` says where one of them stands. */
export function nodeLabelWarnings(
  labels: Readonly<Record<string, string>> | undefined,
  placeOf: (label: string) => Path,
): string[] {
  return Object.keys(labels ?? {}).flatMap((label) => {
    const advice = replaced.get(label)
    return advice ? [`${placeOf(label)}: ${advice}`] : []
  })
}

/** Preferences may hold values that no label has: they were stored before the rule, so that one is only warned of them. */
export function nodeTermWarnings({ matchExpressions = [] }: NodeSelectorTerm, at: Path, isPreference: boolean): string[] {
  return matchExpressions.flatMap(({ key, values = [] }, index) => {
    const here = at.child('matchExpressions').index(index)
    const advice = replaced.get(key)
    const bad = isPreference
      ? values.flatMap((value, position) =>
          isValidLabelValue(value).map((why) => `${here.child('values').index(position)}: ${value} is invalid, ${why}`),
        )
      : []
    return [...(advice ? [`${here.child('key')}: ${key} is ${advice}`] : []), ...bad]
  })
}

export function nodeSelectorWarnings(selector: LabelSelector | undefined, at: Path): string[] {
  const rules = selector?.matchExpressions ?? []
  return [
    ...rules.flatMap(({ key }, index) => {
      const advice = replaced.get(key)
      return advice ? [`${at.child('matchExpressions').index(index).child('key')}: ${key} is ${advice}`] : []
    }),
    ...nodeLabelWarnings(selector?.matchLabels, (label) => at.child('matchLabels', label)),
  ]
}
