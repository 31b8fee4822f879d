/** What clients are warned of when they write pods and templates of pods (upstream `pkg/api/pod/warnings.go`). */
import type { PodAffinity } from '#api/core/v1/affinity.ts'
import type { Container, ContainerPort } from '#api/core/v1/container.ts'
import type { EnvVar } from '#api/core/v1/env.ts'
import type { PodParts } from '#api/core/v1/pod.ts'
import type { PodSpec, PodTemplateSpec } from '#api/core/v1/pod-spec.ts'
import { type Path, root } from '#schema/field-error.ts'
import { isDns1123Label } from '#schema/formats.ts'
import { ipWarnings } from '#schema/ip-warnings.ts'
import { nodeLabelAdvice, nodeLabelWarnings, nodeTermWarnings } from './node-label-warnings.ts'
import { fractionWarnings } from './quantity-warnings.ts'
import { eachContainer } from './validation/each-container.ts'
import { volumeListWarnings } from './volume-warnings.ts'

/** Addresses that others could read otherwise (upstream `podStatusStrategy`). */
export function podStatusWarnings({ status }: Pick<PodParts, 'status'>): string[] {
  const { podIPs = [], hostIPs = [] } = status
  const here = root.child('status')
  return [
    ...podIPs.flatMap(({ ip }, index) => ipWarnings(ip ?? '', here.child('podIPs').index(index).child('ip'))),
    ...hostIPs.flatMap(({ ip }, index) => ipWarnings(ip ?? '', here.child('hostIPs').index(index).child('ip'))),
  ]
}

/** Of a new pod alone: people seldom change pods themselves. */
export function podWarnings({ metadata, spec }: PodParts, old: PodParts | undefined): string[] {
  if (old) return []
  const messages = isDns1123Label(metadata.name)
  const name = "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior"
  const advice = messages.length > 0 ? [`${name}; a DNS label is recommended: [${messages.join(' ')}]`] : []
  return [...advice, ...warningsOf({ metadata, spec, at: root, isTemplate: false })]
}

export function podTemplateWarnings({ metadata, spec }: PodTemplateSpec, at: Path): string[] {
  return warningsOf({ metadata, spec, at, isTemplate: true })
}

/** Owner of pods: its name becomes part of theirs, which should be labels. */
export function podOwnerNameWarnings(name: string): string[] {
  const messages = isDns1123Label(name)
  if (messages.length === 0) return []
  const advice = 'this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended'
  return [`metadata.name: ${advice}: [${messages.join(' ')}]`]
}

interface Owner {
  readonly metadata: { readonly name: string; readonly generation?: number | undefined }
  readonly spec: { readonly template?: PodTemplateSpec | undefined }
}

/** Of a workload: its name where that matters, and its template, when it is new or what is wanted changed. */
export function workloadWarnings({ metadata, spec }: Owner, old: Owner | undefined, checksName: boolean): string[] {
  if (old && old.metadata.generation === metadata.generation) return []
  const name = old || !checksName ? [] : podOwnerNameWarnings(metadata.name)
  return spec.template ? [...name, ...podTemplateWarnings(spec.template, root.child('spec', 'template'))] : name
}

interface Subject {
  readonly metadata: { readonly annotations?: Annotations | undefined }
  readonly spec: PodSpec
  readonly at: Path
  readonly isTemplate: boolean
}

/** Nearly all pods deserve none: what is not there costs nothing. */
function warningsOf(subject: Subject): string[] {
  const { metadata, spec, at } = subject
  const { affinity, dnsConfig, hostAliases, imagePullSecrets, overhead, volumes } = spec
  const here = at.child('spec')
  const containers = eachContainer(spec, here)
  const warnings: string[] = []
  if (spec.nodeSelector || affinity?.nodeAffinity || spec.topologySpreadConstraints)
    warnings.push(...placementWarnings(spec, here))
  if (metadata.annotations) warnings.push(...annotationWarnings(metadata.annotations, at))
  if (volumes) warnings.push(...volumeListWarnings(volumes, here.child('volumes')))
  if (hostAliases || imagePullSecrets) warnings.push(...repeatedWarnings(spec, here))
  if (overhead) warnings.push(...fractionWarnings(overhead, here.child('overhead')))
  if (metadata.annotations) warnings.push(...profileWarnings(subject, metadata.annotations))
  for (const { container, here } of containers) {
    const { resources, env } = container
    if (resources?.limits) warnings.push(...fractionWarnings(resources.limits, here.child('resources', 'limits')))
    if (resources?.requests) warnings.push(...fractionWarnings(resources.requests, here.child('resources', 'requests')))
    if (env) warnings.push(...variableWarnings(env, here.child('env')))
  }
  if (containers.some(({ container }) => container.ports))
    warnings.push(...portWarnings(containers), ...portNameWarnings(containers))
  if (spec.terminationGracePeriodSeconds < 0) {
    const text = 'must be >= 0; negative values are invalid and will be treated as 1'
    warnings.push(`${here.child('terminationGracePeriodSeconds')}: ${text}`)
  }
  for (const name of ['podAffinity', 'podAntiAffinity'] as const) {
    if (affinity?.[name]) warnings.push(...affinityWarnings(affinity[name], here.child('affinity', name)))
  }
  for (const [index, ip] of (dnsConfig?.nameservers ?? []).entries()) {
    warnings.push(...ipWarnings(ip, here.child('dnsConfig', 'nameservers').index(index)))
  }
  for (const [index, { ip }] of (hostAliases ?? []).entries()) {
    warnings.push(...ipWarnings(ip, here.child('hostAliases').index(index).child('ip')))
  }
  return warnings
}

type Annotations = Readonly<Record<string, string>>

function annotationWarnings(annotations: Annotations, at: Path): string[] {
  return retiredAnnotations.flatMap(([key, advice]) =>
    annotations[key] === undefined ? [] : [`${at.child('metadata', 'annotations').key(key)}: ${advice}`],
  )
}

const retiredAnnotations = [
  ['scheduler.alpha.kubernetes.io/critical-pod', 'non-functional in v1.16+; use the "priorityClassName" field instead'],
  ['security.alpha.kubernetes.io/sysctls', 'non-functional in v1.11+; use the "sysctls" field instead'],
  ['security.alpha.kubernetes.io/unsafe-sysctls', 'non-functional in v1.11+; use the "sysctls" field instead'],
] as const

const noSelector = 'a null labelSelector results in matching no pod'

function placementWarnings({ nodeSelector, affinity, topologySpreadConstraints = [] }: PodSpec, at: Path): string[] {
  const node = affinity?.nodeAffinity
  const terms = node?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []
  const preferred = node?.preferredDuringSchedulingIgnoredDuringExecution ?? []
  const nodeAt = at.child('affinity', 'nodeAffinity')
  const termsAt = nodeAt.child('requiredDuringSchedulingIgnoredDuringExecution', 'nodeSelectorTerms')
  const preferredAt = nodeAt.child('preferredDuringSchedulingIgnoredDuringExecution')
  return [
    ...nodeLabelWarnings(nodeSelector, (label) => at.child('nodeSelector').key(label)),
    ...terms.flatMap((term, index) => nodeTermWarnings(term, termsAt.index(index), false)),
    ...preferred.flatMap(({ preference }, index) =>
      nodeTermWarnings(preference, preferredAt.index(index).child('preference'), true),
    ),
    ...topologySpreadConstraints.flatMap(({ topologyKey, labelSelector }, index) => {
      const here = at.child('topologySpreadConstraints').index(index)
      const advice = nodeLabelAdvice(topologyKey)
      return [
        ...(advice ? [`${here.child('topologyKey')}: ${topologyKey} is ${advice}`] : []),
        ...(labelSelector ? [] : [`${here.child('labelSelector')}: ${noSelector}`]),
      ]
    }),
  ]
}

function affinityWarnings(affinity: PodAffinity, at: Path): string[] {
  const required = affinity.requiredDuringSchedulingIgnoredDuringExecution ?? []
  const preferred = affinity.preferredDuringSchedulingIgnoredDuringExecution ?? []
  const requiredAt = at.child('requiredDuringSchedulingIgnoredDuringExecution')
  const preferredAt = at.child('preferredDuringSchedulingIgnoredDuringExecution')
  return [
    ...required.flatMap(({ labelSelector }, index) =>
      labelSelector ? [] : [`${requiredAt.index(index).child('labelSelector')}: ${noSelector}`],
    ),
    ...preferred.flatMap(({ podAffinityTerm }, index) =>
      podAffinityTerm.labelSelector
        ? []
        : [`${preferredAt.index(index).child('podAffinityTerm', 'labelSelector')}: ${noSelector}`],
    ),
  ]
}

/** Lists that patches merge by a key, which therefore should stand there once. */
function repeatedWarnings({ hostAliases = [], imagePullSecrets = [] }: PodSpec, at: Path): string[] {
  const secretAt = (index: number) => at.child('imagePullSecrets').index(index).child('name')
  const repeated = <T>(list: readonly T[], keyOf: (item: T) => string, warning: (key: string, index: number) => string) =>
    list.flatMap((item, index) => {
      const key = keyOf(item)
      return list.findIndex((other) => keyOf(other) === key) < index ? [warning(key, index)] : []
    })
  return [
    ...repeated(
      hostAliases,
      ({ ip }) => ip,
      (ip, index) => `${at.child('hostAliases').index(index).child('ip')}: duplicate ip ${JSON.stringify(ip)}`,
    ),
    ...repeated(
      imagePullSecrets,
      ({ name = '' }) => name,
      (name, index) => `${secretAt(index)}: duplicate name ${JSON.stringify(name)}`,
    ),
    ...imagePullSecrets.flatMap(({ name }, index) => (name ? [] : [`${secretAt(index)}: invalid empty name ""`])),
  ]
}

const seccompPod = 'seccomp.security.alpha.kubernetes.io/pod'
const seccompContainer = 'container.seccomp.security.alpha.kubernetes.io/'
const appArmorContainer = 'container.apparmor.security.beta.kubernetes.io/'

const profileKey = /^(?:container\.)?(?:seccomp\.security\.alpha|apparmor\.security\.beta)\.kubernetes\.io\//

/** Annotations that fields have replaced. An AppArmor annotation of a pod has become the field by now. */
function profileWarnings({ spec, at, isTemplate }: Subject, annotations: Annotations): string[] {
  if (!Object.keys(annotations).some((key) => profileKey.test(key))) return []
  const keyAt = (key: string) => at.child('metadata', 'annotations').key(key)
  const retired = (key: string) => `${keyAt(key)}: non-functional in v1.27+; use the "seccompProfile" field instead`
  const ofPod = !spec.securityContext.seccompProfile && annotations[seccompPod] !== undefined ? [retired(seccompPod)] : []
  return [
    ...ofPod,
    ...eachContainer(spec, at).flatMap(({ container: { name, securityContext } }) => {
      const [seccomp, appArmor] = [seccompContainer + name, appArmorContainer + name]
      const hasAppArmor = spec.securityContext.appArmorProfile ?? securityContext?.appArmorProfile
      const isReplaced = annotations[appArmor] !== undefined && (!isTemplate || !hasAppArmor)
      return [
        ...(annotations[seccomp] !== undefined && !securityContext?.seccompProfile ? [retired(seccomp)] : []),
        ...(isReplaced ? [`${keyAt(appArmor)}: deprecated since v1.30; use the "appArmorProfile" field instead`] : []),
      ]
    }),
  ]
}

function variableWarnings(variables: readonly EnvVar[], at: Path): string[] {
  if (variables.length < 2) return []
  const seen = new Set<string>()
  return variables.flatMap(({ name, value = '', valueFrom }, index) => {
    if (!seen.has(name)) {
      seen.add(name)
      return []
    }
    // A value that builds on the one before is as it should be.
    const reference = `$(${name})`
    if (!valueFrom && value !== reference && value.includes(reference)) return []
    const warning = `hides previous definition of ${JSON.stringify(name)}, which may be dropped when using apply`
    return [`${at.index(index)}: ${warning}`]
  })
}

type Containers = readonly { readonly container: Container; readonly here: Path }[]

/** More than clients are told of in all (`apiserver/warnings.ts`); each port may collide with every other. */
const maxPortWarnings = 1_000

interface Placed {
  readonly number: number
  readonly port: ContainerPort
  readonly at: Path
}

function portWarnings(containers: Containers): string[] {
  const seen = new Map<string, Placed[]>()
  const warnings: string[] = []
  let number = 0
  for (const { container, here } of containers) {
    for (const [index, port] of (container.ports ?? []).entries()) {
      if (warnings.length > maxPortWarnings) return warnings
      const placed = { number: number++, port, at: here.child('ports').index(index) }
      if (port.hostIP && !port.hostPort) warnings.push(`${placed.at}: hostIP set without hostPort: ${portText(port)}`)
      for (const { other, problem } of collisions(seen, placed)) {
        warnings.push(`${placed.at}: ${problem} port definition with ${other.at}`)
      }
      for (const key of keysOf(port)) {
        const same = seen.get(key)
        if (same) same.push(placed)
        else seen.set(key, [placed])
      }
    }
  }
  return warnings
}

/** Where a port is found by those that may collide with it. */
function keysOf({ containerPort, protocol, hostPort = 0, hostIP = '' }: ContainerPort): string[] {
  const own = `${containerPort}/${protocol}`
  return [own, `${own} ${hostPort}`, `${own} ${hostPort} ${hostIP}`]
}

/** In the order of the ports; looks only at those that collide. */
function collisions(seen: ReadonlyMap<string, readonly Placed[]>, { port }: Placed): { other: Placed; problem: string }[] {
  const { hostPort = 0, hostIP = '' } = port
  const [own = '', onHost = '', onAddress = ''] = keysOf(port)
  const found = (key: string) => (seen.get(key) ?? []).slice(0, maxPortWarnings)
  const others =
    hostPort === 0
      ? found(own)
      : [...found(`${own} 0`), ...(hostIP === '' ? found(onHost) : [...found(onAddress), ...found(`${onHost} `)])]
  return others
    .sort((one, other) => one.number - other.number)
    .flatMap((other) => {
      const problem = collision(port, other.port)
      return problem ? [{ other, problem }] : []
    })
}

function collision(one: ContainerPort, other: ContainerPort): string | undefined {
  const [host, otherHost] = [one.hostPort ?? 0, other.hostPort ?? 0]
  if ((one.hostIP ?? '') === (other.hostIP ?? '') && host === otherHost) return 'duplicate'
  if (host === 0 || otherHost === 0) return 'overlapping'
  return host === otherHost && !one.hostIP !== !other.hostIP ? 'dangerously ambiguous' : undefined
}

/** As Go prints the struct. */
function portText({ name = '', hostPort = 0, containerPort, protocol, hostIP = '' }: ContainerPort): string {
  return `{Name:${name} HostPort:${hostPort} ContainerPort:${containerPort} Protocol:${protocol} HostIP:${hostIP}}`
}

function portNameWarnings(containers: Containers): string[] {
  const seen = new Map<string, Path>()
  return containers.flatMap(({ container, here }) =>
    (container.ports ?? []).flatMap(({ name }, index) => {
      if (!name) return []
      const at = here.child('ports').index(index)
      const other = seen.get(name)
      if (!other) seen.set(name, at)
      const text = `duplicate port name ${JSON.stringify(name)} with ${other}`
      return other ? [`${at}: ${text}, services and probes that select ports by name will use ${other}`] : []
    }),
  )
}
