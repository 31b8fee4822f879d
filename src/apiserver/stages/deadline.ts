/** No request but those that stream takes longer than a minute, a write no longer than 34 seconds, and none longer than its client wants. */
import type { Clock } from '#lib/clock.ts'
import { parseDuration } from '#schema/go-time.ts'
import { badRequest, StatusError } from '#schema/status-error.ts'
import type { Request, Response, Stage } from '../request.ts'
import { isLongRunning } from './long-running.ts'

/** The default of `--request-timeout`, and upstream's `requestTimeoutUpperBound`, in milliseconds. */
const longest = 60_000
const longestWrite = 34_000

const writes = new Set(['create', 'update', 'patch', 'delete', 'deletecollection'])

/**
 * In-process callers have signals of their own. What was begun goes on when nobody waits any longer, as upstream. What is answered at
 * once needs no timer.
 */
export function deadline(clock: Clock, requestTimeout = longest): Stage {
  return (request, next) => {
    if (request.origin.type !== 'network' || isLongRunning(request.info)) return next(request)
    const wanted = wantedTimeout(request)
    const response = next(request)
    return response instanceof Promise ? inTime(clock, response, limitOf(request, wanted, requestTimeout)) : response
  }
}

interface Limit {
  readonly milliseconds: number
  readonly why: string
}

function limitOf({ info }: Request, wanted: number, most: number): Limit {
  const isWrite = info.isResource && writes.has(info.verb)
  const bound = isWrite ? Math.min(longestWrite, most) : most
  const why = isWrite ? 'within requested timeout - context deadline exceeded' : 'within the allotted timeout'
  return { milliseconds: wanted > 0 && wanted < bound ? wanted : bound, why }
}

/** Milliseconds; 0 where the client has no wish. */
function wantedTimeout({ query }: Request): number {
  const text = query.get('timeout')
  if (!text) return 0
  try {
    return Number(parseDuration(text)) / 1e6
  } catch (error) {
    throw badRequest(`invalid timeout specified in the request URL - ${(error as Error).message}`)
  }
}

function inTime(clock: Clock, response: Promise<Response>, { milliseconds, why }: Limit): Promise<Response> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new StatusError('Timeout', `Timeout: request did not complete ${why}`, { details: {} }))
    const timer = clock.after(milliseconds, late)
    response.then(
      (answer) => {
        timer.cancel()
        resolve(answer)
      },
      (error) => {
        timer.cancel()
        reject(error)
      },
    )
  })
}
