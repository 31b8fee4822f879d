import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pauseProgram } from './pause.ts'

const here = { x64: 'amd64', arm64: 'arm64' }[process.arch as string] as 'amd64' | 'arm64' | undefined
const skip = process.platform === 'linux' && here ? false : 'needs Linux on amd64 or arm64'

test('pauseProgram() runs, waits, and ends by SIGTERM', { skip }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'nami-pause-'))
  const program = join(folder, 'pause')
  await writeFile(program, pauseProgram(here as 'amd64'))
  await chmod(program, 0o755)
  const child = spawn(program, { stdio: 'ignore' })
  try {
    await once(child, 'spawn')
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8')
    assert.match(status, /^State:\s+[RSD]/m)
    child.kill('SIGTERM')
    const [, signal] = await once(child, 'exit')
    assert.equal(signal, 'SIGTERM')
  } finally {
    child.kill('SIGKILL')
    await rm(folder, { recursive: true, force: true })
  }
})

test('pauseProgram() is small on both architectures', () => {
  for (const architecture of ['amd64', 'arm64'] as const) assert(pauseProgram(architecture).length < 256)
})
