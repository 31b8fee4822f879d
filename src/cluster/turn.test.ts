import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { dataDirectory } from './data-directory.ts'
import { takeTurn } from './turn.ts'

const skip = process.platform !== 'linux' && 'abstract sockets are of Linux'
const { signal } = new AbortController()

test('takeTurn() lets one in at a time, and the next one when that has gone', { skip }, async () => {
  const directory = dataDirectory(`/tmp/nami-turn-${process.pid}`)
  const first = await takeTurn(directory, { signal, onWait: () => assert.fail('nobody is before it') })
  const order: string[] = []
  const waits = Promise.withResolvers<void>()
  const second = takeTurn(directory, { signal, onWait: waits.resolve }).then((turn) => {
    order.push('second in')
    return turn
  })
  await waits.promise
  order.push('first out')
  first[Symbol.dispose]()
  ;(await second)[Symbol.dispose]()
  assert.deepEqual(order, ['first out', 'second in'])
})

test('takeTurn() of another data directory does not wait', { skip }, async () => {
  const onWait = () => assert.fail('they have nothing in common')
  using _one = await takeTurn(dataDirectory(`/tmp/nami-turn-${process.pid}-a`), { signal, onWait })
  using _other = await takeTurn(dataDirectory(`/tmp/nami-turn-${process.pid}-b`), { signal, onWait })
})

test('takeTurn() ends waiting when told to', { skip }, async () => {
  const directory = dataDirectory(`/tmp/nami-turn-${process.pid}-c`)
  using _first = await takeTurn(directory, { signal, onWait: () => {} })
  const given = new AbortController()
  await assert.rejects(takeTurn(directory, { signal: given.signal, onWait: () => given.abort() }), { name: 'AbortError' })
})

test('takeTurn() comes to whoever waits when its holder is killed', { skip }, async () => {
  const path = `/tmp/nami-turn-${process.pid}-d`
  const source = `
    import { takeTurn } from '#cluster/turn.ts'
    import { dataDirectory } from '#cluster/data-directory.ts'
    await takeTurn(dataDirectory(${JSON.stringify(path)}), { signal: new AbortController().signal, onWait() {} })
    console.log('held')
    setInterval(() => {}, 1000)`
  const root = new URL('../..', import.meta.url)
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', source], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  const turn = await takeTurn(dataDirectory(path), { signal, onWait: () => child.kill('SIGKILL') })
  turn[Symbol.dispose]()
})
