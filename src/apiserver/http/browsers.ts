/** What browsers want to be told: which pages may use the API (CORS), and to come by TLS alone (upstream `filters/cors.go`, `filters/hsts.go`). */
import type { Headers } from '../request.ts'
import type { Exchange } from './exchange.ts'

export interface BrowserOptions {
  /** Whether pages of this origin may use the API. */
  allows?: ((origin: string) => boolean) | undefined
  /** Value of Strict-Transport-Security. */
  readonly strictTransport?: string | undefined
}

const allowed: Headers = {
  'access-control-allow-methods': 'POST, GET, OPTIONS, PUT, DELETE, PATCH',
  'access-control-allow-headers':
    'Content-Type, Content-Length, Accept-Encoding, X-CSRF-Token, Authorization, X-Requested-With, If-Modified-Since',
  'access-control-expose-headers': 'Date',
  'access-control-allow-credentials': 'true',
}

/** Undefined where there is nothing to tell, which costs nothing then. A preflight is answered before anybody asks who it is. */
export function forBrowsers({
  allows,
  strictTransport,
}: BrowserOptions): ((exchange: Exchange) => Exchange | undefined) | undefined {
  if (!allows && !strictTransport) return undefined
  const always: Headers = strictTransport ? { 'strict-transport-security': strictTransport } : {}
  return (exchange) => {
    const { method, headers } = exchange.request
    const { origin } = headers
    if (!origin || !allows?.(origin)) return strictTransport ? withHeaders(exchange, always) : exchange
    const told = { ...always, ...allowed, 'access-control-allow-origin': origin }
    if (method !== 'OPTIONS') return withHeaders(exchange, told)
    exchange.respond(204, told, new Uint8Array())
    return undefined
  }
}

function withHeaders(exchange: Exchange, more: Headers): Exchange {
  return {
    request: exchange.request,
    respond: (status, headers, body) => exchange.respond(status, { ...more, ...headers }, body),
    write: (...chunks) => exchange.write(...chunks),
    end: (...chunks) => exchange.end(...chunks),
    get sent() {
      return exchange.sent
    },
    get isShared() {
      return exchange.isShared
    },
    leave: () => exchange.leave(),
    abort: () => exchange.abort(),
  }
}
