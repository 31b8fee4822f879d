/** Ports of services: which of the machine lead where. */
import { WorkflowError } from '../workflow-error.ts'
import type { ServicePlace } from './read-stack.ts'

export interface Port {
  /** Absent: only other services reach it. */
  readonly published?: number
  readonly target: number
  readonly protocol: 'TCP' | 'UDP'
  readonly address?: string
}

const format = /^(?:(?:\[([^\]]+)\]|(\d+(?:\.\d+){3})):)?(?:(\d*)(?:-(\d+))?:)?(\d+)(?:-(\d+))?(?:\/(tcp|udp))?$/

export function portsOf(ports: readonly any[], place: ServicePlace): Port[] {
  return ports.flatMap((port) => (typeof port === 'object' ? [longForm(port)] : shortForm(String(port), place)))
}

function longForm({ target, published, protocol = 'tcp', host_ip }: Record<string, any>): Port {
  return {
    ...(published !== undefined && { published: Number(String(published).split('-')[0]) }),
    target: Number(target),
    protocol: protocol.toUpperCase(),
    ...(host_ip && { address: host_ip }),
  }
}

/** `[address:][published[-last]:]target[-last][/protocol]` */
function shortForm(text: string, place: ServicePlace): Port[] {
  const match = format.exec(text)
  if (!match) throw new WorkflowError(place.at(['ports'], `${JSON.stringify(text)} is no port: 8080:80`))
  const [, v6, v4, published, publishedEnd, target, targetEnd, protocol = 'tcp'] = match
  const count = Number(targetEnd ?? target) - Number(target) + 1
  const publishedCount = published && publishedEnd ? Number(publishedEnd) - Number(published) + 1 : count
  if (count < 1 || (publishedCount !== count && count > 1)) {
    throw new WorkflowError(place.at(['ports'], `${JSON.stringify(text)}: both ranges must be of one length`))
  }
  const address = v6 ?? v4
  return Array.from({ length: count }, (_, index) => ({
    ...(published && { published: Number(published) + index }),
    target: Number(target) + index,
    protocol: protocol.toUpperCase() as Port['protocol'],
    ...(address && { address }),
  }))
}
