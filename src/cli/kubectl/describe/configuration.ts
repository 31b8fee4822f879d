/** Describes Namespaces, ConfigMaps, Secrets, ServiceAccounts and PriorityClasses. */
import type { Json, Session } from '../session.ts'
import type { Context } from './describer.ts'
import { describeEventsOf } from './events.ts'
import {
  describeAnnotations,
  describeHead,
  describeLabels,
  describeTimedConditions,
  formatLabels,
  Report,
  sortedEntries,
} from './report.ts'

export async function describeNamespace({ metadata, status = {} }: Json, { session }: Context): Promise<Report> {
  const w = new Report()
  w.field(0, 'Name', metadata.name)
  describeLabels(w, 'Labels', metadata.labels)
  describeAnnotations(w, 'Annotations', metadata.annotations)
  w.field(0, 'Status', status.phase)
  if (status.conditions?.length) describeTimedConditions(w, status.conditions)
  await describeQuotas(w, metadata.name, session)
  await describeLimits(w, metadata.name, session)
  return w
}

async function describeQuotas(w: Report, namespace: string, session: Session): Promise<void> {
  const quotas = await list(session, namespace, 'resourcequotas')
  if (!quotas) return
  w.line(0, '')
  if (quotas.length === 0) return w.line(0, 'No resource quota.')
  w.write(0, 'Resource Quotas')
  for (const { metadata, spec, status = {} } of quotas.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))) {
    w.line(0, `\n  Name:\t${metadata.name}`)
    if (spec?.scopes?.length) w.line(0, `  Scopes:\t${spec.scopes.toSorted().join(', ')}`)
    w.line(0, '  Resource\tUsed\tHard')
    w.line(0, '  --------\t---\t---')
    for (const name of Object.keys(status.hard ?? {}).sort())
      w.line(1, `${name}\t${status.used?.[name] ?? '0'}\t${status.hard[name]}`)
  }
}

async function describeLimits(w: Report, namespace: string, session: Session): Promise<void> {
  const ranges = await list(session, namespace, 'limitranges')
  if (!ranges) return
  w.line(0, '')
  if (ranges.length === 0) return w.line(0, 'No LimitRange resource.')
  w.line(0, 'Resource Limits\n Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio')
  w.line(0, ' ----\t--------\t---\t---\t---------------\t-------------\t-----------------------')
  for (const { type, min, max, default: fallback, defaultRequest, maxLimitRequestRatio } of ranges.flatMap(
    ({ spec }) => spec.limits ?? [],
  )) {
    const maps = [min, max, defaultRequest, fallback, maxLimitRequestRatio].map((map) => map ?? {})
    for (const name of [...new Set(maps.flatMap((map) => Object.keys(map)))].sort()) {
      w.line(0, ` ${type}\t${name}\t${maps.map((map) => map[name] ?? '-').join('\t')}`)
    }
  }
}

/** Undefined where the server does not have the type. */
async function list(session: Session, namespace: string, plural: string): Promise<Json[] | undefined> {
  const answer = await session.get(`/api/v1/namespaces/${encodeURIComponent(namespace)}/${plural}`).catch(() => undefined)
  return answer?.items
}

export async function describeConfigMap(object: Json, context: Context): Promise<Report> {
  const w = new Report()
  describeHead(w, object)
  w.line(0, '\nData\n====')
  for (const [key, value] of sortedEntries(object.data)) w.write(0, `${key}:\n----\n${value}\n\n`)
  w.line(0, '\nBinaryData\n====')
  for (const [key, value] of sortedEntries(object.binaryData)) w.line(0, `${key}: ${bytesOf(value)} bytes`)
  w.line(0, '')
  await describeEventsOf(w, object, context)
  return w
}

export function describeSecret(object: Json): Report {
  const w = new Report()
  describeHead(w, object)
  w.line(0, `\nType:\t${object.type ?? ''}`)
  w.line(0, '\nData\n====')
  for (const [key, value] of sortedEntries(object.data)) {
    const isToken = key === 'token' && object.type === 'kubernetes.io/service-account-token'
    w.field(0, key, isToken ? Buffer.from(value, 'base64').toString() : `${bytesOf(value)} bytes`)
  }
  return w
}

function bytesOf(base64: string): number {
  return Buffer.from(base64, 'base64').length
}

export async function describeServiceAccount(object: Json, context: Context): Promise<Report> {
  const w = new Report()
  describeHead(w, object)
  const names: readonly string[] = (object.imagePullSecrets ?? []).map(({ name }: Json) => name)
  const header = 'Image pull secrets:'
  if (names.length === 0) w.line(0, `${header}\t<none>`)
  for (const [at, name] of names.entries()) w.line(0, `${at === 0 ? header : ' '.repeat(header.length)}\t${name}`)
  await describeEventsOf(w, object, context)
  return w
}

export async function describePriorityClass(object: Json, context: Context): Promise<Report> {
  const w = new Report()
  w.field(0, 'Name', object.metadata.name)
  w.field(0, 'Value', object.value ?? 0)
  w.field(0, 'GlobalDefault', Boolean(object.globalDefault))
  w.field(0, 'PreemptionPolicy', object.preemptionPolicy)
  w.field(0, 'Description', object.description)
  w.field(0, 'Annotations', formatLabels(object.metadata.annotations))
  await describeEventsOf(w, object, context)
  return w
}
