/** What is counted of admission: each plugin, both steps, and each webhook, under upstream's names (`admission/metrics`). */
import type { Clock } from '#lib/clock.ts'
import { StatusError } from '#schema/status-error.ts'
import type { AdmissionPlugin, AdmissionRequest } from '../admission/plugin.ts'
import type { Histogram } from './exposition.ts'
import type { Instruments } from './instruments.ts'

/** One call of a webhook. */
export interface WebhookOutcome {
  readonly name: string
  readonly type: 'admit' | 'validating'
  readonly operation: string
  readonly seconds: number
  /** Why the request was refused; absent: it was not. */
  readonly refusal?: unknown
  /** The webhook could not be asked, or answered nonsense. */
  readonly isBroken: boolean
  /** It was let pass in spite of that. */
  readonly isIgnored: boolean
}

export interface AdmissionInstruments {
  /** The same plugin, its time taken. */
  measured(plugin: AdmissionPlugin): AdmissionPlugin
  webhook(outcome: WebhookOutcome): void
  /** All plugins of one of the two steps. */
  step(outcome: StepOutcome): void
  policy(check: PolicyCheck): void
}

export interface StepOutcome {
  readonly type: 'admit' | 'validate'
  readonly operation: string
  readonly isRejected: boolean
  readonly seconds: number
}

/** What one binding of a validating policy did about one objection. */
export interface PolicyCheck {
  readonly policy: string
  readonly binding: string
  readonly action: 'deny' | 'audit' | 'warn'
  readonly error: 'compile_error' | 'invalid_error' | 'out_of_budget'
  readonly seconds: number
}

const bounds = [0.005, 0.025, 0.1, 0.5, 1, 2.5]
const webhookBounds = [...bounds, 10, 25]

export function admissionInstruments(all: Instruments, clock: Clock): AdmissionInstruments {
  const prefix = 'apiserver_admission_'
  const plugins = all.histogram(
    `${prefix}controller_admission_duration_seconds`,
    '[STABLE] Admission controller latency histogram in seconds, identified by name and broken out for each operation and API resource and type (validate or admit).',
    bounds,
  )
  const webhooks = all.histogram(
    `${prefix}webhook_admission_duration_seconds`,
    '[STABLE] Admission webhook latency histogram in seconds, identified by name and broken out for each operation and API resource and type (validate or admit).',
    webhookBounds,
  )
  const rejections = all.counter(
    `${prefix}webhook_rejection_count`,
    '[ALPHA] Admission webhook rejection count, identified by name and broken out for each admission type (validating or admit) and operation. Additional labels specify an error type (calling_webhook_error or apiserver_internal_error if an error occurred; no_error otherwise) and optionally a non-zero rejection code if the webhook rejects the request with an HTTP status code (honored by the apiserver when the code is greater or equal to 400). Codes greater than 600 are truncated to 600, to keep the metrics cardinality bounded.',
  )
  const ignored = all.counter(
    `${prefix}webhook_fail_open_count`,
    '[ALPHA] Admission webhook fail open count, identified by name and broken out for each admission type (validating or admit).',
  )
  const requests = all.counter(
    `${prefix}webhook_request_total`,
    '[ALPHA] Admission webhook request total, identified by name and broken out for each admission type (validating or admit) and operation. Additional labels specify whether the request was rejected or not and an HTTP status code. Codes greater than 600 are truncated to 600, to keep the metrics cardinality bounded.',
  )
  const steps = all.histogram(
    `${prefix}step_admission_duration_seconds`,
    '[STABLE] Admission sub-step latency histogram in seconds, broken out for each operation and API resource and step type (validate or admit).',
    bounds,
  )
  const stepOf = seriesIndex((labels) => steps.series(labels))
  return {
    step: ({ type, operation, isRejected, seconds }) => stepOf(type, operation, isRejected).observe(seconds),
    policy: policyInstruments(all),
    measured(plugin) {
      const { mutate, validate } = plugin
      const series = seriesIndex((labels) => plugins.series({ name: plugin.name, ...labels }))
      return {
        ...plugin,
        ...(mutate && { mutate: timed(mutate.bind(plugin), 'admit', { series, clock }) }),
        ...(validate && { validate: timed(validate.bind(plugin), 'validate', { series, clock }) }),
      }
    },
    webhook({ name, type, operation, seconds, refusal, isBroken, isIgnored }) {
      const rejected = String(refusal !== undefined)
      webhooks.observe({ name, operation, rejected, type }, seconds)
      const code = codeOf(refusal, isBroken)
      requests.add({ code, name, operation, rejected, type })
      if (isIgnored) ignored.add({ name, type })
      if (refusal === undefined) return
      const kind = isBroken ? 'calling_webhook_error' : 'no_error'
      rejections.add({ error_type: kind, name, operation, rejection_code: isBroken ? 0 : code, type })
    },
  }
}

function policyInstruments(all: Instruments): (check: PolicyCheck) => void {
  const prefix = 'apiserver_validating_admission_policy_check_'
  const checks = all.counter(
    `${prefix}total`,
    '[BETA] Validation admission policy check total, labeled by policy and further identified by binding and enforcement action taken.',
  )
  const times = all.histogram(
    `${prefix}duration_seconds`,
    '[BETA] Validation admission latency for individual validation expressions in seconds, labeled by policy and further including binding and enforcement action taken.',
    [0.0000005, 0.001, 0.01, 0.1, 1],
  )
  return ({ policy, binding, action, error, seconds }) => {
    const labels = { enforcement_action: action, error_type: error, policy, policy_binding: binding }
    checks.add(labels)
    times.observe(labels, seconds)
  }
}

function codeOf(refusal: unknown, isBroken: boolean): number {
  if (refusal === undefined) return isBroken ? 0 : 200
  return isBroken ? 500 : Math.min(refusal instanceof StatusError ? refusal.code : 500, 600)
}

type SeriesOf = (type: string, operation: string, rejected: boolean) => Histogram

/** Found by few texts instead of a text made of them. */
function seriesIndex(make: (labels: { operation: string; rejected: string; type: string }) => Histogram): SeriesOf {
  const known = new Map<string, Histogram>()
  const refused = new Map<string, Histogram>()
  return (type, operation, rejected) => {
    const map = rejected ? refused : known
    const key = type === 'admit' ? operation : `${operation} ${type}`
    let series = map.get(key)
    if (!series) map.set(key, (series = make({ operation, rejected: String(rejected), type })))
    return series
  }
}

type Step = NonNullable<AdmissionPlugin['mutate']>

function timed(step: Step, type: string, { series, clock }: { series: SeriesOf; clock: Clock }): Step {
  return (request: AdmissionRequest, context) => {
    const began = clock.monotonic()
    const note = (rejected: boolean) => series(type, request.operation, rejected).observe((clock.monotonic() - began) / 1000)
    let done: void | Promise<void>
    try {
      done = step(request, context)
    } catch (error) {
      note(true)
      throw error
    }
    if (!(done instanceof Promise)) return note(false)
    return done.then(
      () => note(false),
      (error) => {
        note(true)
        throw error
      },
    )
  }
}
