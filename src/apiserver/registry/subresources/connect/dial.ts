/** Connections to nodes, services and pods, with failures worded as clients of upstream know them. */
import type { Duplex } from 'node:stream'
import { StatusError } from '#schema/status-error.ts'
import { DialError, type ServiceTarget } from '../../../dialers.ts'
import type { Registry } from '../../registry.ts'

export interface Dialing {
  readonly signal: AbortSignal
  /** Makes an error of `dial tcp 10.0.0.7:10250: connect: connection refused`. */
  refuse(text: string, cause: unknown): StatusError
}

export function dialNode({ nodeDialer }: Registry, node: string, { signal, refuse }: Dialing): Promise<Duplex> {
  return worded(refuse, () => nodeDialer?.dial(node, signal))
}

export function dialService({ serviceDialer }: Registry, target: ServiceTarget, { signal, refuse }: Dialing): Promise<Duplex> {
  return worded(refuse, () => serviceDialer?.dial(target, signal))
}

async function worded(refuse: Dialing['refuse'], dial: () => Promise<Duplex> | undefined): Promise<Duplex> {
  try {
    const socket = await dial()
    if (socket) return socket
  } catch (error) {
    if (error instanceof DialError) throw refuse(error.message, error)
    throw error
  }
  throw refuse('this server has no road there', undefined)
}

/** An error of upstream's that has no reason: its text goes out alone, with code 500. */
export function plainError(message: string, cause: unknown): StatusError {
  return new StatusError('' as 'InternalError', message, { code: 500, cause })
}
