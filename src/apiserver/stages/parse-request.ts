/** First stage: what the path means. */

import type { Request, Response } from '../request.ts'
import { parseRequestInfo } from '../request-info.ts'

export async function parseRequest(request: Request, next: () => Promise<Response>): Promise<Response> {
  request.info = parseRequestInfo(request.method, request.path, request.query)
  return next()
}
