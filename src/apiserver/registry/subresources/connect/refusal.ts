/** What a client is told of a node agent's refusal (upstream `GenericHttpResponseChecker`, `NewGenericServerResponse`). */
import { badRequest, StatusError } from '#schema/status-error.ts'

export interface Refusal {
  readonly code: number
  /** `pods/log`. */
  readonly resource: string
  readonly name: string
  /** The body. */
  readonly text: string
}

export function refusalOf({ code, resource, name, text }: Refusal): StatusError {
  if (code === 400) return badRequest(text)
  if (code === 500) {
    return new StatusError('InternalError', `Internal error occurred: ${text}`, { details: { causes: [{ message: text }] } })
  }
  const [reason, sentence] = known(code, text)
  const details = { name, kind: resource }
  return new StatusError(reason as 'InternalError', `${sentence} ( ${resource} ${name})`, { code, details })
}

function known(code: number, text: string): readonly [reason: string, sentence: string] {
  const fixed = sentences[code]
  if (fixed) return [fixed[0], fixed[1] ?? text]
  if (code < 500) return ['', `the server responded with the status code ${code} but did not return more information`]
  return ['InternalError', `an error on the server (${JSON.stringify(text)}) has prevented the request from succeeding`]
}

const retryLater = 'the server has received too many requests and has asked us to try again later'
const tooLate = 'the server was unable to return a response in the time allotted, but may still be processing the request'

/** Without a sentence the server's own stands. */
const sentences: Readonly<Record<number, readonly [reason: string, sentence?: string]>> = {
  401: ['Unauthorized', 'the server has asked for the client to provide credentials'],
  403: ['Forbidden'],
  404: ['NotFound', 'the server could not find the requested resource'],
  405: ['MethodNotAllowed', 'the server does not allow this method on the requested resource'],
  406: ['NotAcceptable'],
  409: ['Conflict', 'the server reported a conflict'],
  415: ['UnsupportedMediaType'],
  422: ['Invalid', 'the server rejected our request due to an error in our request'],
  429: ['TooManyRequests', retryLater],
  503: ['ServiceUnavailable', 'the server is currently unable to handle the request'],
  504: ['Timeout', tooLate],
}
