/** PodSecurity: holds pods to the level that their namespace asks for (KEP-2579, upstream `pod-security-admission/admission`). */
import { Namespace } from '#api/core/v1/namespace.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { invalid, StatusError } from '#schema/status-error.ts'
import type { AdmissionContext, AdmissionPlugin, AdmissionRequest } from './plugin.ts'
import { allContainers } from './pod-security/check.ts'
import { type Exemptions, type PodSecuritySettings, readPodSecurityConfiguration } from './pod-security/configuration.ts'
import {
  compareLevels,
  detailsText,
  findings,
  type LevelVersion,
  labelPrefix,
  levelText,
  type Policy,
  policyOf,
  reasonsText,
} from './pod-security/levels.ts'
import { refuse } from './refuse.ts'

/** `configuration` is a PodSecurityConfiguration. */
export function podSecurityWith(configuration: unknown): AdmissionPlugin {
  const settings = readPodSecurityConfiguration(configuration)
  return {
    name: 'PodSecurity',
    handles: ({ operation, kind }) =>
      (operation === 'CREATE' || operation === 'UPDATE') &&
      templates.has(kind.group ? `${kind.plural}.${kind.group}` : kind.plural),
    validate(request, context) {
      const visit = { request, context, settings }
      if (request.kind.plural === 'namespaces') return checkNamespace(visit)
      return request.kind.plural === 'pods' ? checkPod(visit) : checkWorkload(visit)
    },
  }
}

export const podSecurity: AdmissionPlugin = podSecurityWith(undefined)

interface Visit {
  readonly request: AdmissionRequest
  readonly context: AdmissionContext
  readonly settings: PodSecuritySettings
}

type Template = Pick<Pod, 'spec'> & { metadata?: Pod['metadata'] | undefined }

/** Where the pod stands in the objects that have one. */
const templates: ReadonlyMap<string, (object: any) => Template | undefined> = new Map([
  ['namespaces', () => undefined],
  ['pods', (pod) => pod],
  ['podtemplates', ({ template }) => template],
  ...['replicationcontrollers', 'replicasets.apps', 'deployments.apps', 'statefulsets.apps', 'daemonsets.apps', 'jobs.batch'].map(
    (name) => [name, ({ spec }: any) => spec?.template] as const,
  ),
  ['cronjobs.batch', ({ spec }) => spec?.jobTemplate?.spec?.template],
])

const quiet = new Set(['exec', 'attach', 'binding', 'eviction', 'log', 'portforward', 'proxy', 'status'])

function checkPod(visit: Visit): void {
  const { request } = visit
  if (quiet.has(request.subresource) || isExempt(visit)) return
  const namespace = visit.context.lister.get(Namespace, request.namespace)
  if (!namespace) {
    const why = `failed to lookup namespace ${JSON.stringify(request.namespace)}`
    note(request, 'error', why)
    throw new StatusError('InternalError', `Internal error occurred: ${why}`, { details: { causes: [{ message: why }] } })
  }
  const asked = policyOf(namespace.metadata.labels, visit.settings.defaults)
  if (asked.errors.length === 0 && isPrivileged(asked.policy)) return note(request, 'enforce-policy', 'privileged:latest')
  if (request.operation === 'UPDATE' && !changesImages(request.object, request.old)) return
  evaluate(visit, request.object, { ...asked, enforces: true })
}

function checkWorkload(visit: Visit): void {
  const { request, context, settings } = visit
  if (request.subresource || isExempt(visit)) return
  const namespace = context.lister.get(Namespace, request.namespace)
  if (!namespace) return
  const asked = policyOf(namespace.metadata.labels, settings.defaults)
  const { warn, audit } = asked.policy
  if (asked.errors.length === 0 && warn.level === 'privileged' && audit.level === 'privileged') return
  const { group, plural } = request.kind
  const template = templates.get(group ? `${plural}.${group}` : plural)?.(request.object)
  if (template?.spec) evaluate(visit, template, { ...asked, enforces: false })
}

function isExempt({ request, settings }: Visit): boolean {
  const { namespaces, usernames } = settings.exemptions
  const reason = namespaces.includes(request.namespace) ? 'namespace' : usernames.includes(request.user.name) ? 'user' : undefined
  if (reason) note(request, 'exempt', reason)
  return reason !== undefined
}

interface Asked {
  readonly policy: Policy
  readonly errors: ReturnType<typeof policyOf>['errors']
  readonly enforces: boolean
}

function evaluate({ request, settings }: Visit, template: Template, { policy, errors, enforces }: Asked): void {
  if (hasExemptRuntime(template, settings.exemptions)) return note(request, 'exempt', 'runtimeClass')
  if (errors.length > 0) note(request, 'error', `Failed to parse policy: ${invalid(request.kind, '', errors).message}`)
  const would = (level: LevelVersion) => {
    const found = findings(level, template)
    return found.length === 0 ? undefined : `violate PodSecurity ${JSON.stringify(levelText(level))}: ${detailsText(found)}`
  }
  const audited = would(policy.audit)
  if (audited) note(request, 'audit-violations', `would ${audited}`)
  if (enforces) {
    note(request, 'enforce-policy', levelText(policy.enforce))
    const refused = would(policy.enforce)
    if (refused) throw refuse(request, refused.replace('violate', 'violates'))
  }
  const warned = would(policy.warn)
  if (warned) request.warn(`would ${warned}`)
}

function hasExemptRuntime({ spec }: Template, { runtimeClasses }: Exemptions): boolean {
  return Boolean(spec.runtimeClassName) && runtimeClasses.includes(spec.runtimeClassName as string)
}

function isPrivileged({ enforce, audit, warn }: Policy): boolean {
  return [enforce, audit, warn].every(({ level }) => level === 'privileged')
}

/** All else that counts cannot change in a pod. */
function changesImages(pod: Pod, old: Pod): boolean {
  const before = new Map(allContainers(old.spec).map(({ name, image }) => [name, image]))
  const now = allContainers(pod.spec)
  return (
    pod.spec.containers.length !== old.spec.containers.length ||
    (pod.spec.initContainers ?? []).length !== (old.spec.initContainers ?? []).length ||
    now.some(({ name, image }) => !before.has(name) || before.get(name) !== image)
  )
}

function note({ annotate }: AdmissionRequest, key: string, value: string): void {
  annotate?.(`${labelPrefix}${key}`, value)
}

function checkNamespace(visit: Visit): void {
  const { request, context, settings } = visit
  const { object, old, operation, kind, name, subresource } = request
  if (subresource) return
  const now = policyOf(object.metadata.labels, settings.defaults)
  const before = operation === 'UPDATE' ? policyOf(old.metadata.labels, settings.defaults) : undefined
  const isNews = !before || JSON.stringify(before.errors) !== JSON.stringify(now.errors)
  if (now.errors.length > 0 && isNews) throw invalid(kind, name, now.errors)
  const { enforce } = now.policy
  if (before) {
    const was = before.policy.enforce
    const isSame = enforce.level === was.level && enforce.version === was.version
    if (isSame || enforce.level === 'privileged') return
    if (enforce.version === was.version && compareLevels(enforce.level, was.level) < 1) return
  }
  if (settings.exemptions.namespaces.includes(object.metadata.name)) {
    const warning = exemptWarning(object, now.policy, settings.defaults)
    if (warning) request.warn(warning)
  } else if (before)
    for (const warning of podWarnings(enforce, { name: object.metadata.name, context, settings })) request.warn(warning)
}

function exemptWarning({ metadata }: Namespace, policy: Policy, defaults: Policy): string | undefined {
  const isSame = (a: LevelVersion, b: LevelVersion) =>
    (a.level === 'privileged' && b.level === 'privileged') || (a.level === b.level && a.version === b.version)
  const modes = ['enforce', 'audit', 'warn'] as const
  if (isPrivileged(policy) || modes.every((mode) => isSame(policy[mode], defaults[mode]))) return undefined
  const labels = metadata.labels ?? {}
  const told = modes
    .filter((mode) => policy[mode].level !== 'privileged' && [mode, `${mode}-version`].some((key) => labelPrefix + key in labels))
    .map((mode) => `${mode}=${levelText(policy[mode])}`)
  const name = JSON.stringify(metadata.name)
  return `namespace ${name} is exempt from Pod Security, and the policy (${told.join(', ')}) will be ignored`
}

/** Upstream's `defaultNamespaceMaxPodsToCheck`. */
const mostPods = 3000

/** Which pods that run already would not be let in any more; one of each controller's first. */
function podWarnings(enforce: LevelVersion, { name, context, settings }: { name: string } & Omit<Visit, 'request'>): string[] {
  const seen = new Set<string>()
  const repeated: Pod[] = []
  const first: Pod[] = []
  for (const pod of context.lister.list(Pod, name)) {
    if (hasExemptRuntime(pod, settings.exemptions)) continue
    const owner = pod.metadata.ownerReferences?.find(({ controller }) => controller)?.uid
    if (owner !== undefined && seen.has(owner)) repeated.push(pod)
    else first.push(pod)
    if (owner !== undefined) seen.add(owner)
  }
  const pods = [...first, ...repeated]
  const checked = pods.slice(0, mostPods)
  const found = new Map<string, string[]>()
  for (const pod of checked) {
    const reasons = reasonsText(findings(enforce, pod))
    if (reasons) found.set(reasons, [...(found.get(reasons) ?? []), pod.metadata.name])
  }
  const warnings: string[] = []
  if (checked.length < pods.length) {
    warnings.push(
      `new PodSecurity enforce level only checked against the first ${checked.length} of ${pods.length} existing pods`,
    )
  }
  if (found.size > 0) {
    const level = JSON.stringify(levelText(enforce))
    warnings.push(`existing pods in namespace ${JSON.stringify(name)} violate the new PodSecurity enforce level ${level}`)
  }
  const told = [...found].map(([reasons, names]) => {
    const others = names.length - 1
    const more = others === 0 ? '' : ` (and ${others} other pod${others === 1 ? '' : 's'})`
    return `${names.toSorted()[0]}${more}: ${reasons}`
  })
  return [...warnings, ...told.sort()]
}
