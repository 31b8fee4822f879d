/** A client whose owner dies with one of its writes, for components that must bear it. */
import { type Call, type Client, TransportError } from '#client/client.ts'
import { createClient } from '#client/typed-client.ts'
import type { TestCluster } from './cluster.ts'

export interface Dying {
  readonly client: Client
  readonly writes: () => number
}

/** Whoever writes through it dies with its write number `last`: before it (the server never sees it) or after it (the answer is lost). */
export function dyingClient(
  cluster: TestCluster,
  last: number,
  { when, die }: { when: 'before' | 'after'; die: () => void },
): Dying {
  const { transport } = cluster.clientAs({ name: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] })
  let writes = 0
  const request = async (call: Call) => {
    if (call.verb === 'get' || call.verb === 'list') return transport.request(call)
    writes++
    if (writes < last) return transport.request(call)
    if (writes === last && when === 'after') await transport.request(call)
    die()
    throw new TransportError('the process has died')
  }
  return { client: createClient({ ...transport, request }), writes: () => writes }
}
