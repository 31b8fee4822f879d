/** PodResizeValidator: no running pod is resized beyond its whole node, and none where nodes cannot (upstream `podresize`). */
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { podRequests, type Resources } from '#api/core/v1/pod-resources.ts'
import { milliValue, quantityValue } from '#schema/quantity.ts'
import { StatusError } from '#schema/status-error.ts'
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts'
import { refuse } from './refuse.ts'

export const podResizeValidator: AdmissionPlugin = {
  name: 'PodResizeValidator',
  handles: ({ operation, kind, subresource }) =>
    operation === 'UPDATE' && kind.plural === Pod.plural && kind.group === '' && subresource === 'resize',
  validate(request, { lister }) {
    const { spec, metadata } = request.object as Pod
    if (!spec.nodeName || metadata.generation === (request.old as Pod).metadata.generation) return
    const node = lister.get(Node, spec.nodeName)
    if (!node) throw refuse(request, `node ${JSON.stringify(spec.nodeName)} not found`)
    const lacks = lackingResources(podRequests(spec), node.status.allocatable ?? {})
    if (lacks.length > 0) {
      throw refuseBecause(request, 'NodeCapacity', `Node didn't have enough allocatable resources: ${lacks.join('; ')}`)
    }
    const system = node.metadata.labels?.['kubernetes.io/os'] ?? ''
    if (system !== 'linux') {
      const named = `node ${JSON.stringify(spec.nodeName)} is ${JSON.stringify(system)}`
      throw refuseBecause(request, 'UnsupportedPlatform', `pod resize is only supported on linux nodes, ${named}`)
    }
  },
}

function lackingResources(requests: Resources, allocatable: Resources): string[] {
  const lacking = (name: string, amount: (quantity: string) => number) => {
    const [requested, available] = [amount(requests[name] ?? '0'), amount(allocatable[name] ?? '0')]
    return requested > available ? [`${name}, requested: ${requested}, allocatable: ${available}`] : []
  }
  return [...lacking('cpu', milliValue), ...lacking('memory', quantityValue)]
}

/** Clients that resize by themselves, such as the vertical autoscaler, tell the causes apart. */
function refuseBecause(request: AdmissionRequest, reason: string, why: string): StatusError {
  const { message, details } = refuse(request, why)
  return new StatusError('Forbidden', message, { details: { ...details, causes: [{ reason }] } })
}
