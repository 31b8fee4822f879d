import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { seededRandom } from '#lib/random.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { hasCode, type Store } from '#store/store.ts'
import { dataDirectory, defaultConfig, prepare } from './data-directory.ts'
import { openStore } from './open-store.ts'
import { storeProblem } from './store-problem.ts'
import { spaceCheck } from './store-stages.ts'

const skip = process.getuid?.() === 0 ? false : 'only root can mount a disk'
const cause = { user: 'test', time: 0, request: '' }

function put(store: Store, key: string, bytes: number) {
  return store.txn({ compare: [], success: [{ op: 'put', key, value: new Uint8Array(bytes) }], cause })
}

test('a full disk fails readyz and is noted for those who cannot ask, until there is space again', {
  skip,
  timeout: 60_000,
}, async ({ signal }) => {
  const path = mkdtempSync(join(tmpdir(), 'nami-space-'))
  assert.equal(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', path]).status, 0)
  const directory = dataDirectory(join(path, 'data'))
  const clock = new VirtualClock()
  const log = { info: () => {}, error: () => {} }
  try {
    prepare(directory)
    const config = { ...defaultConfig, nodeName: 'n', agent: false }
    const state = await openStore({ directory, config, clock, random: seededRandom(1), log })
    const { raw } = state
    const check = () => spaceCheck(raw).check()
    const until = async (done: () => boolean | Promise<boolean>) => {
      while (!(await done())) {
        signal.throwIfAborted()
        clock.runNext()
        await setImmediate()
      }
    }
    assert.deepEqual([await check(), storeProblem(directory)], [undefined, undefined])
    let full: unknown
    for (let i = 0; full === undefined; i++) await put(raw, `/registry/large/${i}`, 200_000).catch((error) => (full = error))
    assert(hasCode(full, 'NoSpace'))
    assert.equal(await check(), 'the disk is full: only deletions are accepted')
    await until(() => storeProblem(directory) !== undefined)
    const problem = storeProblem(directory)
    const text = `The disk of ${directory.path} is full: the state is read-only, and only deletions are accepted until there is space again.`
    assert.equal(problem?.message, text)
    assert.equal(problem.next[0], `df -h ${directory.path}`)

    await raw.txn({ compare: [], success: [{ op: 'delete', key: '/registry/large/', end: '/registry/large0' }], cause })
    await until(async () => (await raw.status()).alarm === undefined)
    assert.equal(await check(), undefined)
    await until(() => storeProblem(directory) === undefined)
    await put(raw, '/registry/small', 1)
    await state.close()
  } finally {
    spawnSync('umount', ['--lazy', path])
    for (const folder of [path, directory.run]) rmSync(folder, { recursive: true, force: true })
  }
})
