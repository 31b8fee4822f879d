/**
 * What two structs differ in, as upstream appends it to errors: a unified diff of the JSON of its internal types, whose
 * fields have Go's names and are always present.
 */
import type { Node, ObjectNode, Schema } from '#schema/words.ts'

export function structDiff<T>(schema: Schema<T>, a: T, b: T): string {
  return unifiedDiff(linesOf(schema as unknown as Node, a), linesOf(schema as unknown as Node, b))
}

function linesOf(schema: Node, value: unknown): string[] {
  return JSON.stringify(internal(schema, value), undefined, 1).split('\n')
}

/** Names that Go writes in another way than with a capital first letter. */
const goNames: Readonly<Record<string, string>> = {
  seLinuxOptions: 'SELinuxOptions',
  seLinuxChangePolicy: 'SELinuxChangePolicy',
  httpGet: 'HTTPGet',
  httpHeaders: 'HTTPHeaders',
  tcpSocket: 'TCPSocket',
  grpc: 'GRPC',
  tty: 'TTY',
  os: 'OS',
  ip: 'IP',
  fsGroup: 'FSGroup',
  fsGroupChangePolicy: 'FSGroupChangePolicy',
  apiVersion: 'APIVersion',
  apiGroup: 'APIGroup',
  dnsPolicy: 'DNSPolicy',
  dnsConfig: 'DNSConfig',
  nfs: 'NFS',
  iscsi: 'ISCSI',
  rbd: 'RBD',
  cephfs: 'CephFS',
  fc: 'FC',
  csi: 'CSI',
  awsElasticBlockStore: 'AWSElasticBlockStore',
  gcePersistentDisk: 'GCEPersistentDisk',
  storageos: 'StorageOS',
}

/** Fields that Go's internal structs have in another order than the versioned ones, or elsewhere. */
const goOrder: Readonly<Record<string, readonly string[]>> = {
  'io.k8s.api.core.v1.PodSpec': [
    'volumes initContainers containers ephemeralContainers restartPolicy terminationGracePeriodSeconds',
    'activeDeadlineSeconds dnsPolicy nodeSelector serviceAccountName automountServiceAccountToken nodeName securityContext',
    'imagePullSecrets hostname subdomain setHostnameAsFQDN affinity schedulerName tolerations hostAliases priorityClassName',
    'priority preemptionPolicy dnsConfig readinessGates runtimeClassName overhead enableServiceLinks',
    'topologySpreadConstraints os schedulingGates resourceClaims resources hostnameOverride schedulingGroup',
  ],
  'io.k8s.api.core.v1.Volume': [
    'name hostPath emptyDir gcePersistentDisk awsElasticBlockStore gitRepo secret nfs iscsi glusterfs persistentVolumeClaim',
    'rbd quobyte flexVolume cinder cephfs flocker downwardAPI fc azureFile configMap vsphereVolume azureDisk',
    'photonPersistentDisk projected portworxVolume scaleIO storageos csi ephemeral image',
  ],
  'io.k8s.api.core.v1.PodSecurityContext': [
    'seLinuxOptions windowsOptions runAsUser runAsGroup runAsNonRoot supplementalGroups supplementalGroupsPolicy fsGroup',
    'fsGroupChangePolicy sysctls seccompProfile appArmorProfile seLinuxChangePolicy',
  ],
}

function internal(schema: Node, value: unknown): unknown {
  if (schema.type === 'list') return value === undefined ? null : (value as unknown[]).map((item) => internal(schema.items, item))
  if (schema.type === 'map') return value === undefined ? null : sortedRecord(value as Record<string, unknown>)
  if (schema.type !== 'object') return value
  const held = value as Record<string, unknown>
  const names = goOrder[schema.name]?.flatMap((line) => line.split(' ')) ?? Object.keys(schema.fields)
  const entries = names.map((name) => [goNames[name] ?? name[0]!.toUpperCase() + name.slice(1), shown(schema, name, held[name])])
  const struct = Object.fromEntries(entries)
  if (schema.name === 'io.k8s.api.core.v1.PodSpec') struct.SecurityContext = { ...hostFields(held), ...struct.SecurityContext }
  return struct
}

function shown({ fields }: ObjectNode, name: string, value: unknown): unknown {
  const field = fields[name]
  if (!field) return null
  const isSingle = field.schema.type !== 'list' && field.schema.type !== 'map'
  return value === undefined && isSingle ? absent(field.schema, field.presence) : internal(field.schema, value)
}

/** Internally these belong to the pod's security context. */
function hostFields(spec: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return {
    HostNetwork: spec.hostNetwork ?? false,
    HostPID: spec.hostPID ?? false,
    HostIPC: spec.hostIPC ?? false,
    ShareProcessNamespace: spec.shareProcessNamespace ?? null,
    HostUsers: spec.hostUsers ?? null,
  }
}

function absent(schema: Node, presence: string): unknown {
  if (presence === 'pointer' || schema.type === 'object') return null
  if (schema.type === 'boolean') return false
  return schema.type === 'int32' || schema.type === 'int64' ? 0 : ''
}

function sortedRecord(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)))
}

type Edit = { readonly sign: ' ' | '-' | '+'; readonly line: string }

/** Three lines of context around each change, as `diff -u` prints it. */
export function unifiedDiff(a: readonly string[], b: readonly string[], context = 3): string {
  const edits = editsBetween(a, b)
  const changed = edits.flatMap(({ sign }, index) => (sign === ' ' ? [] : [index]))
  const hunks: [number, number][] = []
  for (const index of changed) {
    const last = hunks.at(-1)
    const [from, to] = [Math.max(0, index - context), Math.min(edits.length, index + context + 1)]
    if (last && from <= last[1]) last[1] = to
    else hunks.push([from, to])
  }
  return hunks.map(([from, to]) => hunk(edits, from, to)).join('')
}

function hunk(edits: readonly Edit[], from: number, to: number): string {
  const count = (slice: readonly Edit[], sign: '-' | '+') =>
    slice.filter((edit) => edit.sign === ' ' || edit.sign === sign).length
  const before = edits.slice(0, from)
  const inside = edits.slice(from, to)
  const range = (sign: '-' | '+') => {
    const length = count(inside, sign)
    const start = count(before, sign) + (length === 0 ? 0 : 1)
    return length === 1 ? `${sign}${start}` : `${sign}${start},${length}`
  }
  return `@@ ${range('-')} ${range('+')} @@\n${inside.map(({ sign, line }) => `${sign}${line}\n`).join('')}`
}

/** Common ends are cut off first; what lies between is small, and compared by longest common subsequence. */
function editsBetween(a: readonly string[], b: readonly string[]): Edit[] {
  let start = 0
  while (start < a.length && start < b.length && a[start] === b[start]) start++
  let end = 0
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end++
  const same = (line: string): Edit => ({ sign: ' ', line })
  return [
    ...a.slice(0, start).map(same),
    ...middle(a.slice(start, a.length - end), b.slice(start, b.length - end)),
    ...a.slice(a.length - end).map(same),
  ]
}

function middle(a: readonly string[], b: readonly string[]): Edit[] {
  const longest = Array.from({ length: a.length + 1 }, () => new Int32Array(b.length + 1))
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const skip = Math.max(longest[i + 1]![j]!, longest[i]![j + 1]!)
      longest[i]![j] = a[i] === b[j] ? longest[i + 1]![j + 1]! + 1 : skip
    }
  }
  const edits: Edit[] = []
  let [i, j] = [0, 0]
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      edits.push({ sign: ' ', line: a[i++]! })
      j++
    } else if (j >= b.length || (i < a.length && longest[i + 1]![j]! >= longest[i]![j + 1]!)) {
      edits.push({ sign: '-', line: a[i++]! })
    } else {
      edits.push({ sign: '+', line: b[j++]! })
    }
  }
  return edits
}
