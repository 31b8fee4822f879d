/** Defaults of pods and pod templates that depend on more than one field (upstream `core/v1/defaults.go`, `conversion.go`). */
import type { PodParts } from '#api/core/v1/pod.ts'
import { aggregateLimits, aggregateRequests, isHugePages, isPodLevelResource, mayOvercommit } from '#api/core/v1/pod-resources.ts'
import type { PodSpec, PodTemplateSpec } from '#api/core/v1/pod-spec.ts'
import type { ResourceRequirements } from '#api/core/v1/resources.ts'
import { canonicalQuantity, milliValue } from '#schema/quantity.ts'

type Quantities = Record<string, string>

/** What a Pod gets and a template does not: the object is where these defaults show. */
export function defaultPod(pod: PodParts): void {
  const { spec, status } = pod
  defaultPodSpec(spec)
  for (const container of [...spec.containers, ...(spec.initContainers ?? [])]) requestWhatIsLimited(container.resources)
  defaultPodLevelResources(spec)
  spec.enableServiceLinks ??= true
  if (spec.hostNetwork) publishOnHost(spec)
  if (spec.terminationGracePeriodSeconds < 0) spec.terminationGracePeriodSeconds = 1
  dropAnnotations(pod.metadata)
  // podIP is the older spelling of podIPs[0], and wins where both are sent.
  if (status.podIP && status.podIPs?.[0]?.ip !== status.podIP) status.podIPs = [{ ip: status.podIP }]
  const [first] = status.podIPs ?? []
  if (first && status.podIP !== first.ip) status.podIP = first.ip
}

export function defaultPodTemplate(template: PodTemplateSpec): void {
  defaultPodSpec(template.spec)
  dropAnnotations(template.metadata)
}

/** Runs wherever a PodSpec stands. */
export function defaultPodSpec(spec: PodSpec): void {
  for (const volume of spec.volumes ?? []) {
    const { name, ...source } = volume
    if (Object.values(source).every((value) => value === undefined)) volume.emptyDir = {}
    if (volume.image) volume.image.pullPolicy ||= pullPolicyFor(volume.image.reference)
    const claim = volume.ephemeral?.volumeClaimTemplate?.spec.resources
    if (claim) roundUp(claim.limits, claim.requests)
  }
  for (const container of [...spec.containers, ...(spec.initContainers ?? []), ...(spec.ephemeralContainers ?? [])]) {
    container.imagePullPolicy ||= pullPolicyFor(container.image)
    roundUp(container.resources.limits, container.resources.requests)
  }
  roundUp(spec.overhead, spec.resources?.limits, spec.resources?.requests)
  const account = spec.serviceAccountName || spec.serviceAccount
  if (account) {
    if (spec.serviceAccountName !== account) spec.serviceAccountName = account
    if (spec.serviceAccount !== account) spec.serviceAccount = account
  }
}

/** Always for `:latest` and for no tag at all, as what stands behind them moves. */
export function pullPolicyFor(image: string | undefined): 'Always' | 'IfNotPresent' {
  const tag = tagOf(image ?? '')
  return tag === 'latest' ? 'Always' : 'IfNotPresent'
}

const reference =
  /^(?:(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?\/)?[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*(?::(?<tag>\w[\w.-]{0,127}))?(?:@(?<digest>[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?$/

/** The tag that an image reference names; '' for a digest alone, and for a reference that does not parse. */
function tagOf(image: string): string {
  if (/^[a-f0-9]{64}$/.test(image)) return ''
  const match = reference.exec(image)
  if (!match) return ''
  return match.groups?.tag ?? (match.groups?.digest ? '' : 'latest')
}

/** Only for pods: in a template the missing request must stay missing. */
function requestWhatIsLimited(resources: ResourceRequirements): void {
  const { limits = {}, requests = {} } = resources
  if (Object.keys(limits).some((name) => requests[name] === undefined)) resources.requests = { ...limits, ...requests }
}

/** KEP-2837: what a pod as a whole requests follows its containers, then its own limits. */
function defaultPodLevelResources(spec: PodSpec): void {
  const { resources } = spec
  if (!resources) return
  const limits: Quantities = { ...resources.limits }
  const requests: Quantities = { ...resources.requests }
  if (Object.keys(limits).length === 0 && Object.keys(requests).length === 0) return
  const knownLimits = Object.keys(limits).length
  const knownRequests = Object.keys(requests).length

  for (const [name, limit] of Object.entries(aggregateLimits(spec))) {
    if (isHugePages(name) && !Object.hasOwn(requests, name)) limits[name] ??= limit
  }
  if (Object.keys(limits).length === 0) return
  if (Object.keys(limits).length > knownLimits) resources.limits = limits

  for (const [name, request] of Object.entries(aggregateRequests(spec))) {
    if (isPodLevelResource(name) && mayOvercommit(name)) requests[name] ??= request
  }
  for (const [name, limit] of Object.entries(limits)) {
    if (isPodLevelResource(name)) requests[name] ??= limit
  }
  if (Object.keys(requests).length > knownRequests) resources.requests = requests
}

function publishOnHost(spec: PodSpec): void {
  for (const container of [...spec.containers, ...(spec.initContainers ?? [])]) {
    for (const port of container.ports ?? []) port.hostPort ||= port.containerPort
  }
}

/** Quantities are kept to the thousandth; anything finer is rounded up. */
export function roundUp(...lists: (Quantities | undefined)[]): void {
  for (const list of lists) {
    for (const [name, value] of Object.entries(list ?? {})) {
      if (/[nu]$|\.\d{4,}|e-/i.test(value)) list![name] = canonicalQuantity(`${milliValue(value)}m`)
    }
  }
}

/** Where init containers stood in Kubernetes 1.4; old clients still send them back. */
const initContainerAnnotations = ['init-containers', 'init-container-statuses'].flatMap((name) => [
  `pod.beta.kubernetes.io/${name}`,
  `pod.alpha.kubernetes.io/${name}`,
])

function dropAnnotations(metadata: { annotations?: Record<string, string> | undefined }): void {
  for (const name of initContainerAnnotations) delete metadata.annotations?.[name]
}
