/** Rules for Events of both groups; those of the newer one are strict (upstream `validation/events.go`). */
import type { EventParts } from '#api/core/v1/event-columns.ts'
import type { ObjectReference } from '#api/core/v1/object-reference.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isDns1123Subdomain, isQualifiedName } from '#schema/formats.ts'
import { immutableErrors } from '#schema/validate.ts'
import { formatted } from './checks.ts'

export interface FullEvent extends EventParts {
  action?: string | undefined
  related?: ObjectReference | undefined
}

/** `reporter` is the name of the reporting field in the version that was asked. */
export function validateEvent(event: FullEvent, at: Path, reporter = 'reportingComponent'): FieldError[] {
  const { metadata, involvedObject, eventTime } = event
  const namespace = metadata.namespace ?? ''
  const about = involvedObject.namespace ?? ''
  const mismatch = at.child('involvedObject', 'namespace').invalid(about, 'does not match event.namespace')
  const isOf = (...names: string[]) => names.includes(namespace)
  const errors: FieldError[] = []
  if (eventTime) {
    if (!about && !isOf('default', 'kube-system')) errors.push(mismatch)
    errors.push(...newStyleErrors(event, at, reporter))
  } else if (about ? about !== namespace : !isOf('', 'default')) {
    errors.push(mismatch)
  }
  return [...errors, ...formatted(isDns1123Subdomain, namespace, at.child('namespace'))]
}

function newStyleErrors(event: FullEvent, at: Path, reporter: string): FieldError[] {
  const { reportingComponent, reportingInstance, action = '', reason = '', message = '' } = event
  const limited = (name: string, value: string, limit = 128) => [
    ...(value || name === 'message' ? [] : [at.child(name).required()]),
    ...(Buffer.byteLength(value) > limit ? [at.child(name).invalid('', `can have at most ${limit} characters`)] : []),
  ]
  return [
    ...(reportingComponent ? [] : [at.child(reporter).required()]),
    ...formatted(isQualifiedName, reportingComponent, at.child(reporter)),
    ...limited('reportingInstance', reportingInstance),
    ...limited('action', action),
    ...limited('reason', reason),
    ...limited('message', message, 1024),
  ]
}

/** What events.k8s.io/v1 asks of a new event; field names are those of the stored form. */
export function validateStrictEvent(event: FullEvent, at: Path): FieldError[] {
  const { type, eventTime, firstTimestamp, lastTimestamp, count, source } = event
  const unset = (name: string) => at.child(name).invalid('', 'needs to be unset')
  return [
    ...seriesErrors(event, at),
    ...(eventTime ? [] : [at.child('eventTime').required()]),
    ...(type === 'Normal' || type === 'Warning' ? [] : [at.child('type').invalid('', `has invalid value: ${type ?? ''}`)]),
    ...(firstTimestamp ? [unset('firstTimestamp')] : []),
    ...(lastTimestamp ? [unset('lastTimestamp')] : []),
    ...(count ? [unset('count')] : []),
    ...(source.component || source.host ? [unset('source')] : []),
  ]
}

function seriesErrors({ series }: FullEvent, at: Path): FieldError[] {
  if (!series) return []
  return [
    ...((series.count ?? 0) < 2 ? [at.child('series.count').invalid('', 'should be at least 2')] : []),
    ...(series.lastObservedTime ? [] : [at.child('series.lastObservedTime').required()]),
  ]
}

/** Only the series of such an event goes on. */
export function validateStrictEventUpdate(event: FullEvent, old: FullEvent, at: Path): FieldError[] {
  const isSameSeries = JSON.stringify(event.series) === JSON.stringify(old.series)
  const fixed = ['involvedObject', 'reason', 'message', 'source', 'firstTimestamp', 'lastTimestamp', 'count', 'type'] as const
  const rest = ['eventTime', 'action', 'related', 'reportingComponent', 'reportingInstance'] as const
  const names: Record<string, string> = { reportingComponent: 'reportingController' }
  return [
    ...(isSameSeries ? [] : seriesErrors(event, at)),
    ...[...fixed, ...rest].flatMap((name) => immutableErrors(event[name], old[name], at.child(names[name] ?? name))),
  ]
}
