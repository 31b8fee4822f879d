import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '#lib/clock.ts'
import { openCgroups, readMounts, toCpuShares, toCpuWeight } from './cgroups.ts'

const hybrid = `31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`

test('readMounts() takes a hybrid machine for v1', () => {
  const { version, roots } = readMounts(hybrid)
  assert.equal(version, 1)
  assert.equal(roots.get('cpuacct'), '/sys/fs/cgroup/cpu,cpuacct')
  assert.equal(roots.get('name=systemd'), '/sys/fs/cgroup/systemd')
})

test('readMounts() finds the one hierarchy of v2', () => {
  const { version, roots } = readMounts('30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n')
  assert.equal(version, 2)
  assert.deepEqual([...roots], [['', '/sys/fs/cgroup']])
})

const weights = [
  [2, 1],
  [1024, 100],
  [262_144, 10_000],
  [4096, 303],
] as const

for (const [shares, weight] of weights) {
  test(`toCpuWeight(${shares}) is ${weight}`, () => assert.equal(toCpuWeight(shares), weight))
}

test('toCpuShares() gives 1024 for a CPU and never less than 2', () => {
  assert.deepEqual([0, 1, 250, 1000].map(toCpuShares), [2, 2, 256, 1024])
})

test('v2 groups get weight, max and pids, and parents hand controllers down', async () => {
  const root = mkdtempSync(join(tmpdir(), 'nami-cgroup-'))
  try {
    writeFileSync(join(root, 'cgroup.controllers'), 'cpu memory pids\n')
    writeFileSync(join(root, 'cgroup.subtree_control'), 'cpu\n')
    const cgroups = await openCgroups({ clock: systemClock, mountinfo: `30 23 0:26 / ${root} rw - cgroup2 cgroup2 rw` })
    assert.equal(cgroups.version, 2)
    await cgroups.prepare({ memoryLimitBytes: 1000 })
    const path = cgroups.podPath('u-1', 'Burstable')
    assert.equal(path, '/kubepods/burstable/podu-1')
    await cgroups.ensure(path, { cpuShares: 1024, cpuQuota: 50_000, memoryLimitBytes: -1, pids: 10 })
    const read = (file: string) => readFileSync(join(root, path, file), 'utf8')
    assert.deepEqual(['cpu.weight', 'cpu.max', 'memory.max', 'pids.max'].map(read), ['100', '50000 100000', 'max', '10'])
    assert.equal(readFileSync(join(root, 'kubepods/memory.max'), 'utf8'), '1000')
    assert.equal(readFileSync(join(root, 'cgroup.subtree_control'), 'utf8'), '+pids')
    assert.deepEqual(await cgroups.listPods(), ['u-1'])
  } finally {
    rmSync(root, { recursive: true })
  }
})

test('podPath() puts guaranteed pods at the top, below a prefix where one is set', async () => {
  const cgroups = await openCgroups({ clock: systemClock, prefix: '/node1', mountinfo: hybrid })
  assert.equal(cgroups.podPath('u', 'Guaranteed'), '/node1/kubepods/podu')
  assert.equal(cgroups.podPath('u', 'BestEffort'), '/node1/kubepods/besteffort/podu')
})

test('remove() kills what runs in a group and removes the tree', { skip: noCgroups() }, async () => {
  const cgroups = await openCgroups({ clock: systemClock, prefix: `/nami-test-${process.pid}` })
  const { version, roots } = readMounts(readFileSync('/proc/self/mountinfo', 'utf8'))
  const root = roots.get(version === 2 ? '' : 'memory')!
  try {
    const path = cgroups.podPath('u-1', 'BestEffort')
    await cgroups.prepare({})
    await cgroups.ensure(path, { cpuShares: 2, memoryLimitBytes: 64 * 1024 * 1024 })
    mkdirSync(join(root, path, 'container'))
    const child = spawn('sleep', ['1000'])
    writeFileSync(join(root, path, 'container/cgroup.procs'), `${child.pid}`)
    await Promise.all([once(child, 'exit'), cgroups.remove(path)])
    assert.equal(existsSync(join(root, path)), false)
    await cgroups.remove(path)
  } finally {
    await cgroups.remove(`/nami-test-${process.pid}`)
  }
})

function noCgroups(): string | false {
  const { version, roots } = readMounts(readFileSync('/proc/self/mountinfo', 'utf8'))
  const root = roots.get(version === 2 ? '' : 'memory')
  try {
    accessSync(root ?? '/nonexistent', constants.W_OK)
    return process.getuid?.() === 0 ? false : 'needs root'
  } catch {
    return 'needs writable control groups'
  }
}
