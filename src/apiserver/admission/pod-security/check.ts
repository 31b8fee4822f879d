/** What a check of the Pod Security Standards is, and words that all of them use. */
import type { Container } from '#api/core/v1/container.ts'
import type { Pod } from '#api/core/v1/pod.ts'

export type PodSpec = Pod['spec']

/** Why a pod does not pass; the detail names the fields. */
export interface Finding {
  readonly reason: string
  readonly detail: string
}

export type PodCheck = (spec: PodSpec, annotations: Readonly<Record<string, string>>) => Finding | undefined

export interface Check {
  /** Findings stand in the order of the identifiers, those of the baseline first. */
  readonly id: string
  /** By the minor version from which on it holds, ascending. */
  readonly since: readonly (readonly [minor: number, check: PodCheck])[]
  /** The check of the baseline that this one is stricter than. */
  readonly overrides?: string
}

type AnyContainer = Pick<Container, 'name' | 'ports' | 'securityContext' | 'lifecycle' | 'livenessProbe' | 'readinessProbe'> &
  Pick<Container, 'startupProbe' | 'image'>

export function allContainers(spec: PodSpec): readonly AnyContainer[] {
  return [...(spec.initContainers ?? []), ...spec.containers, ...((spec.ephemeralContainers ?? []) as readonly AnyContainer[])]
}

/** The names of the containers that a claim holds for. */
export function containersWhere(spec: PodSpec, claim: (container: AnyContainer) => boolean): string[] {
  return allContainers(spec)
    .filter(claim)
    .map(({ name }) => name)
}

/** `"a", "b"`. */
export function quoted(items: Iterable<string>): string {
  return [...items].map((item) => `"${item}"`).join(', ')
}

/** `container "a"` or `containers "a", "b"`. */
export function named(word: string, items: readonly string[]): string {
  return `${plural(word, items.length)} ${quoted(items)}`
}

export function plural(word: string, count: number): string {
  return count === 1 ? word : `${word}s`
}

/** `pod and container "a"`: whoever sets something. */
export function setters(isPod: boolean, containers: readonly string[]): string {
  return [...(isPod ? ['pod'] : []), ...(containers.length > 0 ? [named('container', containers)] : [])].join(' and ')
}

export function sortedSet(items: Iterable<string>): string[] {
  return [...new Set(items)].sort()
}

export function isWindows({ os }: PodSpec): boolean {
  return os?.name === 'windows'
}

/** With a user namespace of its own, root in the pod is nobody on the node (KEP-127). */
export function hasOwnUsers({ hostUsers }: PodSpec): boolean {
  return hostUsers === false
}
