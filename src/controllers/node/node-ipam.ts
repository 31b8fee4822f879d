/** Node IPAM controller: gives each node a range of addresses for its pods, out of the cluster's. */
import { Node } from '#api/core/v1/node.ts'
import { type Controller, defineController } from '../runtime/controller.ts'

export interface NodeIpamOptions {
  /** IPv4; default 10.244.0.0/16. */
  readonly clusterCidr?: string | undefined
  /** Size of a node's range; default /24. */
  readonly nodeMaskSize?: number | undefined
}

/** One worker: two nodes must not be given the same range. */
export function nodeIpamController(options: NodeIpamOptions = {}): Controller {
  const { clusterCidr = '10.244.0.0/16', nodeMaskSize = 24 } = options
  return defineController({
    name: 'node-ipam-controller',
    account: 'node-controller',
    for: Node,
    writes: [Node],
    workers: 1,

    async reconcile(node, cluster) {
      if (node.spec.podCIDR || node.metadata.deletionTimestamp) return
      const taken = cluster.list(Node).flatMap(({ spec }) => spec.podCIDRs ?? (spec.podCIDR ? [spec.podCIDR] : []))
      const cidr = planCidr({ clusterCidr, nodeMaskSize, taken })
      if (!cidr) {
        const message = `Node ${node.metadata.name} status is now: CIDRNotAvailable`
        cluster.event(node, { type: 'Normal', reason: 'CIDRNotAvailable', message })
        throw new Error('CIDR allocation failed; there are no remaining CIDRs left to allocate in the accepted range')
      }
      await cluster.patch(Node, node, { type: 'strategic', body: { spec: { podCIDR: cidr, podCIDRs: [cidr] } } })
    },
  })
}

/** The first range that overlaps none of those taken; undefined when all are. */
export function planCidr({
  clusterCidr,
  nodeMaskSize,
  taken,
}: {
  clusterCidr: string
  nodeMaskSize: number
  taken: readonly string[]
}): string | undefined {
  const whole = rangeOf(clusterCidr)
  const size = 2 ** (32 - nodeMaskSize)
  const used = taken.filter((cidr) => !cidr.includes(':')).map(rangeOf)
  const blocks = new Set<number>()
  for (const { first, last } of used) {
    const from = Math.max(0, Math.floor((first - whole.first) / size))
    const to = Math.min((whole.last - whole.first + 1) / size - 1, Math.floor((last - whole.first) / size))
    for (let block = from; block <= to; block++) blocks.add(block)
  }
  for (let block = 0; whole.first + (block + 1) * size - 1 <= whole.last; block++) {
    if (!blocks.has(block)) return `${addressOf(whole.first + block * size)}/${nodeMaskSize}`
  }
  return undefined
}

function rangeOf(cidr: string): { first: number; last: number } {
  const [address = '', bits = '32'] = cidr.split('/')
  const size = 2 ** (32 - Number(bits))
  const number = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
  const first = Math.floor(number / size) * size
  return { first, last: first + size - 1 }
}

function addressOf(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.')
}
