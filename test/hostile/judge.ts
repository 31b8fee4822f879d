/** What no answer may be, whatever was asked. */
import type { Outcome } from './fuzz-client.ts'
import type { Case } from './generate-case.ts'

/** Stands in everything that the restricted user must not see, and in nothing that a case sends. */
export const secretMark = 'c0nfidential-9c41e7'

/** The reason why the answer is wrong; undefined: it is fine. */
export function faultOf(made: Case, outcome: Outcome): string | undefined {
  const { status, body, contentType, milliseconds, isWhole } = outcome
  if (status >= 500 && !isUpstreams(made, outcome)) return `status ${status}: ${excerpt(body)}`
  if (made.who !== 'admin' && body.includes(secretMark)) return `shows ${made.who} what is another's: ${excerpt(body)}`
  if (milliseconds > 20_000) return `took ${milliseconds.toFixed()} ms`
  if (status === 0) return made.via === 'h2' ? 'the stream was reset without an answer' : undefined
  if (!isWhole || made.method === 'HEAD' || status === 304 || !contentType.startsWith('application/json')) return undefined
  if (contentType.includes('stream=watch')) return undefined
  return faultOfObject(status, body)
}

function faultOfObject(status: number, body: Buffer): string | undefined {
  let object: any
  try {
    object = JSON.parse(body.toString())
  } catch (error) {
    return `its JSON cannot be read: ${(error as Error).message}: ${excerpt(body)}`
  }
  if (object?.kind !== 'Status' || object.apiVersion !== 'v1') return undefined
  if (status >= 400 && object.code !== status) return `status ${status} with code ${object.code}: ${excerpt(body)}`
  if (status >= 400 && typeof object.message !== 'string') return `no message: ${excerpt(body)}`
  return ofJavaScript.test(object.message ?? '') ? `its message is JavaScript's: ${object.message}` : undefined
}

/** Nothing that a case sends holds these. */
export const ofJavaScript =
  /TypeError|RangeError|SyntaxError|ReferenceError|Cannot (read|convert|set)|is not (a function|iterable|an object)|\[object |undefined|ERR_[A-Z]|\.ts:\d|node:/

/** Errors that upstream returns without a reason, which makes them its own. */
const plainErrors = new RegExp(
  [
    ...['Component not found: ', 'resourceVersion should not be set on objects to be created'],
    // Server-side apply (`structuredmerge.go`).
    ...['failed to create typed (patch|live|new) object', 'failed to convert (new|live|patch) object', 'failed to merge'],
    ...['failed to decode managed fields', 'insufficient quota to match these scopes', 'error dialing backend'],
    'more than one PodDisruptionBudget',
  ].join('|'),
)

/** Errors of the server's side that upstream answers, too. */
function isUpstreams({ method, path, query, headers }: Case, { status, body }: Outcome): boolean {
  const text = body.toString()
  // The node or the endpoints that a proxy leads to are not there.
  if (status === 503 || status === 502 || status === 504) {
    if (/\/proxy\b/.test(path) || path.includes('/log')) return true
  }
  // `timeout=1ns` is over before anything was done.
  if (status === 504 && query.some((pair) => pair.startsWith('timeout='))) return true
  if (status === 500 && method === 'HEAD') return path.includes('/componentstatuses/')
  // A port that somebody else has, or none of the range (`service/storage/alloc.go`).
  if (status === 500 && text.includes('failed to allocate requested HealthCheck NodePort')) return true
  if (status === 500) {
    // What is wrong with a strategic patch is no error of the API's to upstream (`strategicpatch/patch.go`).
    const isStrategic = headers.some(([, value]) => value === 'application/strategic-merge-patch+json')
    return !text.includes('InternalError') && !ofJavaScript.test(text) && (isStrategic || plainErrors.test(text))
  }
  if (status === 504 && text.includes('Too large resource version')) return true
  if (status === 501) return text.includes('not implemented') || text.includes('NotImplemented')
  // An APIService that leads nowhere.
  if (status === 503 && /\/apis\/(metrics\.k8s\.io|x\.y)\b/.test(path)) return true
  return false
}

function excerpt(body: Buffer): string {
  return body.toString().slice(0, 600)
}
