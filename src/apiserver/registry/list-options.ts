/** Query parameters of list and watch, checked as upstream's `ValidateListOptions` does. */
import { type FieldError, root } from '#schema/field-error.ts'
import { badRequest, invalid } from '#schema/status-error.ts'
import { isTrue } from '../request-info.ts'

export interface ListOptions {
  readonly limit: number
  readonly continue: string
  readonly resourceVersion: string
  readonly resourceVersionMatch: string
  readonly sendInitialEvents: boolean | undefined
  readonly allowWatchBookmarks: boolean
  readonly timeoutSeconds: number | undefined
}

/** `takesInitialEvents` is the gate WatchList. */
export function listOptions(query: URLSearchParams, watch: boolean, takesInitialEvents = true): ListOptions {
  const given: ListOptions = {
    limit: integer(query, 'limit') ?? 0,
    continue: query.get('continue') ?? '',
    resourceVersion: query.get('resourceVersion') ?? '',
    resourceVersionMatch: query.get('resourceVersionMatch') ?? '',
    sendInitialEvents: query.has('sendInitialEvents') ? isTrue(query.get('sendInitialEvents')) : undefined,
    allowWatchBookmarks: isTrue(query.get('allowWatchBookmarks')),
    timeoutSeconds: integer(query, 'timeoutSeconds'),
  }
  const options = watch ? withInitialEvents(given) : given
  const errors = watch ? watchErrors(options) : listErrors(options)
  if (watch && given.sendInitialEvents !== undefined && !takesInitialEvents) {
    const why = 'sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled'
    errors.push(root.child('sendInitialEvents').forbidden(why))
  }
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', errors)
  return options
}

function integer(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  if (text === null || text === '') return undefined
  if (!/^[+-]?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`)
  return Number(text)
}

/** Watches of old clients that ask for no version, or for 0, get the present state as events. */
function withInitialEvents(options: ListOptions): ListOptions {
  if (options.sendInitialEvents !== undefined || options.resourceVersionMatch) return options
  if (options.resourceVersion !== '' && options.resourceVersion !== '0') return options
  return { ...options, sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' }
}

const matchPath = root.child('resourceVersionMatch')

function listErrors(options: ListOptions): FieldError[] {
  const errors: FieldError[] = []
  const match = options.resourceVersionMatch
  if (match) {
    if (!options.resourceVersion) {
      errors.push(matchPath.forbidden('resourceVersionMatch is forbidden unless resourceVersion is provided'))
    }
    if (options.continue) errors.push(matchPath.forbidden('resourceVersionMatch is forbidden when continue is provided'))
    if (match !== 'Exact' && match !== 'NotOlderThan') errors.push(matchPath.notSupported(match, ['Exact', 'NotOlderThan', '']))
    if (match === 'Exact' && options.resourceVersion === '0') {
      errors.push(matchPath.forbidden('resourceVersionMatch "exact" is forbidden for resourceVersion "0"'))
    }
  }
  if (options.sendInitialEvents !== undefined) {
    errors.push(root.child('sendInitialEvents').forbidden('sendInitialEvents is forbidden for list'))
  }
  return errors
}

function watchErrors(options: ListOptions): FieldError[] {
  const errors: FieldError[] = []
  const match = options.resourceVersionMatch
  const sends = options.sendInitialEvents !== undefined
  if (sends && match !== 'NotOlderThan') {
    errors.push(matchPath.forbidden('sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'))
  }
  if (match) {
    if (!sends)
      errors.push(matchPath.forbidden('resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided'))
    if (match !== 'NotOlderThan') errors.push(matchPath.notSupported(match, ['NotOlderThan']))
    if (options.continue) errors.push(matchPath.forbidden('resourceVersionMatch is forbidden when continue is provided'))
  }
  return errors
}
