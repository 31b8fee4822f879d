import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { MemoryRuntime } from './memory-runtime.ts'
import type { RuntimeEvent } from './runtime.ts'
import { containerConfig, sandboxConfig } from './test-configs.ts'

async function started(runtime: MemoryRuntime, attempt = 0): Promise<{ sandbox: string; container: string }> {
  await runtime.pullImage('app:1')
  const config = sandboxConfig('web')
  const sandbox = await runtime.runPodSandbox(config)
  const container = await runtime.createContainer(sandbox, containerConfig('app', { image: 'app:1', attempt }), config)
  await runtime.startContainer(container)
  return { sandbox, container }
}

test('MemoryRuntime runs a container for the scripted time and keeps its status', async () => {
  const clock = new VirtualClock()
  const runtime = new MemoryRuntime({ clock })
  runtime.script({ name: 'app' }, { runFor: 5000, exitCode: 3, output: ['hello'] })
  const { container } = await started(runtime)
  assert.equal((await runtime.containerStatus(container))?.state, 'running')
  assert.deepEqual(runtime.log(container), ['hello'])
  while (clock.runNext());
  const status = await runtime.containerStatus(container)
  assert.equal(status?.state, 'exited')
  assert.equal(status.exitCode, 3)
  assert.equal(status.reason, 'Error')
  assert.equal(status.finishedAt - status.startedAt, 5000)
})

test('MemoryRuntime stopContainer() waits for SIGTERM, then kills', async () => {
  const clock = new VirtualClock()
  const runtime = new MemoryRuntime({ clock })
  runtime.script({ attempt: 0 }, { stopAfter: 2000, stopCode: 0 })
  runtime.script({ attempt: 1 }, { stopAfter: Number.POSITIVE_INFINITY })
  for (const [attempt, code, took] of [
    [0, 0, 2000],
    [1, 137, 30000],
  ] as const) {
    const { container } = await started(runtime, attempt)
    const begin = clock.now()
    const stopped = runtime.stopContainer(container, 30)
    await Promise.resolve()
    await Promise.resolve()
    await Promise.resolve()
    while (clock.runNext());
    await stopped
    assert.equal((await runtime.containerStatus(container))?.exitCode, code)
    assert.equal(clock.now() - begin, took)
  }
})

test('MemoryRuntime stopPodSandbox() kills containers, frees the address and tells', async () => {
  const runtime = new MemoryRuntime({ clock: new VirtualClock() })
  const stop = new AbortController()
  const seen: RuntimeEvent[] = []
  const events = runtime.events(stop.signal)
  const { sandbox, container } = await started(runtime)
  assert.deepEqual((await runtime.podSandboxStatus(sandbox))?.ips, ['10.88.0.2'])
  await runtime.stopPodSandbox(sandbox)
  await runtime.stopPodSandbox(sandbox)
  assert.equal((await runtime.containerStatus(container))?.exitCode, 137)
  const status = await runtime.podSandboxStatus(sandbox)
  assert.equal(status?.state, 'notReady')
  assert.deepEqual(status.ips, [])
  await runtime.removePodSandbox(sandbox)
  assert.equal(await runtime.containerStatus(container), undefined)
  stop.abort()
  for await (const event of events) seen.push(event)
  const told = seen.map((event) => ('containerId' in event ? `${event.type} ${event.containerId}` : event.type))
  assert.deepEqual(told, [
    'started sandbox1',
    'started container2',
    'stopped container2',
    'stopped sandbox1',
    'deleted container2',
    'deleted sandbox1',
  ])
})

test('MemoryRuntime fail() fails the named calls so many times', async () => {
  const runtime = new MemoryRuntime({ clock: new VirtualClock(), pullable: (image) => !image.includes('nope') })
  runtime.fail('pullImage', 'no route', { times: 2, when: 'app' })
  await assert.rejects(runtime.pullImage('app:1'), /no route/)
  await runtime.pullImage('other:1')
  await assert.rejects(runtime.pullImage('app:1'), /no route/)
  assert.match(await runtime.pullImage('app:1'), /^sha256:[0-9a-f]{64}$/)
  await assert.rejects(runtime.pullImage('nope:1'), { code: 'NotFound' })
})

test('MemoryRuntime execSync() answers by script and times out', async () => {
  const clock = new VirtualClock()
  const runtime = new MemoryRuntime({ clock })
  runtime.script({}, { exec: ([name]) => (name === 'hang' ? new Promise(() => {}) : { stdout: 'ok', exitCode: 1 }) })
  const { container } = await started(runtime)
  const result = await runtime.execSync(container, ['check'], 1)
  assert.equal(new TextDecoder().decode(result.stdout), 'ok')
  assert.equal(result.exitCode, 1)
  const hanging = runtime.execSync(container, ['hang'], 1)
  await Promise.resolve()
  await Promise.resolve()
  await Promise.resolve()
  while (clock.runNext());
  await assert.rejects(hanging, { code: 'DeadlineExceeded' })
})
