/** The answer to a verb that a path does not have. */
import { StatusError } from '#schema/status-error.ts'

export function methodNotAllowed(): StatusError {
  return new StatusError('MethodNotAllowed', 'the server does not allow this method on the requested resource', { details: {} })
}
