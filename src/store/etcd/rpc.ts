/** The services of `rpc.proto`, read once. */
import { fileURLToPath } from 'node:url'
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

export type ServiceName = 'KV' | 'Watch' | 'Lease' | 'Cluster' | 'Maintenance' | 'Auth'

export function serviceOf(name: ServiceName): ServiceDefinition {
  definitions ??= loadSync(fileURLToPath(new URL('./rpc.proto', import.meta.url)), {
    keepCase: true,
    longs: Number,
    defaults: true,
    arrays: true,
  })
  return definitions[`etcdserverpb.${name}`] as ServiceDefinition
}

/** `KV.Range` */
export function methodOf<Request, Response>(name: `${ServiceName}.${string}`): MethodDefinition<Request, Response> {
  const [service, method] = name.split('.') as [ServiceName, string]
  const found = serviceOf(service)[method]
  if (!found) throw new Error(`etcd has no method ${name}`)
  return found as MethodDefinition<Request, Response>
}

let definitions: ReturnType<typeof loadSync> | undefined
