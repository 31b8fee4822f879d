import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { findContainerd, startContainerd, stopContainerd } from '#cluster/containerd.ts'
import { systemClock } from '#lib/clock.ts'
import { busybox, noContainerd, type TestContainerd, testContainerd } from '#testing/containerd.ts'
import type { Runtime, RuntimeEvent } from './runtime.ts'
import { containerConfig, sandboxConfig } from './test-configs.ts'

const skip = noContainerd()
let bed: TestContainerd
let runtime: Runtime

before(async () => {
  if (skip) return
  bed = await testContainerd()
  runtime = bed.runtime
})

after(async () => {
  await bed?.[Symbol.asyncDispose]()
})

/** Runs one container with this script and waits for its exit. */
async function run(name: string, script: string, changes: object = {}) {
  const config = sandboxConfig(name, { logDirectory: join(bed.directory, 'logs', name) })
  const sandbox = await runtime.runPodSandbox(config)
  const container = containerConfig('app', { image: busybox, command: ['sh', '-c', script], logPath: 'app.log', ...changes })
  const id = await runtime.createContainer(sandbox, container, config)
  const stop = new AbortController()
  const events = runtime.events(stop.signal)[Symbol.asyncIterator]()
  assert.deepEqual((await events.next()).value, { type: 'resync' })
  await runtime.startContainer(id)
  return { sandbox, id, events, stop, log: join(config.logDirectory, 'app.log') }
}

async function next(events: AsyncIterator<RuntimeEvent>, type: string, id: string): Promise<RuntimeEvent> {
  for (;;) {
    const { value, done } = await events.next()
    assert(!done, `the stream ended before ${type}`)
    if (value.type === type && 'containerId' in value && value.containerId === id) return value
  }
}

test('connectContainerd() reports version and readiness', { skip }, async () => {
  assert.equal((await runtime.version()).name, 'containerd')
  const { conditions } = await runtime.status()
  assert.deepEqual(
    conditions.map(({ type, status }) => [type, status]),
    [
      ['RuntimeReady', true],
      ['NetworkReady', true],
    ],
  )
})

test('containerd runs a pod: address, log, exit code, events, removal', { skip }, async () => {
  const { sandbox, id, events, stop, log } = await run('once', 'echo hello; echo bad >&2; exit 3')
  const status = await runtime.podSandboxStatus(sandbox)
  assert.match(status?.ips[0] ?? '', /^10\.88\.7\.\d+$/)
  assert.equal(status?.metadata.name, 'once')
  await next(events, 'stopped', id)
  const ended = await runtime.containerStatus(id)
  assert.equal(ended?.state, 'exited')
  assert.equal(ended.exitCode, 3)
  assert.equal(ended.reason, 'Error')
  assert.equal(ended.sandboxId, sandbox)
  // containerd notes the start after the fact: a process that ends at once may have ended before it.
  assert(ended.startedAt > 1e12 && ended.finishedAt > 1e12)
  assert.match(readFileSync(log, 'utf8'), /^\S+Z? stdout F hello\n\S+ stderr F bad\n$|stderr F bad\n\S+ stdout F hello\n$/)
  await runtime.stopPodSandbox(sandbox)
  await runtime.stopPodSandbox(sandbox)
  assert.equal((await runtime.podSandboxStatus(sandbox))?.state, 'notReady')
  await runtime.removePodSandbox(sandbox)
  await runtime.removePodSandbox(sandbox)
  await next(events, 'deleted', sandbox)
  assert.equal(await runtime.podSandboxStatus(sandbox), undefined)
  assert.equal(await runtime.containerStatus(id), undefined)
  await runtime.stopContainer(id, 1)
  await runtime.removeContainer(id)
  stop.abort()
})

test('containerd execSync() answers output, exit code, and a timeout as DeadlineExceeded', { skip }, async () => {
  const { sandbox, id, stop } = await run('exec', 'sleep 1000')
  const result = await runtime.execSync(id, ['sh', '-c', 'echo out; echo err >&2; exit 7'], 5)
  assert.equal(Buffer.from(result.stdout).toString(), 'out\n')
  assert.equal(Buffer.from(result.stderr).toString(), 'err\n')
  assert.equal(result.exitCode, 7)
  await assert.rejects(runtime.execSync(id, ['sleep', '1000'], 1), { code: 'DeadlineExceeded', message: /timeout 1s exceeded/ })
  const [stats] = await runtime.containerStats({ sandboxId: sandbox })
  assert.equal(stats?.id, id)
  await runtime.updateContainerResources(id, { cpuShares: 512 })
  await runtime.reopenContainerLog(id)
  await runtime.stopContainer(id, 1)
  assert.equal((await runtime.containerStatus(id))?.exitCode, 137)
  await runtime.removePodSandbox(sandbox)
  stop.abort()
})

test('containerd errors carry its own text and Go status', { skip }, async () => {
  await assert.rejects(runtime.startContainer('nope'), { code: 'NotFound', message: /container "nope"/ })
  await assert.rejects(runtime.pullImage('127.0.0.1:1/nope:1', {}), {
    message: /^failed to pull and unpack image "127.0.0.1:1\/nope:1": failed to resolve reference/,
  })
  const { sandbox, id, stop } = await run('badexec', 'true').catch((error) => assert.fail(error))
  await runtime.removePodSandbox(sandbox)
  assert.equal(await runtime.containerStatus(id), undefined)
  stop.abort()
})

test('containerd images: list, status, file system', { skip }, async () => {
  const image = await runtime.imageStatus('busybox:test')
  assert.deepEqual(image?.repoTags, [busybox])
  assert.match(image.id, /^sha256:[0-9a-f]{64}$/)
  assert(image.size > 1_000_000)
  assert.equal(await runtime.imageStatus('nope:1'), undefined)
  assert((await runtime.listImages()).some(({ id }) => id === image.id))
  assert.match((await runtime.imageFsInfo()).mountpoint, new RegExp(`^${bed.options.root}/`))
})

test('a restart of containerd keeps containers and is told as resync', { skip }, async () => {
  const { sandbox, id, events, stop } = await run('keeper', 'sleep 1000')
  await next(events, 'started', id)
  await stopContainerd(bed.options, systemClock)
  assert.equal(await findContainerd(bed.options, systemClock), undefined)
  const again = await startContainerd(bed.options)
  assert.equal(again.adopted, false)
  for (let event = await events.next(); event.value?.type !== 'resync'; event = await events.next());
  assert.equal((await runtime.containerStatus(id))?.state, 'running')
  assert.equal(await findContainerd(bed.options, systemClock), again.pid)
  assert.equal((await startContainerd(bed.options)).adopted, true)
  await runtime.removePodSandbox(sandbox)
  await next(events, 'stopped', sandbox)
  stop.abort()
  while (!(await events.next()).done);
})
