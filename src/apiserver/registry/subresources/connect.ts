/** Subresources that open a road into the cluster: logs, exec, attach, port-forward, proxy. */
import type { Handlers } from './subresources.ts'

/** By `plural/name`; each has a `connect` handler. */
export const connect: Readonly<Record<string, Handlers>> = {}
