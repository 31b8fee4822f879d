/** What a server that ends, and one that wants its clients to look for another, does with connections (upstream `filters/with_retry_after.go`, `goaway.go`). */
import type { Random } from '#lib/random.ts'
import type { Request } from '../request.ts'
import type { Exchange } from './exchange.ts'

const probes = /^\/(healthz|livez|readyz)(\/|$)/

/** Those who look after the server are answered to its end. */
export function isProbe({ path }: Request): boolean {
  return probes.test(path)
}

const text = Buffer.from('The apiserver is shutting down, please try again later.\n')
const headers = { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff', 'retry-after': '5' }

/** The connection closes once it is idle, so that the client finds another server. */
export function turnAway(exchange: Exchange): void {
  exchange.leave()
  exchange.respond(429, headers, text)
}

/** Asks one of so many HTTP/2 clients to connect anew; answers under way are finished. */
export function sendAwaySome(exchange: Exchange, chance: number, random: Random): void {
  if (exchange.isShared && random.next() < chance) exchange.leave()
}
