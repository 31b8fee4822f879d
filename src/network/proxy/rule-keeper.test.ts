import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { noNft, openNft } from '#testing/nft.ts'
import type { RunNft } from './nft.ts'
import { RuleKeeper } from './rule-keeper.ts'
import { fixedPort } from './ruleset.ts'

const addresses = { podCidr: '10.244.0.0/16', serviceCidr: '10.96.0.0/16' }
const service = (ip: string) =>
  fixedPort(`default/${ip}/tcp/http`, { protocol: 'tcp', from: { ip, port: 80 }, to: { ip: '10.244.0.2', port: 80 } })

function keeper(nft: RunNft) {
  const clock = new VirtualClock()
  const stop = new AbortController()
  const wanted = [service('10.96.0.5')]
  const errors: unknown[] = []
  const rules = new RuleKeeper({
    ...{ clock, addresses, nft },
    signal: stop.signal,
    onError: (error) => errors.push(error),
    wanted: () => wanted,
  })
  return { clock, wanted, errors, rules, stop: () => stop.abort() }
}

test('RuleKeeper loads again what somebody else has flushed or cut', { skip: noNft }, async () => {
  using nft = openNft()
  const { clock, errors, rules, stop } = keeper(nft.run)
  await rules.start()
  const whole = await nft.run('list ruleset')
  const damages = ['flush ruleset', 'delete table ip nami', 'flush chain ip nami dispatch', 'flush map ip nami services']
  for (const damage of damages) {
    await nft.run(damage)
    await nextTimer(clock)
    await untilWaiting(clock)
    assert.equal(await nft.run('list ruleset'), whole, damage)
  }
  assert.equal(errors.length, damages.length)
  stop()
})

test('RuleKeeper sends what differs, and everything after a failure', async () => {
  const scripts: string[] = []
  let fails = false
  const { clock, wanted, errors, rules, stop } = keeper(async (script) => {
    scripts.push(script)
    if (fails) throw new Error('no')
    return ''
  })
  await rules.start()
  wanted.push(service('10.96.0.6'))
  fails = true
  rules.request()
  await untilWaiting(clock)
  fails = false
  await nextTimer(clock)
  await untilWaiting(clock)
  stop()
  assert.deepEqual(
    scripts.map((script) => [script.includes('delete table'), script.includes('10.96.0.5'), script.includes('10.96.0.6')]),
    [
      [true, true, false],
      [false, false, true],
      [true, true, true],
    ],
  )
  assert.equal(errors.length, 1)
})

test('RuleKeeper loads once for a listing that it cannot read', async () => {
  const scripts: string[] = []
  const { clock, rules, stop } = keeper(async (script) => {
    scripts.push(script.split(' ').slice(0, 2).join(' '))
    return ''
  })
  await rules.start()
  for (let i = 0; i < 5; i++) await nextTimer(clock)
  stop()
  assert.deepEqual(scripts, ['add table', 'list table', 'add table', ...Array(4).fill('list table')])
})

/** Until everything waits for the clock. */
async function untilWaiting(clock: VirtualClock): Promise<void> {
  for (let quiet = 0; quiet < 3 || clock.nextDue() === undefined; quiet++) await new Promise(setImmediate)
}

async function nextTimer(clock: VirtualClock): Promise<void> {
  await untilWaiting(clock)
  clock.runNext()
}
