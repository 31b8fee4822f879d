/** PodSecurityConfiguration (`pod-security.admission.config.k8s.io`): defaults for namespaces without labels, and who is exempt. */
import { type FieldError, formatFieldError, type Path, root } from '#schema/field-error.ts'
import { isDns1123Label, isDns1123Subdomain } from '#schema/formats.ts'
import { list, string } from '#schema/words.ts'
import { ConfigurationReader, struct } from '../../config-file.ts'
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

const reader = new ConfigurationReader({
  kind: 'PodSecurityConfiguration',
  apiVersions: ['v1', 'v1beta1', 'v1alpha1'].map((version) => `pod-security.admission.config.k8s.io/${version}`),
  scheme: 'k8s.io/pod-security-admission/admission/api/scheme/scheme.go:31',
  fields: {
    defaults: struct('PodSecurityDefaults', {
      ...{ enforce: string(), 'enforce-version': string(), audit: string(), 'audit-version': string() },
      ...{ warn: string(), 'warn-version': string() },
    }),
    exemptions: struct('PodSecurityExemptions', {
      ...{ usernames: list(string()), namespaces: list(string()), runtimeClasses: list(string()) },
    }),
  },
})

interface Given {
  readonly defaults?: Readonly<Record<string, string>>
  readonly exemptions?: Partial<Exemptions>
}

/** Throws with the texts of upstream's validation; undefined is what stands where nothing is configured. */
export function readPodSecurityConfiguration(configuration: unknown): PodSecuritySettings {
  const read = configuration === undefined ? {} : reader.readValue<Given>(configuration)
  const given = read.defaults ?? {}
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
  const { usernames = [], namespaces = [], runtimeClasses = [] } = read.exemptions ?? {}
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
