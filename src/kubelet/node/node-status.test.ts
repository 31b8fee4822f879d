import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { readMachine } from './machine.ts'
import { runtimeProblems } from './node-status.ts'
import { PressureMemory, pressureOf, readRemaining } from './pressure.ts'

test('readMachine() finds what every Linux has', async () => {
  const machine = await readMachine({ directory: '/' })
  assert(machine.cpus >= 1 && machine.memoryBytes > 1e8 && machine.storageBytes > 1e8)
  assert.match(machine.bootId, /^[0-9a-f-]{36}$/)
  assert.notEqual(machine.kernelVersion, '')
})

test('readRemaining() finds this machine without pressure of process ids', async () => {
  const remaining = await readRemaining({ directory: '/', imageDirectory: '/' })
  assert.equal(pressureOf(remaining).pid, false)
})

test('PressureMemory holds a pressure for five minutes', () => {
  const clock = new VirtualClock()
  const memory = new PressureMemory(clock)
  const none = { memory: false, disk: false, pid: false }
  assert.equal(memory.observe({ ...none, disk: true }).disk, true)
  clock.advanceTo(clock.now() + 299_000)
  assert.equal(memory.observe(none).disk, true)
  clock.advanceTo(clock.now() + 1_000)
  assert.equal(memory.observe(none).disk, false)
})

test('runtimeProblems() words a runtime that is down, and conditions that are missing', () => {
  assert.deepEqual(runtimeProblems(undefined), ['container runtime is down'])
  assert.deepEqual(runtimeProblems([{ type: 'RuntimeReady', status: true, reason: '', message: '' }]), [
    'container runtime network not ready: <nil>',
  ])
})
