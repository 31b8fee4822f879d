/** First stage: what the path means. */

import type { Soon } from '#lib/soon.ts'
import type { Next, Request, Response } from '../request.ts'
import { parseRequestInfo } from '../request-info.ts'

export function parseRequest(request: Request, next: Next): Soon<Response> {
  request.info = parseRequestInfo(request.method, request.path, request.query)
  return next(request)
}
