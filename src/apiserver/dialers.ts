/**
 * The roads from the API server into the cluster. Logs, exec and proxy reach a node, webhooks and aggregation a
 * service, through these and nothing else; `cluster/` provides them (straight TLS now, tunnels later).
 */
import type { Duplex } from 'node:stream'

/** Opens connections to node agents. Assumes nothing about addresses: the dialer knows them. */
export interface NodeDialer {
  /**
   * An authenticated TLS connection to the agent of that node (port 10250), ready for HTTP/1.1, with the API server's client certificate
   * presented and the agent's serving certificate verified. Throws DialError when the node is unknown or does not answer.
   */
  dial(node: string, signal: AbortSignal): Promise<Duplex>
}

/** Opens connections to a Service's ready endpoints, or to a pod. */
export interface ServiceDialer {
  dial(target: ServiceTarget, signal: AbortSignal): Promise<Duplex>
}

export type ServiceTarget =
  | {
      readonly type: 'service'
      readonly namespace: string
      readonly name: string
      readonly port: string
      readonly scheme: 'http' | 'https'
    }
  | { readonly type: 'pod'; readonly address: string; readonly port: number; readonly scheme: 'http' | 'https' }

/** `message` is what the user sees, such as `dial tcp 10.0.0.7:10250: connect: connection refused`. */
export class DialError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'DialError'
  }
}
