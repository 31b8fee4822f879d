/** Sends batches of audit events to a webhook, again where it did not take them (upstream `plugin/audit/webhook`). */
import { type Clock, sleep } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import { postJson, type WebhookTarget } from '../webhook-target.ts'
import type { AuditEvent } from './event.ts'

export interface AuditWebhookOptions {
  readonly target: WebhookTarget
  readonly clock: Clock
  readonly random: Random
  /** Milliseconds before the first repetition. */
  readonly initialBackoff: number
}

const attempts = 5
const factor = 1.5
const jitter = 0.2
/** Milliseconds. */
const timeout = 30_000

/** Whatever went wrong, it is tried again: an event is lost only when the webhook stays away. */
export function auditWebhook({ target, clock, random, initialBackoff }: AuditWebhookOptions) {
  return async (items: readonly AuditEvent[]): Promise<void> => {
    const body = { kind: 'EventList', apiVersion: 'audit.k8s.io/v1', metadata: {}, items }
    let pause = initialBackoff
    for (let attempt = 1; ; attempt++) {
      try {
        return void (await postJson(target, body, { timeout }))
      } catch (error) {
        if (attempt === attempts) throw error
      }
      await sleep(clock, pause * (1 + jitter * random.next()))
      pause *= factor
    }
  }
}
