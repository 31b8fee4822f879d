/** Describes ServiceCIDRs and IPAddresses. */
import type { Json } from '../session.ts'
import type { Context } from './describer.ts'
import { describeEventsOf } from './events.ts'
import { describeAnnotations, describeLabels, describeTimedConditions, Report } from './report.ts'

export async function describeServiceCidr(object: Json, context: Context): Promise<Report> {
  const w = nameOf(object)
  w.field(0, 'CIDRs', (object.spec?.cidrs ?? []).join(', '))
  const conditions: readonly Json[] = object.status?.conditions ?? []
  if (conditions.length > 0) {
    w.line(0, 'Status:')
    describeTimedConditions(w, conditions)
  }
  await describeEventsOf(w, object, context)
  return w
}

export async function describeIpAddress(object: Json, context: Context): Promise<Report> {
  const w = nameOf(object)
  const parent = object.spec?.parentRef
  if (parent) {
    w.line(0, 'Parent Reference:')
    w.field(1, 'Group', parent.group)
    w.field(1, 'Resource', parent.resource)
    w.field(1, 'Namespace', parent.namespace)
    w.field(1, 'Name', parent.name)
  }
  await describeEventsOf(w, object, context)
  return w
}

function nameOf({ metadata }: Json): Report {
  const w = new Report()
  w.field(0, 'Name', metadata.name)
  describeLabels(w, 'Labels', metadata.labels)
  describeAnnotations(w, 'Annotations', metadata.annotations)
  return w
}
