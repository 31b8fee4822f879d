/** PodSecurityConfiguration (`pod-security.admission.config.k8s.io`): defaults for namespaces without labels, and who is exempt. */
import { type FieldError, formatFieldError, type Path, root } from '#schema/field-error.ts'
import { isDns1123Label, isDns1123Subdomain } from '#schema/formats.ts'
import { type Level, levelProblem, type Policy, versionProblem } from './levels.ts'

export interface Exemptions {
  readonly usernames: readonly string[]
  readonly namespaces: readonly string[]
  readonly runtimeClasses: readonly string[]
}

export interface PodSecuritySettings {
  readonly defaults: Policy
  readonly exemptions: Exemptions
}

/** Throws with the texts of upstream's validation; undefined is what stands where nothing is configured. */
export function readPodSecurityConfiguration(configuration: any): PodSecuritySettings {
  const given = configuration?.defaults ?? {}
  const errors: FieldError[] = []
  const mode = (name: string) => {
    const level = given[name] || 'privileged'
    const version = given[`${name}-version`] || 'latest'
    const at = root.child('defaults')
    const problems = [levelProblem(level), versionProblem(version)]
    if (problems[0]) errors.push(at.child(name).invalid(level, problems[0]))
    if (problems[1]) errors.push(at.child(`${name}-version`).invalid(version, problems[1]))
    return { level: level as Level, version }
  }
  const defaults = { enforce: mode('enforce'), warn: mode('warn'), audit: mode('audit') }
  const { usernames = [], namespaces = [], runtimeClasses = [] } = configuration?.exemptions ?? {}
  const at = root.child('exemptions')
  errors.push(...listErrors(namespaces, at.child('namespaces'), isDns1123Label))
  errors.push(...listErrors(runtimeClasses, at.child('runtimeClasses'), isDns1123Subdomain))
  errors.push(...listErrors(usernames, at.child('usernames'), (name) => (name ? [] : ['username must not be empty'])))
  if (errors.length > 0) throw new Error(errors.map(formatFieldError).join(', '))
  return { defaults, exemptions: { usernames, namespaces, runtimeClasses } }
}

function listErrors(values: readonly string[], at: Path, problemsOf: (value: string) => string[]): FieldError[] {
  return values.flatMap((value, index) => {
    const problems = problemsOf(value)
    if (problems.length > 0) return [at.index(index).invalid(value, problems.join(', '))]
    return values.indexOf(value) < index ? [at.index(index).duplicate(value)] : []
  })
}
