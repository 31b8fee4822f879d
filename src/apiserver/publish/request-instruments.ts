/** What is counted of authentication, authorization, admission and auditing, under upstream's names. */
import type { AuthorizerConfig } from '../authz/configuration.ts'
import type { User } from '../request.ts'
import type { WebhookCallOutcome } from '../webhook-retry.ts'
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

export function requestInstruments(all: Instruments): RequestInstruments {
  const users = all.counter('authenticated_user_requests', 'Requests whose sender is known, by who sent them.')
  const attempts = all.counter('authentication_attempts', 'Attempts to find out who sends a request, by their result.')
  const bounds = exponentialBounds(0.001, 2, 15)
  const durations = all.histogram('authentication_duration_seconds', 'Seconds that it took to find out who asks.', bounds)
  const verdicts = all.counter('authorization_attempts_total', 'Requests that were asked about, by result.')
  const verdictTimes = all.histogram('authorization_duration_seconds', 'Seconds that it took to find out who may.', bounds)
  const decisions = all.counter('apiserver_authorization_decisions_total', 'Decisions that ended the asking, by authorizer.')
  const evaluations = all.counter('apiserver_authorization_webhook_evaluations_total', 'Questions to authorization webhooks.')
  const calls = all.histogram('apiserver_authorization_webhook_duration_seconds', 'Seconds that authorization webhooks took.')
  const events = all.counter('apiserver_audit_event_total', 'Audit events that were made.')
  const levels = all.counter('apiserver_audit_level_total', 'Requests by the level at which they are audited.')
  const lost = all.counter('apiserver_audit_error_total', 'Audit events that were lost, by where.')
  const readings = { authentication: reloads(all, 'authentication'), authorization: reloads(all, 'authorization') }
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
    configurationRead: (of, isFine) => readings[of].add({ apiserver_id_hash: '', status: isFine ? 'success' : 'failure' }),
    audited(level) {
      levels.add({ level })
      if (level !== 'None') event.value++
    },
    auditFailed: (plugin, count) => lost.add({ plugin }, count),
  }
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

function reloads(all: Instruments, of: 'authentication' | 'authorization'): Counter {
  const name = `apiserver_${of}_config_controller_automatic_reloads_total`
  return all.counter(name, `Readings of the ${of} configuration after the first.`)
}
