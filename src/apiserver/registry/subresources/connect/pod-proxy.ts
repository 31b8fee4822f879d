/** `pods/proxy`: requests to a port of a pod. */
import { isIP } from 'node:net'
import { type Pod, Pod as PodKind } from '#api/core/v1/pod.ts'
import { badRequest } from '#schema/status-error.ts'
import type { Request, Response } from '../../../request.ts'
import type { Registry } from '../../registry.ts'
import { podOf } from './containers.ts'
import { dialService } from './dial.ts'
import { type DialTarget, proxy, splitName } from './proxy.ts'
import { isProxyable, portNumber } from './proxy-address.ts'

export function podProxy(registry: Registry, request: Request): Promise<Response> {
  return proxy(registry, request, { kind: PodKind, find: () => find(registry, request) })
}

/** Without a port: the first that a container names, else the scheme's own. */
async function find(registry: Registry, request: Request): Promise<DialTarget> {
  const { scheme, name, port } = splitName(request.info.name, 'pod')
  const pod = await podOf(registry, request, name)
  const address = pod.status.podIPs?.[0]?.ip ?? ''
  if (!isIP(address) || !isProxyable(address)) throw badRequest('address not allowed')
  const target = { type: 'pod', address, port: portNumber(port || firstPort(pod), scheme), scheme: scheme || 'http' } as const
  return (how) => dialService(registry, target, how)
}

function firstPort({ spec }: Pod): string {
  const [first] = spec.containers.flatMap(({ ports = [] }) => ports)
  return first ? String(first.containerPort) : ''
}
