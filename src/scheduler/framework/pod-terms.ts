/** Selections of pods that plugins count: affinity terms and spread selectors, compiled and named by their content. */
import type { PodAffinityTerm } from '#api/core/v1/affinity.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import type { LabelSelector } from '#api/meta/v1/label-selector.ts'
import { type LabelMatcher, labelSelectorMatcher, SelectorError } from '#schema/selector.ts'

type Labels = Readonly<Record<string, string>>

/** Labels of a namespace by its name; undefined where the namespace is not known. */
export type NamespaceLabels = (namespace: string) => Labels | undefined

export interface PodTerm {
  /** Equal for terms that select the same and have the same topology. */
  readonly key: string
  readonly topologyKey: string
  readonly namespaces: ReadonlySet<string>
  /** Namespaces by their labels, beside those named. */
  readonly namespaceSelector: LabelMatcher | undefined
  readonly selector: LabelMatcher
}

export interface WeightedPodTerm {
  readonly weight: number
  readonly term: PodTerm
}

export interface PodTerms {
  readonly affinity: readonly PodTerm[]
  readonly antiAffinity: readonly PodTerm[]
  readonly preferred: readonly WeightedPodTerm[]
  /** With weights below zero. */
  readonly preferredAnti: readonly WeightedPodTerm[]
}

const noTerms: PodTerms = { affinity: [], antiAffinity: [], preferred: [], preferredAnti: [] }

export function podTerms(pod: Pod): PodTerms {
  const { podAffinity, podAntiAffinity } = pod.spec.affinity ?? {}
  if (!podAffinity && !podAntiAffinity) return noTerms
  const weighted = (sign: 1 | -1) => (one: { weight: number; podAffinityTerm: PodAffinityTerm }) => ({
    weight: sign * one.weight,
    term: compile(one.podAffinityTerm, pod),
  })
  return {
    affinity: (podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((term) => compile(term, pod)),
    antiAffinity: (podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((term) => compile(term, pod)),
    preferred: (podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(weighted(1)),
    preferredAnti: (podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(weighted(-1)),
  }
}

function compile(term: PodAffinityTerm, { metadata }: Pod): PodTerm {
  const { topologyKey, labelSelector, namespaceSelector, matchLabelKeys = [], mismatchLabelKeys = [] } = term
  const labels = metadata.labels ?? {}
  const selector = withOwnLabels(withOwnLabels(labelSelector, labels, { keys: matchLabelKeys, operator: 'In' }), labels, {
    keys: mismatchLabelKeys,
    operator: 'NotIn',
  })
  const own = !term.namespaces?.length && !namespaceSelector ? [metadata.namespace ?? ''] : (term.namespaces ?? [])
  const namespaces = new Set(own)
  return {
    key: JSON.stringify([topologyKey, [...namespaces].sort(), namespaceSelector ?? null, selector ?? null]),
    ...{ topologyKey, namespaces },
    namespaceSelector: namespaceSelector && compiled(namespaceSelector),
    selector: compiled(selector),
  }
}

/** KEP-3633, KEP-3243: the pod's own values of these labels, as further rules; the server has usually merged them already. */
export function withOwnLabels(
  selector: LabelSelector | undefined,
  labels: Labels,
  { keys, operator }: { keys: readonly string[]; operator: 'In' | 'NotIn' },
): LabelSelector | undefined {
  const present = keys.filter((key) => Object.hasOwn(labels, key))
  if (!selector || present.length === 0) return selector
  const rules = present.map((key) => ({ key, operator, values: [labels[key] as string] }))
  return { ...selector, matchExpressions: [...(selector.matchExpressions ?? []), ...rules] }
}

/** What cannot be compiled selects nothing; the server refuses such selectors. */
export function compiled(selector: LabelSelector | undefined): LabelMatcher {
  try {
    return labelSelectorMatcher(selector)
  } catch (error) {
    if (!(error instanceof SelectorError)) throw error
    return labelSelectorMatcher(undefined)
  }
}

export function termMatches(term: PodTerm, { metadata }: Pod, labelsOf: NamespaceLabels): boolean {
  return inNamespaces(term, metadata.namespace ?? '', labelsOf) && term.selector.matches(metadata.labels)
}

function inNamespaces({ namespaces, namespaceSelector }: PodTerm, namespace: string, labelsOf: NamespaceLabels): boolean {
  if (namespaces.has(namespace)) return true
  if (!namespaceSelector) return false
  if (namespaceSelector.isEmpty) return true
  const labels = labelsOf(namespace)
  return labels !== undefined && namespaceSelector.matches(labels)
}
