/** A plain limit of requests under way, where priority and fairness is off (upstream `filters/maxinflight.go`). */
import { tooManyRequests } from '../flowcontrol/stage.ts'
import type { Response, Stage } from '../request.ts'
import { isLongRunning } from './long-running.ts'

const reads = new Set(['get', 'list', 'watch'])

/** `system:masters` is never turned away; 0 is no limit. */
export function maxInFlight({ readOnly, mutating }: { readonly readOnly: number; readonly mutating: number }): Stage {
  const limits = { readOnly: readOnly || Number.POSITIVE_INFINITY, mutating: mutating || Number.POSITIVE_INFINITY }
  const running = { readOnly: 0, mutating: 0 }
  return (request, next) => {
    if (isLongRunning(request.info)) return next(request)
    const sort = reads.has(request.info.verb) ? 'readOnly' : 'mutating'
    if (running[sort] >= limits[sort] && !request.user.groups.includes('system:masters')) return tooManyRequests(request, 1)
    running[sort]++
    let answered: Response | Promise<Response>
    try {
      answered = next(request)
    } catch (error) {
      running[sort]--
      throw error
    }
    if (answered instanceof Promise) return answered.finally(() => void running[sort]--)
    running[sort]--
    return answered
  }
}
