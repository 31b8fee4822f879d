import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { AuditEvent } from '#apiserver/audit/event.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { auditLog } from './audit-log.ts'

test('auditLog() turns the file over and keeps as many as wanted', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'nami-audit-'))
  const clock = new VirtualClock()
  try {
    const onError = (error: unknown) => assert.fail(String(error))
    const kept = { maxSize: 1, maxAge: 0, maxBackups: 2, compress: false }
    const log = auditLog({ path: join(directory, 'audit.log'), format: 'json', ...kept, clock, onError })
    const event = { requestURI: 'x'.repeat(700_000) } as unknown as AuditEvent
    for (let i = 0; i < 5; i++) {
      log.take([{ ...event, auditID: String(i) }])
      clock.advanceTo(clock.now() + 1000)
    }
    await log.close()
    const files = readdirSync(directory).sort()
    assert.deepEqual(files, ['audit-2026-01-01T00-00-03.000.log', 'audit-2026-01-01T00-00-04.000.log', 'audit.log'])
    assert.equal(JSON.parse(readFileSync(join(directory, 'audit.log'), 'utf8')).auditID, '4')
  } finally {
    rmSync(directory, { recursive: true })
  }
})
