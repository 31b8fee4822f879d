import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { thisMachine } from './machine.ts'

const machine = thisMachine()

test('thisMachine() reads files and their facts, and takes what cannot be read for absent', () => {
  const directory = mkdtempSync(join(tmpdir(), 'nami-doctor-'))
  try {
    mkdirSync(join(directory, 'nodes/a'), { recursive: true })
    writeFileSync(join(directory, 'nodes/a/client.key'), 'key', { mode: 0o600 })
    const [file = ''] = machine.filesBelow(directory)
    assert.equal(file, join(directory, 'nodes/a/client.key'))
    assert.equal(machine.readText(file), 'key')
    assert.equal(machine.facts(file)?.mode, 0o600)
    assert.equal(machine.facts(join(directory, 'none')), undefined)
    assert.equal(machine.readText(directory), undefined)
    assert.deepEqual(machine.filesBelow(join(directory, 'none')), [])
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})

test('thisMachine() runs programs, hands them input, and survives those that are not there', async () => {
  assert.deepEqual(await machine.run('sh', ['-c', 'cat; echo b >&2; exit 3'], 'a'), { code: 3, stdout: 'a', stderr: 'b\n' })
  assert.equal((await machine.run('no-such-program', [])).code, undefined)
  assert.equal((await machine.run('true', [], 'nobody reads this')).code, 0)
})

test('thisMachine() knows which ports are taken', async () => {
  const server = createServer().listen(0)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  assert.equal(await machine.isFree(port), false)
  server.close()
  await once(server, 'close')
  assert.equal(await machine.isFree(port), true)
})

test('thisMachine() measures the file system that would hold a path', async () => {
  const { free, inodes, freeBytes } = await machine.space('/tmp/not/there/yet')
  assert(free > 0 && free <= 1 && inodes > 0 && inodes <= 1 && freeBytes > 0)
})
