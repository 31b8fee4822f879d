import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { stopServing } from './stop-serving.ts'

const flags = {
  'shutdown-delay-duration': 0,
  'shutdown-send-retry-after': false,
  'shutdown-watch-termination-grace-period': 0,
  'request-timeout': 60_000,
}

/** What is done, and after how many seconds; `busy` requests under way never end. */
function stopping(over: Partial<typeof flags>, busy = false) {
  const clock = new VirtualClock()
  const began = clock.now()
  const seen: string[] = []
  const note = (what: string) => void seen.push(`${(clock.now() - began) / 1000} ${what}`)
  const listening = {
    async turnAway(signal: AbortSignal) {
      note('turns away')
      const { promise, resolve } = Promise.withResolvers<void>()
      signal.addEventListener('abort', () => resolve())
      if (!busy) clock.after(3_000, resolve)
      await promise
    },
    async endWatches(within?: number) {
      note(`ends watches within ${within}`)
    },
    async close(grace?: number) {
      note(`closes with ${grace}`)
    },
  }
  const components = async () => note('ends components')
  return { clock, seen, done: stopServing({ listening, flags: { ...flags, ...over }, clock, components }) }
}

async function passes({ clock, done }: ReturnType<typeof stopping>): Promise<void> {
  let isDone = false
  void done.then(() => (isDone = true))
  for (;;) {
    for (let i = 0; i < 10; i++) await Promise.resolve()
    if (isDone || !clock.runNext()) break
  }
  await done
}

test('stopServing() ends at once where nothing else is asked for', async () => {
  const it = stopping({})
  await passes(it)
  assert.deepEqual(it.seen, ['0 ends components', '0 closes with 10000'])
})

test('stopServing() waits, turns away, ends watches, and then closes', async () => {
  const it = stopping({
    ...{ 'shutdown-delay-duration': 5_000, 'shutdown-send-retry-after': true, 'shutdown-watch-termination-grace-period': 2_000 },
  })
  await passes(it)
  assert.deepEqual(it.seen, ['5 turns away', '8 ends watches within 2000', '8 ends components', '8 closes with 10000'])
})

test('stopServing() waits no longer for requests under way than one may take', async () => {
  const it = stopping({ 'shutdown-send-retry-after': true }, true)
  await passes(it)
  assert.deepEqual(it.seen, ['0 turns away', '60 ends components', '60 closes with 10000'])
})
