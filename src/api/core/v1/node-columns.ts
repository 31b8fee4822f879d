/** What `kubectl get nodes` shows (upstream `printNode`). */
import type { NodeParts } from '#api/core/v1/node.ts'
import { age, type Column } from '#schema/kind.ts'

export const nodeColumns: readonly Column<NodeParts>[] = [
  { name: 'Status', doc: 'Whether the node is ready and takes pods.', value: statusOf },
  { name: 'Roles', doc: 'Roles that labels give the node.', value: (node) => rolesOf(node).join(',') || '<none>' },
  age,
  { name: 'Version', doc: 'Version of the node agent.', value: ({ status }) => status.nodeInfo.kubeletVersion },
  { name: 'Internal-IP', priority: 1, doc: 'Address inside the cluster.', value: (node) => addressOf(node, 'InternalIP') },
  { name: 'External-IP', priority: 1, doc: 'Address for others.', value: (node) => addressOf(node, 'ExternalIP') },
  { name: 'OS-Image', priority: 1, doc: 'The operating system.', value: ({ status }) => status.nodeInfo.osImage || '<unknown>' },
  { name: 'Kernel-Version', priority: 1, doc: 'The kernel and the processor architecture.', value: kernelOf },
  {
    name: 'Container-Runtime',
    priority: 1,
    doc: 'The container runtime and its version.',
    value: ({ status }) => status.nodeInfo.containerRuntimeVersion || '<unknown>',
  },
]

function statusOf({ spec, status }: NodeParts): string {
  const ready = status.conditions?.findLast(({ type }) => type === 'Ready')
  const word = ready ? (ready.status === 'True' ? 'Ready' : 'NotReady') : 'Unknown'
  return spec.unschedulable ? `${word},SchedulingDisabled` : word
}

const rolePrefix = 'node-role.kubernetes.io/'

function rolesOf({ metadata }: NodeParts): string[] {
  const roles = Object.entries(metadata.labels ?? {}).map(([key, value]) => {
    if (key.startsWith(rolePrefix)) return key.slice(rolePrefix.length)
    return key === 'kubernetes.io/role' ? value : ''
  })
  return [...new Set(roles.filter(Boolean))].sort()
}

function addressOf({ status }: NodeParts, type: string): string {
  return status.addresses?.find((address) => address.type === type)?.address ?? '<none>'
}

function kernelOf({ status: { nodeInfo } }: NodeParts): string {
  const kernel = nodeInfo.kernelVersion || '<unknown>'
  return nodeInfo.architecture ? `${kernel} (${nodeInfo.architecture})` : kernel
}
