import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { dataDirectory, defaultConfig, loadConfig, prepare, replaceFile, saveConfig } from './data-directory.ts'

function temporary() {
  const path = mkdtempSync(join(tmpdir(), 'nami-data-'))
  const directory = dataDirectory(path)
  return {
    directory,
    [Symbol.dispose]() {
      rmSync(path, { recursive: true, force: true })
      rmSync(directory.run, { recursive: true, force: true })
    },
  }
}

test('prepare() makes a directory that only its owner can read, and may be repeated', () => {
  using made = temporary()
  prepare(made.directory)
  prepare(made.directory)
  assert.equal(statSync(made.directory.pki).mode & 0o777, 0o700)
})

test('prepare() refuses what a newer version wrote and leaves it alone', () => {
  using made = temporary()
  const file = join(made.directory.path, 'version')
  writeFileSync(file, '99\n')
  assert.throws(() => prepare(made.directory), /was written by a newer Nami \(format 99/)
  assert.equal(readFileSync(file, 'utf8'), '99\n')
})

test('prepare() refuses a damaged version', () => {
  using made = temporary()
  writeFileSync(join(made.directory.path, 'version'), 'x')
  assert.throws(() => prepare(made.directory), /is damaged/)
})

test('loadConfig() reads what saveConfig() wrote, and names a damaged file', () => {
  using made = temporary()
  const config = { ...defaultConfig, nodeName: 'a' }
  assert.equal(loadConfig(made.directory), undefined)
  saveConfig(made.directory, config)
  assert.deepEqual(loadConfig(made.directory), config)
  writeFileSync(made.directory.config, '{')
  assert.throws(() => loadConfig(made.directory), /config\.json is damaged/)
})

test('dataDirectory() keeps clusters apart and socket paths short', () => {
  const [a, b] = [dataDirectory('/var/lib/nami'), dataDirectory(`/var/lib/${'long/'.repeat(30)}nami`)]
  assert.notEqual(a.run, b.run)
  assert.notEqual(a.cgroup, b.cgroup)
  assert(b.containerd.socket.length < 90, b.containerd.socket)
})

test('replaceFile() leaves alone what is there already, and mends who may read it', () => {
  using made = temporary()
  const file = join(made.directory.path, 'text')
  replaceFile(file, 'one', 0o600)
  const { ino } = statSync(file)
  replaceFile(file, 'one', 0o600)
  assert.equal(statSync(file).ino, ino)
  chmodSync(file, 0o644)
  replaceFile(file, 'one', 0o600)
  assert.equal(statSync(file).mode & 0o777, 0o600)
  replaceFile(file, 'two', 0o600)
  assert.equal(readFileSync(file, 'utf8'), 'two')
})
