import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { createProgress } from './progress.ts'

function recorded(isTTY: boolean) {
  const clock = new VirtualClock()
  let text = ''
  const progress = createProgress({ isTTY, columns: 40, write: (more: string) => (text += more) }, clock)
  return { clock, progress, text: () => text }
}

test('progress off a terminal is one plain line per step', () => {
  const { clock, progress, text } = recorded(false)
  progress.step('building')
  progress.update('half')
  clock.advanceTo(clock.now() + 1500)
  progress.step('starting')
  progress.fail()
  assert.equal(text(), '  ok  building (1.5 s)\n  no  starting (0.0 s)\n')
})

test('progress on a terminal redraws the running step within its width', () => {
  const { progress, text } = recorded(true)
  progress.step('building')
  progress.update('x'.repeat(100))
  progress.done('image')
  const lines = text().split('\r')
  assert(lines.every((line) => line.replaceAll('\u001b[K', '').length <= 40))
  assert(text().endsWith('  ok  building: image (0.0 s)\n'))
})
