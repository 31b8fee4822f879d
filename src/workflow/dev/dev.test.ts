import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { test } from 'node:test'
import { systemClock } from '#lib/clock.ts'
import { supervised } from './supervisor.ts'
import { changeReader, type Execute, openReceiver } from './sync.ts'
import { watchFolder } from './watch-folder.ts'

const skip =
  ['dd', 'tar', 'setsid'].some((program) => spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0) &&
  'needs dd, tar and setsid'

async function folder() {
  const path = await mkdtemp(join(tmpdir(), 'nami-dev-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** The container is this machine. */
const execute: Execute = async ({ command: [program = '', ...args], stdin, stdout, stderr }) => {
  const child = spawn(program, args, { stdio: 'pipe' })
  stdin.pipe(child.stdin)
  child.stdout.pipe(stdout)
  child.stderr.pipe(stderr)
  const [code] = await once(child, 'exit')
  return code ?? 1
}

const pod = { name: 'a', namespace: 'b' }

test('a receiver puts files, keeps what is executable, and removes what is gone', {
  skip,
  timeout: 20_000,
}, async () => {
  await using one = await folder()
  const receiver = await openReceiver(execute, { pod, container: 'c', folder: one.path })
  const put = [
    { path: 'a b/c', content: Buffer.from([0, 10, 255, 13]) },
    { path: 'run.sh', content: 'x', mode: 0o755 },
    { path: 'large', content: Buffer.alloc(300_000, 7) },
  ]
  await receiver.send({ put, removed: [] }, { restarts: false })
  assert.deepEqual([...(await readFile(join(one.path, 'a b/c')))], [0, 10, 255, 13])
  assert.equal((await readFile(join(one.path, 'large'))).length, 300_000)
  assert.equal(spawnSync('test', ['-x', join(one.path, 'run.sh')]).status, 0)
  await receiver.send({ put: [], removed: ['a b/c', "it's"] }, { restarts: false })
  assert(!existsSync(join(one.path, 'a b/c')))
  receiver.close()
})

test('openReceiver() says that a folder cannot be written', { skip, timeout: 20_000 }, async () => {
  await assert.rejects(openReceiver(execute, { pod, container: 'c', folder: '/proc/self' }), /cannot be written by user/)
})

/** The supervisor as a process that is not the first: HUP goes to it by its own number. */
function supervise(script: string, file = '/dev/null') {
  const [program = '', ...args] = supervised(['/bin/sh', '-c', script], { file })
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  const lines = createInterface({ input: child.stdout as Readable })[Symbol.asyncIterator]()
  return {
    child,
    line: async () => (await lines.next()).value,
    restart: () => void child.kill('SIGHUP'),
    /** Whatever failed, nothing stays. */
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null) spawnSync('pkill', ['-KILL', '-P', String(child.pid)])
      child.kill('SIGKILL')
      child.stdout?.destroy()
    },
  }
}

test('the supervisor starts the application anew at HUP, also one that will not end and its children, and ends at TERM', {
  skip,
}, async () => {
  await using one = supervise(`trap '' TERM; sleep 1000 & echo started $$; while :; do sleep 0.1; done`)
  const first = await one.line()
  assert.match(first ?? '', /^started \d+$/)
  const began = performance.now()
  one.restart()
  const second = await one.line()
  assert.match(second ?? '', /^started \d+$/)
  assert.notEqual(second, first)
  assert(performance.now() - began < 5000)
  const group = first?.split(' ')[1] ?? ''
  // A killed process takes a moment to go; what remains of it until somebody asks for its exit code is none.
  const alive = () =>
    spawnSync('ps', ['-eo', 'pgid=,stat='])
      .stdout.toString()
      .split('\n')
      .some((line) => new RegExp(`^ *${group} +[^Z]`).test(line))
  let asked = 0
  while (alive()) assert(++asked < 100, 'something of it is left')
  one.child.kill('SIGTERM')
  const [code] = await once(one.child, 'exit')
  assert.equal(code, 0)
})

test('the supervisor waits for a change when the application ends by itself', { skip, timeout: 20_000 }, async () => {
  await using place = await folder()
  await using one = supervise(`echo run; [ -e ${place.path}/good ] && exec sleep 1000; exit 3`)
  assert.equal(await one.line(), 'run')
  await writeFile(join(place.path, 'good'), '')
  // HUP between its end and the wait for it must not be lost either.
  one.restart()
  assert.equal(await one.line(), 'run')
  one.child.kill('SIGTERM')
  await once(one.child, 'exit')
})

test('a restart comes back when the application listens again, also when it will not end, and when it has ended', {
  skip,
  timeout: 20_000,
}, async () => {
  await using place = await folder()
  const [script, state] = [join(place.path, 'server.js'), join(place.path, 'state')]
  const source = `const server = require('node:net').createServer().listen(Number(process.env.PORT), '127.0.0.1')
server.on('listening', () => console.log(server.address().port)); process.on('SIGTERM', () => {})`
  await writeFile(script, source)
  await writeFile(join(place.path, 'port'), '0')
  await using one = supervise(`export PORT=$(cat ${place.path}/port); exec ${process.execPath} ${script}`, state)
  const port = Number(await one.line())
  await writeFile(join(place.path, 'port'), String(port))
  const container = {
    pod,
    container: 'c',
    folder: place.path,
    ports: [port, 1],
    supervisor: { pid: one.child.pid ?? 0, file: state },
  }
  const receiver = await openReceiver(execute, container)
  const listens = async () => {
    const { promise, resolve } = Promise.withResolvers<'yes' | 'no'>()
    const socket = connect(port, '127.0.0.1', () => resolve('yes')).on('error', () => resolve('no'))
    return promise.finally(() => socket.destroy())
  }
  await receiver.send({ put: [{ path: 'a', content: '' }], removed: [] }, { restarts: true })
  assert.equal(await listens(), 'yes')
  await receiver.send({ put: [{ path: 'server.js', content: 'broken(' }], removed: [] }, { restarts: true })
  assert.equal(await listens(), 'no')
  await receiver.send({ put: [{ path: 'server.js', content: source }], removed: [] }, { restarts: true })
  assert.equal(await listens(), 'yes')
  receiver.close()
  one.child.kill('SIGTERM')
  await once(one.child, 'exit')
})

test('watchFolder() tells changes, new folders with what is in them, and nothing that no image holds', {
  timeout: 20_000,
}, async () => {
  await using one = await folder()
  const stop = new AbortController()
  await writeFile(join(one.path, '.dockerignore'), 'out\n*.log\n')
  await mkdir(join(one.path, 'node_modules'))
  const watched = await watchFolder({
    directory: one.path,
    apart: { node_modules: ['.package-lock.json'] },
    clock: systemClock,
    signal: stop.signal,
  })
  const seen = new Set<string>()
  const until = async (wanted: string) => {
    while (!seen.has(wanted)) {
      const hold = setInterval(() => {}, 1000)
      const { value } = await watched.changes[Symbol.asyncIterator]().next()
      clearInterval(hold)
      for (const path of value ?? []) seen.add(path)
    }
  }
  await writeFile(join(one.path, 'x.log'), '')
  await writeFile(join(one.path, 'node_modules/skipped'), '')
  await writeFile(join(one.path, 'a.js'), '')
  await until('a.js')
  await mkdir(join(one.path, 'lib/deep'), { recursive: true })
  await writeFile(join(one.path, 'lib/deep/b.js'), '')
  await until('lib/deep/b.js')
  await rename(join(one.path, 'lib/deep/b.js'), join(one.path, 'lib/deep/c.js'))
  await until('lib/deep/c.js')
  await writeFile(join(one.path, 'node_modules/.package-lock.json'), '')
  await until('node_modules/.package-lock.json')
  assert(!seen.has('x.log') && !seen.has('node_modules/skipped'))
  stop.abort()
})

test('changeReader() sends what differs, once, and removes what was there', async () => {
  await using one = await folder()
  const noted: string[] = []
  const read = changeReader(one.path, { known: new Set(['old/a', 'old']), note: (line) => void noted.push(line) })
  await writeFile(join(one.path, 'a.js'), '1')
  await writeFile(join(one.path, '.env'), 'A=1')
  await writeFile(join(one.path, '.a.js.swp'), '')
  const paths = new Set(['a.js', '.env', '.a.js.swp', 'never', 'old'])
  const first = await read(paths)
  assert.deepEqual([first.put.map(({ path }) => path), first.removed], [['a.js'], ['old']])
  assert.deepEqual(noted, ['.env is not sent: values of an environment'])
  assert.deepEqual(await read(paths), { put: [], removed: [] })
  await rm(join(one.path, 'a.js'))
  assert.deepEqual(await read(paths), { put: [], removed: ['a.js'] })
})
