/** The audit log as the flags want it. */
import { readFileSync } from 'node:fs'
import { batchingBackend } from '#apiserver/audit/batch.ts'
import { type AuditBackend, type AuditEvent, allBackends } from '#apiserver/audit/event.ts'
import { type AuditPolicy, parseAuditPolicy } from '#apiserver/audit/policy.ts'
import { truncatingBackend } from '#apiserver/audit/truncate.ts'
import { auditWebhook } from '#apiserver/audit/webhook.ts'
import { webhookTarget } from '#apiserver/webhook-target.ts'
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import { ApiserverConfigError, type ApiserverFlags } from './apiserver-flags.ts'
import { auditLog } from './audit-log.ts'

export interface AuditParts {
  readonly clock: Clock
  readonly random: Random
  readonly onError: (error: unknown, doing: string) => void
  /** Told of events that nobody will see. */
  readonly onDropped?: ((plugin: string, count: number) => void) | undefined
}

/** Undefined where nothing is to be recorded: a policy without a place for its events, or the other way round. */
export function auditFrom(flags: ApiserverFlags, parts: AuditParts): { policy: AuditPolicy; backend: AuditBackend } | undefined {
  const path = flags['audit-policy-file']
  const backends = [logBackend(flags, parts), webhookBackend(flags, parts)].filter((one) => one !== undefined)
  if (path === '' || backends.length === 0) return undefined
  try {
    const complain = (complaint: string) => parts.onError(new Error(complaint), 'audit policy')
    return { policy: parseAuditPolicy(readFileSync(path, 'utf8'), complain), backend: allBackends(backends) }
  } catch (error) {
    throw new ApiserverConfigError(`loading audit policy file: ${(error as Error).message}`, { cause: error })
  }
}

const modes = ['batch', 'blocking', 'blocking-strict']

function checkMode(name: string, mode: string): void {
  if (modes.includes(mode)) return
  throw new ApiserverConfigError(`invalid audit ${name} mode ${mode}, allowed modes are "${modes.join(',')}"`)
}

function logBackend(flags: ApiserverFlags, { clock, onError, onDropped }: AuditParts): AuditBackend | undefined {
  const path = flags['audit-log-path']
  if (path === '') return undefined
  const format = flags['audit-log-format']
  checkMode('log', flags['audit-log-mode'])
  if (format !== 'json' && format !== 'legacy') {
    throw new ApiserverConfigError(`invalid audit log format ${format}, allowed formats are "legacy,json"`)
  }
  const log = auditLog({
    ...{ path, format, clock, onError },
    maxSize: flags['audit-log-maxsize'],
    maxAge: flags['audit-log-maxage'],
    maxBackups: flags['audit-log-maxbackup'],
    compress: flags['audit-log-compress'],
  })
  const send = async (events: readonly AuditEvent[]) => log.write(events)
  const backend = flags['audit-log-mode'] === 'batch' ? batching('log', flags, { clock, onError, onDropped, send }) : log
  return truncating('log', flags, backend, onError)
}

function webhookBackend(flags: ApiserverFlags, { clock, random, onError, onDropped }: AuditParts): AuditBackend | undefined {
  const path = flags['audit-webhook-config-file']
  if (path === '') return undefined
  checkMode('webhook', flags['audit-webhook-mode'])
  const target = webhookTarget(readFileSync(path, 'utf8'), (file) => readFileSync(file, 'utf8'))
  const send = auditWebhook({ target, clock, random, initialBackoff: flags['audit-webhook-initial-backoff'] })
  return truncating('webhook', flags, batching('webhook', flags, { clock, onError, onDropped, send }), onError)
}

function batching(
  name: 'log' | 'webhook',
  flags: ApiserverFlags,
  {
    onDropped,
    ...parts
  }: Pick<AuditParts, 'clock' | 'onError' | 'onDropped'> & { send: (events: readonly AuditEvent[]) => Promise<void> },
): AuditBackend {
  const isBatch = flags[`audit-${name}-mode`] === 'batch'
  const { qps, burst } = { qps: flags[`audit-${name}-batch-throttle-qps`], burst: flags[`audit-${name}-batch-throttle-burst`] }
  return batchingBackend({
    ...{ name, ...parts },
    onDropped: (count) => onDropped?.(name, count),
    bufferSize: flags[`audit-${name}-batch-buffer-size`],
    maxBatchSize: isBatch ? flags[`audit-${name}-batch-max-size`] : 1,
    maxBatchWait: isBatch ? flags[`audit-${name}-batch-max-wait`] : 0,
    ...(isBatch && flags[`audit-${name}-batch-throttle-enable`] && { throttle: { qps, burst } }),
  })
}

function truncating(
  name: 'log' | 'webhook',
  flags: ApiserverFlags,
  backend: AuditBackend,
  onError: AuditParts['onError'],
): AuditBackend {
  if (!flags[`audit-${name}-truncate-enabled`]) return backend
  const maxEventSize = flags[`audit-${name}-truncate-max-event-size`]
  const maxBatchSize = flags[`audit-${name}-truncate-max-batch-size`]
  return truncatingBackend(backend, { maxEventSize, maxBatchSize }, onError)
}
