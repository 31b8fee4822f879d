import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('./supervise.sh', import.meta.url))

test('supervise.sh starts a process again when it is killed, and ends it with SIGTERM', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nami-supervise-'))
  const log = join(folder, 'started')
  writeFileSync(log, '')
  const program = join(folder, 'program')
  writeFileSync(program, `#!/bin/sh\ntrap 'echo ended >>${log}; exit 0' TERM\necho $$ >>${log}\nwhile :; do sleep 0.05; done\n`)
  chmodSync(program, 0o755)
  const supervisor = spawn('/bin/sh', [script, program, 'bin', 'data', folder, folder, 'server'], { stdio: 'ignore' })
  try {
    const [first] = await lines(log, 1)
    process.kill(Number(first), 'SIGKILL')
    const [, second] = await lines(log, 2)
    assert.notEqual(second, first)
    supervisor.kill('SIGTERM')
    await once(supervisor, 'exit')
    assert.equal((await lines(log, 3))[2], 'ended')
    assert.throws(() => process.kill(Number(second), 0), 'the process has gone with its supervisor')
  } finally {
    supervisor.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
})

test('supervise.sh starts nothing any more once it has been killed itself', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nami-supervise-'))
  const log = join(folder, 'started')
  writeFileSync(log, '')
  const program = join(folder, 'program')
  writeFileSync(program, `#!/bin/sh\necho $$ >>${log}\nwhile :; do sleep 0.05; done\n`)
  chmodSync(program, 0o755)
  const words = [script, program, 'bin', 'data', folder, folder, 'server']
  const supervisor = spawn('/bin/sh', words, { stdio: ['ignore', 'pipe', 'ignore'], detached: true })
  try {
    const [first] = await lines(log, 1)
    supervisor.kill('SIGKILL')
    await once(supervisor, 'exit')
    process.kill(Number(first), 'SIGKILL')
    // Everything that the supervisor has left holds the pipe.
    supervisor.stdout.resume()
    await once(supervisor.stdout, 'end', { signal: AbortSignal.timeout(10_000) })
    assert.deepEqual(await lines(log, 1), [first])
  } finally {
    supervisor.stdout.destroy()
    spawnSync('kill', ['-KILL', '--', `-${supervisor.pid}`])
    rmSync(folder, { recursive: true, force: true })
  }
})

test('supervise.sh leaves the field to one that runs already', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nami-supervise-'))
  const log = join(folder, 'started')
  writeFileSync(log, '')
  const program = join(folder, 'program')
  writeFileSync(program, `#!/bin/sh\ntrap 'exit 0' TERM\necho $$ >>${log}\nwhile :; do sleep 0.05; done\n`)
  chmodSync(program, 0o755)
  const words = [script, program, 'bin', 'data', folder, folder, 'server']
  const first = spawn('/bin/sh', words, { stdio: 'ignore' })
  try {
    await lines(log, 1)
    const pid = readFileSync(join(folder, 'supervisor.pid'), 'utf8')
    assert.equal(spawnSync('/bin/sh', words, { stdio: 'ignore', timeout: 10_000 }).status, 0)
    assert.equal(readFileSync(join(folder, 'supervisor.pid'), 'utf8'), pid)
    assert.equal((await lines(log, 1)).length, 1)
  } finally {
    first.kill('SIGTERM')
    await once(first, 'exit')
    rmSync(folder, { recursive: true, force: true })
  }
})

/** The file's lines once there are so many. */
async function lines(file: string, count: number): Promise<string[]> {
  const watcher = watch(file)
  try {
    for (;;) {
      const found = readFileSync(file, 'utf8').split('\n').filter(Boolean)
      if (found.length >= count) return found
      await once(watcher, 'change', { signal: AbortSignal.timeout(10_000) })
    }
  } finally {
    watcher.close()
  }
}

test('supervise.sh ends with everything that it started, whenever SIGTERM comes', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nami-supervise-'))
  const program = join(folder, 'program')
  writeFileSync(program, "#!/bin/sh\ntrap 'exit 0' TERM\nwhile :; do sleep 0.05; done\n")
  chmodSync(program, 0o755)
  const words = [script, program, 'bin', 'data', folder, folder, 'server', 'agent']
  try {
    for (let moment = 0; moment < 30; moment++) {
      const supervisor = spawn('/bin/sh', words, { stdio: ['ignore', 'pipe', 'ignore'], detached: true })
      spin(moment * 0.4)
      supervisor.kill('SIGTERM')
      // Everything that is left of it holds the pipe.
      supervisor.stdout.resume()
      await once(supervisor.stdout, 'end', { signal: AbortSignal.timeout(20_000) })
    }
  } finally {
    spawnSync('pkill', ['-KILL', '-f', folder])
    rmSync(folder, { recursive: true, force: true })
  }
})

/** Spends so many milliseconds. */
function spin(milliseconds: number): void {
  const end = performance.now() + milliseconds
  while (performance.now() < end);
}
