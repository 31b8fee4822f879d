/** `services/proxy`: requests to a ready endpoint of a service. */
import { Service } from '#api/core/v1/service.ts'
import type { Request, Response } from '../../../request.ts'
import type { Registry } from '../../registry.ts'
import { dialService } from './dial.ts'
import { proxy, splitName } from './proxy.ts'

export function serviceProxy(registry: Registry, request: Request): Promise<Response> {
  return proxy(registry, request, {
    kind: Service,
    find: async () => {
      const { scheme, name, port } = splitName(request.info.name, 'service')
      const { namespace } = request.info
      const target = { type: 'service', namespace, name, port, scheme: scheme || 'http' } as const
      return (how) => dialService(registry, target, how)
    },
  })
}
