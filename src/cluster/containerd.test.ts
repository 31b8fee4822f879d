import assert from 'node:assert/strict'
import { existsSync, globSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '#lib/clock.ts'
import { busybox, noContainerd, testContainerd } from '#testing/containerd.ts'
import { containerConfig, sandboxConfig } from '../kubelet/cri/test-configs.ts'
import { startContainerd } from './containerd.ts'
import { containerdConfig } from './containerd-config.ts'
import { logFile, runningPid } from './containerd-process.ts'
import { deleteContainerd } from './containerd-sweep.ts'

const skip = noContainerd()

test('deleteContainerd() sweeps what a killed containerd left: processes, mounts, groups, sockets', { skip }, async () => {
  await using bed = await testContainerd()
  const { runtime, options, directory } = bed
  const config = sandboxConfig('orphan', { logDirectory: join(directory, 'logs') })
  const sandbox = await runtime.runPodSandbox(config)
  const container = containerConfig('app', { image: busybox, command: ['sleep', '1000'], logPath: '0.log' })
  await runtime.startContainer(await runtime.createContainer(sandbox, container, config))
  const [address = ''] = globSync(`${options.state}/io.containerd.runtime.v2.task/*/*/address`)
  const shimSocket = readFileSync(address, 'utf8').trim().replace('unix://', '')
  const init = readFileSync(join(options.state, 'io.containerd.runtime.v2.task/k8s.io', sandbox, 'init.pid'), 'utf8')
  assert(existsSync(shimSocket) && existsSync(`/proc/${init}`))
  process.kill(runningPid(options)!, 'SIGKILL')
  await deleteContainerd(options, { clock: systemClock })
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
  assert(!mounts.includes(`${directory}/`), 'no mount stays')
  assert(!isAlive(Number(init)), 'no process of a pod stays')
  assert(!existsSync(shimSocket), 'no socket of a shim stays')
  assert.deepEqual(globSync(`/sys/fs/cgroup/*/k8s.io/${sandbox}`), [])
  assert.deepEqual(
    globSync('/var/lib/cni/results/*').filter((file) => file.includes(sandbox)),
    [],
  )
  for (const path of [options.root, options.state, options.socket]) assert(!existsSync(path), path)
  assert.deepEqual(readdirSync(join(directory, 'cni')), ['10-test.conflist'])
  await deleteContainerd(options, { clock: systemClock })
})

test('deleteContainerd() refuses directories that are not ours alone', () => {
  const paths = { root: '/var/lib/containerd', state: '/run/nami', socket: '/run/nami/c.sock' }
  assert.throws(() => deleteContainerd(paths, { clock: systemClock }), /is not ours to delete/)
})

test('startContainerd() says what a containerd that ends at once wrote last', { skip }, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'nami-cri-'))
  const binary = join(directory, 'broken')
  writeFileSync(binary, '#!/bin/sh\necho cannot: no such thing >&2\nexit 1\n', { mode: 0o755 })
  const options = {
    root: join(directory, 'root'),
    state: join(directory, 'state'),
    socket: join(directory, 'c.sock'),
    cniConfDir: join(directory, 'cni'),
    configPath: join(directory, 'hosts'),
    sandboxImage: 'pause',
    binary,
    clock: systemClock,
  }
  try {
    await assert.rejects(startContainerd(options), {
      message: `containerd ended at once; the end of ${logFile(options)}:\ncannot: no such thing`,
    })
    const long = { ...options, socket: join(directory, 'x'.repeat(100)) }
    await assert.rejects(startContainerd(long), /socket path is longer than 101 bytes/)
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('containerdConfig() quotes paths and keeps to its own directories', () => {
  const text = containerdConfig({
    root: '/data/"quoted"/root',
    state: '/run/s',
    socket: '/run/s/c.sock',
    cniConfDir: '/data/cni',
    cniBinDir: '/usr/lib/cni',
    sandboxImage: 'nami/pause:1',
    configPath: '/data/hosts',
    snapshotter: 'native',
    restrictOomScoreAdj: true,
  })
  assert.match(text, /^version = 2\nroot = "\/data\/\\"quoted\\"\/root"$/m)
  assert.match(text, /^ {2}snapshotter = "native"$/m)
  assert.match(text, /^ {2}restrict_oom_score_adj = true$/m)
  assert.match(text, /^ {2}Root = "\/run\/s\/runc"$/m)
})

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
