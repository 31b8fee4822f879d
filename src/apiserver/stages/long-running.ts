/** Requests that last: they have no deadline, take no seat for long, and are told of when they begin as well. */
import type { RequestInfo } from '../request.ts'

const streaming = new Set(['attach', 'exec', 'proxy', 'log', 'portforward'])

export function isLongRunning({ isResource, verb, subresource }: RequestInfo): boolean {
  return isResource && (verb === 'watch' || verb === 'proxy' || (subresource !== '' && streaming.has(subresource)))
}
