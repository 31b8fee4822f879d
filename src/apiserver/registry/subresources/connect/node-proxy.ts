/** `nodes/proxy`: requests to the agent of a node, or to another port of it. */
import { isIP } from 'node:net'
import { Node } from '#api/core/v1/node.ts'
import { badRequest } from '#schema/status-error.ts'
import type { Request, Response } from '../../../request.ts'
import { getEntry } from '../../get.ts'
import type { Registry } from '../../registry.ts'
import { dialNode, dialService } from './dial.ts'
import { type DialTarget, proxy, splitName } from './proxy.ts'
import { isProxyable, portNumber } from './proxy-address.ts'

export function nodeProxy(registry: Registry, request: Request): Promise<Response> {
  return proxy(registry, request, { kind: Node, find: () => find(registry, request) })
}

async function find(registry: Registry, request: Request): Promise<DialTarget> {
  const { scheme, name, port } = splitName(request.info.name, 'node')
  const { status } = (await getEntry(registry, Node, { name, namespace: '' })).object as Node
  const agentPort = status.daemonEndpoints?.kubeletEndpoint?.Port || 10_250
  const address = (status.addresses ?? []).find(({ type }) => type === 'InternalIP')?.address ?? ''
  if (port === '' || port === String(agentPort)) return (how) => dialNode(registry, name, how)
  if (!isIP(address) || !isProxyable(address)) throw badRequest('address not allowed')
  const target = { type: 'pod', address, port: portNumber(port, scheme), scheme: scheme || 'http' } as const
  return (how) => dialService(registry, target, how)
}
