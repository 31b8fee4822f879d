/** Subresources that open a road into the cluster: logs, exec, attach, port-forward, proxy. */
import { podLog } from './connect/log.ts'
import { nodeProxy } from './connect/node-proxy.ts'
import { podProxy } from './connect/pod-proxy.ts'
import { serviceProxy } from './connect/service-proxy.ts'
import { attach, exec, portForward } from './connect/streams.ts'
import type { Handlers } from './subresources.ts'

/** By `plural/name`; `connect` serves every verb. */
export const connect: Readonly<Record<string, Handlers>> = {
  'pods/log': { get: podLog },
  'pods/exec': { connect: exec },
  'pods/attach': { connect: attach },
  'pods/portforward': { connect: portForward },
  'pods/proxy': { connect: podProxy },
  'services/proxy': { connect: serviceProxy },
  'nodes/proxy': { connect: nodeProxy },
}
