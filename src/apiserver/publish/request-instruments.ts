/** What is counted of authentication, authorization, admission and auditing, under upstream's names. */
import type { Clock } from '#lib/clock.ts'
import type { AuthorizerConfig } from '../authz/configuration.ts'
import type { User } from '../request.ts'
import type { WebhookCallOutcome } from '../webhook-retry.ts'
import { hashLabel } from './hash-label.ts'
import { type Counter, type CounterSeries, exponentialBounds, type Instruments } from './instruments.ts'

export interface RequestInstruments {
  authenticated(user: User, seconds: number): void
  notAuthenticated(result: 'failure' | 'error', seconds: number): void
  /** One authorizer's decision that ended the asking. */
  decided(config: AuthorizerConfig, decision: 'allowed' | 'denied'): void
  /** What came of the asking. */
  authorized(result: 'allowed' | 'denied' | 'no-opinion' | 'error', seconds: number): void
  asked(webhook: string, call: WebhookCallOutcome): void
  configurationRead(of: 'authentication' | 'authorization', isFine: boolean): void
  audited(level: string): void
  auditFailed(plugin: string, count: number): void
}

const shown = new Set(['admin', 'client', 'kube_proxy', 'kubelet', 'system:serviceaccount:kube-system:default'])

/** Names may be any number: only what is nobody's own is told. */
export function compressedUsername(name: string): string {
  if (shown.has(name)) return name
  return name.includes('@') ? 'email_id' : 'other'
}

/** Who counts, where more than one may: upstream's identity of an API server. */
export interface Counting {
  readonly clock: Clock
  readonly identity: string
}

export function requestInstruments(all: Instruments, counting?: Counting): RequestInstruments {
  const { users, attempts, durations, verdicts, verdictTimes, decisions, evaluations, calls, events, levels, lost, readings } =
    families(all, counting)
  const success = { attempt: attempts.series({ result: 'success' }), seconds: durations.series({ result: 'success' }) }
  const event = events.series({})
  const allowed = { attempt: verdicts.series({ result: 'allowed' }), seconds: verdictTimes.series({ result: 'allowed' }) }
  const byName = new Map<string, { value: number }>()
  const ofConfig = new WeakMap<AuthorizerConfig, ReturnType<typeof seriesOf>>()
  return {
    authenticated({ name }, seconds) {
      let series = byName.get(name)
      if (!series) {
        if (byName.size > 1000) byName.clear()
        byName.set(name, (series = users.series({ username: compressedUsername(name) })))
      }
      series.value++
      success.attempt.value++
      success.seconds.observe(seconds)
    },
    notAuthenticated(result, seconds) {
      attempts.add({ result })
      durations.observe({ result }, seconds)
    },
    decided(config, decision) {
      let series = ofConfig.get(config)
      if (!series) ofConfig.set(config, (series = seriesOf(decisions, config)))
      series[decision].value++
    },
    authorized(result, seconds) {
      if (result !== 'allowed') {
        verdicts.add({ result })
        return verdictTimes.observe({ result }, seconds)
      }
      allowed.attempt.value++
      allowed.seconds.observe(seconds)
    },
    asked(name, { result, seconds }) {
      evaluations.add({ name, result })
      calls.observe({ name, result }, seconds)
    },
    configurationRead: (of, isFine) => readings[of](isFine ? 'success' : 'failure'),
    audited(level) {
      levels.add({ level })
      if (level !== 'None') event.value++
    },
    auditFailed: (plugin, count) => lost.add({ plugin }, count),
  }
}

function families(all: Instruments, counting: Counting | undefined) {
  const users = all.counter('authenticated_user_requests', '[ALPHA] Counter of authenticated requests broken out by username.')
  const attempts = all.counter('authentication_attempts', '[ALPHA] Counter of authenticated attempts.')
  const bounds = exponentialBounds(0.001, 2, 15)
  const durations = all.histogram(
    'authentication_duration_seconds',
    '[ALPHA] Authentication duration in seconds broken out by result.',
    bounds,
  )
  const verdicts = all.counter(
    'authorization_attempts_total',
    "[ALPHA] Counter of authorization attempts broken down by result. It can be either 'allowed', 'denied', 'no-opinion' or 'error'.",
  )
  const verdictTimes = all.histogram(
    'authorization_duration_seconds',
    '[ALPHA] Authorization duration in seconds broken out by result.',
    bounds,
  )
  const decisions = all.counter(
    'apiserver_authorization_decisions_total',
    '[ALPHA] Total number of terminal decisions made by an authorizer split by authorizer type, name, and decision.',
  )
  const evaluations = all.counter(
    'apiserver_authorization_webhook_evaluations_total',
    '[ALPHA] Round-trips to authorization webhooks.',
  )
  const calls = all.histogram('apiserver_authorization_webhook_duration_seconds', '[ALPHA] Request latency in seconds.')
  const events = all.counter(
    'apiserver_audit_event_total',
    '[ALPHA] Counter of audit events generated and sent to the audit backend.',
  )
  const levels = all.counter('apiserver_audit_level_total', '[ALPHA] Counter of policy levels for audit events (1 per request).')
  const lost = all.counter(
    'apiserver_audit_error_total',
    '[ALPHA] Counter of audit events that failed to be audited properly. Plugin identifies the plugin affected by the error.',
  )
  const readings = {
    authentication: reloads(all, 'authentication', counting),
    authorization: reloads(all, 'authorization', counting),
  }
  return { users, attempts, durations, verdicts, verdictTimes, decisions, evaluations, calls, events, levels, lost, readings }
}

function seriesOf(decisions: Counter, { type, name }: AuthorizerConfig) {
  let [allowed, denied] = [undefined, undefined] as (CounterSeries | undefined)[]
  return {
    get allowed() {
      return (allowed ??= decisions.series({ decision: 'allowed', name, type }))
    },
    get denied() {
      return (denied ??= decisions.series({ decision: 'denied', name, type }))
    },
  }
}

function reloads(all: Instruments, of: 'authentication' | 'authorization', counting?: Counting): (status: string) => void {
  const prefix = `apiserver_${of}_config_controller_automatic_reload`
  const by = 'split by status and apiserver identity.'
  const total = all.counter(`${prefix}s_total`, `[BETA] Total number of automatic reloads of ${of} configuration ${by}`)
  const apiserver_id_hash = hashLabel(counting?.identity ?? '')
  const times = new Map<string, number>()
  const help = `[BETA] Timestamp of the last automatic reload of ${of} configuration ${by}`
  all.gauge(`${prefix}_last_timestamp_seconds`, help, () => [...times].map(([status, at]) => [{ apiserver_id_hash, status }, at]))
  return (status) => {
    total.add({ apiserver_id_hash, status })
    if (counting) times.set(status, counting.clock.now() / 1000)
  }
}
