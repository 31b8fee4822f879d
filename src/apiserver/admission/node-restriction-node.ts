/** What a node may say about itself: neither labels nor taints that would draw pods to it (KEP-279). */
import { sameMap } from './node-restriction.ts'
import type { AdmissionRequest } from './plugin.ts'
import { refuse } from './refuse.ts'

export function checkNodeObject(node: string, request: AdmissionRequest): void {
  const { operation, object, old } = request
  const name = request.name || object?.metadata?.name
  const deny = (what: string) => refuse(request, `node ${JSON.stringify(node)} is not allowed to ${what}`)
  if (name !== node) throw deny(`modify node ${JSON.stringify(name ?? '')}`)
  if (operation === 'CREATE') {
    if (object.spec?.configSource) throw deny('create pods with a non-nil configSource')
    const labels = forbiddenLabels(object.metadata.labels, {})
    if (labels.length > 0) throw deny(`set the following labels: ${labels.join(', ')}`)
  }
  if (operation !== 'UPDATE') return
  const { configSource } = object.spec ?? {}
  if (configSource && !same(configSource, old.spec?.configSource)) throw deny('update configSource to a new non-nil configSource')
  if (!same(object.spec?.taints ?? [], old.spec?.taints ?? [])) throw deny('modify taints')
  if (!same(object.metadata.ownerReferences ?? [], old.metadata.ownerReferences ?? [])) throw deny('modify ownerReferences')
  const labels = forbiddenLabels(object.metadata.labels, old.metadata.labels)
  if (labels.length > 0) throw refuse(request, `is not allowed to modify labels: ${labels.join(', ')}`)
}

/** Both sides come decoded by one schema, so their fields stand in one order. */
function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

const ownLabels = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/os',
  'kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/arch',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
  'node.kubernetes.io/instance-type',
  'beta.kubernetes.io/instance-type',
])
const ownNamespaces = ['kubelet.kubernetes.io', 'node.kubernetes.io']

/** Labels that differ and are not the node's to set, sorted. */
function forbiddenLabels(now: Record<string, string> = {}, before: Record<string, string> = {}): string[] {
  if (sameMap(now, before)) return []
  const changed = [...new Set([...Object.keys(now), ...Object.keys(before)])].filter((key) => now[key] !== before[key])
  return changed.filter(isForbidden).sort()
}

function isForbidden(key: string): boolean {
  const namespace = key.includes('/') ? key.slice(0, key.indexOf('/')) : ''
  const within = (domain: string) => namespace === domain || namespace.endsWith(`.${domain}`)
  if (within('node-restriction.kubernetes.io')) return true
  if (!within('kubernetes.io') && !within('k8s.io')) return false
  return !ownLabels.has(key) && !ownNamespaces.some(within)
}
