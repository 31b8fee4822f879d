import assert from 'node:assert/strict'
import test from 'node:test'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { createLog } from './log.ts'

function logOf() {
  const clock = new VirtualClock(Date.parse('2026-01-02T03:04:05.678Z'))
  const lines: { msg: string; level: number; [field: string]: unknown }[] = []
  return { clock, lines, log: createLog('server', { clock, write: (line) => void lines.push(JSON.parse(line)) }) }
}

test('createLog: a line of JSON for each event, with its time and component', () => {
  const { lines, log } = logOf()
  log.info('serving on port 6443')
  const time = '2026-01-02T03:04:05.678Z'
  assert.deepEqual(lines, [{ level: 30, time, component: 'server', msg: 'serving on port 6443' }])
})

test('createLog: the stack stands with errors that nobody expects', () => {
  const { lines, log } = logOf()
  log.error('serving', new Error('gone'))
  log.error('serving', new RangeError('beyond'))
  assert.deepEqual(
    lines.map(({ msg, level, stack }) => [msg, level, typeof stack]),
    [
      ['serving: gone', 50, 'string'],
      ['serving: beyond', 50, 'undefined'],
    ],
  )
})

test('createLog: a failure that repeats is told once in ten seconds, with how often', () => {
  const { clock, lines, log } = logOf()
  for (let i = 0; i < 4; i++) log.error('probe', 'refused')
  clock.advanceTo(clock.now() + 10_000)
  log.error('probe', 'refused')
  assert.deepEqual(
    lines.map(({ msg, repeated }) => [msg, repeated]),
    [
      ['probe: refused', undefined],
      ['probe: refused', 3],
    ],
  )
})
