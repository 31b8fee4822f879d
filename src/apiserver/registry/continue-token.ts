/** Continue tokens: where the next page begins, and as of which revision (upstream's `storage/continue.go`). */
import { badRequest, StatusError } from '#schema/status-error.ts'

export interface Continuation {
  /** Full key of the store, the first that may be listed. */
  readonly key: string
  /** -1: whatever is newest, after a client accepted an inconsistent continuation. */
  readonly revision: number
}

export function encodeContinue(key: string, prefix: string, revision: number): string {
  const token = { v: 'meta.k8s.io/v1', rv: revision, start: key.slice(prefix.length) }
  return Buffer.from(JSON.stringify(token)).toString('base64url')
}

export function decodeContinue(text: string, prefix: string): Continuation {
  const token = parse(text)
  if (token.v !== 'meta.k8s.io/v1') {
    throw refuse(`continue key is not valid: server does not recognize this encoded version ${token.v ?? ''}`)
  }
  if (!token.rv) {
    throw refuse('continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)')
  }
  if (!token.start) throw refuse('continue key is not valid: encoded start key empty (version meta.k8s.io/v1)')
  // A token may not lead out of the list that it belongs to.
  if (token.start.split('/').some((part, at) => part === '.' || part === '..' || (part === '' && at > 0))) {
    throw refuse(`continue key is not valid: ${token.start}`)
  }
  return { key: prefix + token.start.replace(/^\//, ''), revision: token.rv }
}

interface Token {
  readonly v?: string
  readonly rv?: number
  readonly start?: string
}

function parse(text: string): Token {
  try {
    const token = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
    if (typeof token !== 'object' || token === null) throw new Error('not an object')
    const { v, rv, start } = token
    return {
      ...(typeof v === 'string' && { v }),
      ...(Number.isInteger(rv) && { rv }),
      ...(typeof start === 'string' && { start }),
    }
  } catch (error) {
    throw refuse(`continue key is not valid: ${(error as Error).message}`)
  }
}

function refuse(text: string): StatusError {
  return badRequest(`invalid continue token: ${text}`)
}

/** The page's revision is compacted; the client may go on with a token that reads the newest state instead. */
export function continueExpired(key: string, prefix: string): StatusError {
  const text =
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without ' +
    'the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with ' +
    'the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first ' +
    'chunk was returned and now may show up in the list.'
  return new StatusError('Expired', text, { continue: encodeContinue(key, prefix, -1) })
}
