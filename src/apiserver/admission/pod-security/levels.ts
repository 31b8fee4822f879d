/** Levels and versions of Pod Security, what namespaces ask for, and what a pod is held to (upstream `pod-security-admission/api`). */
import type { Pod } from '#api/core/v1/pod.ts'
import { type FieldError, root } from '#schema/field-error.ts'
import { baselineChecks } from './baseline.ts'
import type { Check, Finding, PodCheck } from './check.ts'
import { restrictedChecks } from './restricted.ts'

export type Level = 'privileged' | 'baseline' | 'restricted'

const levels: readonly string[] = ['privileged', 'baseline', 'restricted']

export interface LevelVersion {
  readonly level: Level
  /** `latest` or `v1.x`. */
  readonly version: string
}

export interface Policy {
  readonly enforce: LevelVersion
  readonly audit: LevelVersion
  readonly warn: LevelVersion
}

export function levelText({ level, version }: LevelVersion): string {
  return `${level}:${version}`
}

export function levelProblem(text: string): string | undefined {
  return levels.includes(text) ? undefined : `must be one of ${levels.join(', ')}`
}

export function versionProblem(text: string): string | undefined {
  return text === 'latest' || /^v1\.(0|[1-9]\d*)$/.test(text) ? undefined : 'must be "latest" or "v1.x"'
}

/** Negative, zero or positive, as the first asks for less, the same or more. */
export function compareLevels(a: Level, b: Level): number {
  return levels.indexOf(a) - levels.indexOf(b)
}

export const labelPrefix = 'pod-security.kubernetes.io/'

/** A wrong label enforces the most, and warns of and audits nothing. */
export function policyOf(
  labels: Readonly<Record<string, string>> = {},
  defaults: Policy,
): { policy: Policy; errors: FieldError[] } {
  const errors: FieldError[] = []
  const read = (label: string, problemOf: (text: string) => string | undefined) => {
    const key = labelPrefix + label
    const text = labels[key]
    const problem = text === undefined ? undefined : problemOf(text)
    if (problem) errors.push(root.child('metadata', 'labels').key(key).invalid(text, problem))
    return { text, problem }
  }
  const mode = (name: keyof Policy, onError: Level): LevelVersion => {
    const level = read(name, levelProblem)
    const version = read(`${name}-version`, versionProblem)
    return {
      level: level.problem ? onError : ((level.text as Level | undefined) ?? defaults[name].level),
      version: version.problem ? 'latest' : (version.text ?? defaults[name].version),
    }
  }
  const enforce = mode('enforce', 'restricted')
  const audit = mode('audit', 'privileged')
  let warn = mode('warn', 'privileged')
  const asksToEnforce = levelProblem(labels[`${labelPrefix}enforce`] ?? '') === undefined
  if (labels[`${labelPrefix}warn`] === undefined && asksToEnforce && compareLevels(enforce.level, warn.level) > 0) {
    const hasVersion = labels[`${labelPrefix}warn-version`] !== undefined
    warn = { level: enforce.level, version: hasVersion ? warn.version : enforce.version }
  }
  return { policy: { enforce, audit, warn }, errors }
}

/** The newest version for which a check changed; later ones are held to it. */
const newest = Math.max(...[...baselineChecks, ...restrictedChecks].flatMap(({ since }) => since.map(([minor]) => minor)))

/** What keeps the pod from the level, in upstream's order. */
export function findings(
  { level, version }: LevelVersion,
  { metadata, spec }: Pick<Pod, 'spec'> & { metadata?: Pod['metadata'] | undefined },
): Finding[] {
  if (level === 'privileged') return []
  const minor = version === 'latest' ? newest : Math.min(newest, Number(version.slice('v1.'.length)))
  const annotations = metadata?.annotations ?? {}
  return checksOf(level, minor).flatMap((check) => check(spec, annotations) ?? [])
}

const known = new Map<string, readonly PodCheck[]>()

function checksOf(level: Level, minor: number): readonly PodCheck[] {
  const key = `${level}:${minor}`
  let checks = known.get(key)
  if (!checks) {
    const restricted = level === 'restricted' ? restrictedChecks : []
    const overridden = restricted.filter((check) => at(check, minor)).map(({ overrides }) => overrides)
    const baseline = baselineChecks.filter(({ id }) => !overridden.includes(id))
    checks = [...baseline, ...restricted].flatMap((check) => at(check, minor) ?? [])
    known.set(key, checks)
  }
  return checks
}

function at({ since }: Check, minor: number): PodCheck | undefined {
  return since.findLast(([from]) => from <= minor)?.[1]
}

export function reasonsText(found: readonly Finding[]): string {
  return found.map(({ reason }) => reason).join(', ')
}

export function detailsText(found: readonly Finding[]): string {
  return found.map(({ reason, detail }) => (detail ? `${reason} (${detail})` : reason)).join(', ')
}
