/** The answer to a path that nobody serves. */
import { StatusError } from '#schema/status-error.ts'
import type { Response } from '../request.ts'

/** Go's words, which HTTP clients see. */
export function pageNotFound(): Response {
  const bytes = new TextEncoder().encode('404 page not found\n')
  return { type: 'bytes', status: 404, bytes, headers: { 'content-type': 'text/plain; charset=utf-8' } }
}

/** What client-go makes of that page. */
export function resourceNotFound(): StatusError {
  return new StatusError('NotFound', 'the server could not find the requested resource', { details: {} })
}
