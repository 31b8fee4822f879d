/** An audit event as a line of the log (upstream `plugin/audit/log`, `audit/format.go`). */
import { stringifyJson } from '#schema/json.ts'
import type { AuditEvent } from './event.ts'

export type LogFormat = 'json' | 'legacy'

export function logLine(event: AuditEvent, format: LogFormat): string {
  return `${format === 'json' ? stringifyJson(event) : legacyLine(event)}\n`
}

interface Person {
  readonly username?: string
  readonly groups?: readonly string[]
}

function legacyLine(event: AuditEvent): string {
  const user = event.user as Person
  const as = event.impersonatedUser as Person | undefined
  const list = (texts: readonly string[]) => texts.map((text) => JSON.stringify(text)).join(',')
  const { namespace } = (event.objectRef ?? {}) as { namespace?: string }
  const { code } = (event.responseStatus ?? {}) as { code?: number }
  const pairs = {
    id: event.auditID,
    stage: event.stage,
    ip: event.sourceIPs?.[0] ?? '<unknown>',
    method: event.verb,
    user: user.username || '<none>',
    groups: user.username && user.groups?.length ? list(user.groups) : '<none>',
    as: as ? (as.username ?? '') : '<self>',
    asgroups: as?.groups ? list(as.groups) : '<lookup>',
    'user-agent': event.userAgent ?? '',
    namespace: namespace || '<none>',
    uri: event.requestURI,
    response: code === undefined ? '<deferred>' : String(code),
  }
  const text = Object.entries(pairs).map(([name, value]) => `${name}=${JSON.stringify(value)}`)
  return `${event.requestReceivedTimestamp} AUDIT: ${text.join(' ')}`
}
