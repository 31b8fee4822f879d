/** Three real etcd members that are killed, stopped, cut off from all or from each other, and deposed under load: nothing acknowledged is lost, nothing is invented. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { missingEtcd } from '#testing/etcd.ts'
import { etcdLan } from '#testing/etcd-lan.ts'

const faults = Number(process.env.NAMI_MEMBER_FAULTS ?? 50)
const skip = process.getuid?.() === 0 ? missingEtcd() : 'needs root, for network namespaces'

test(`etcd: ${faults} faults of members lose no acknowledged write, and watches have no gap`, {
  skip,
  timeout: 400_000,
}, async (t) => {
  using lan = etcdLan('nami-ef', 3)
  const script = join(import.meta.dirname, 'etcd-faults/run.ts')
  const command = [...lan.enter, process.execPath, script, `${faults}`, JSON.stringify(lan.places)]
  const child = spawn(command[0] as string, command.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] })
  let out = ''
  child.stdout.on('data', (chunk) => (out += chunk))
  const [code] = await once(child, 'close')
  assert.equal(code, 0)
  const { verdict, problems, done, operations, calls, unanswered } = JSON.parse(out)
  t.diagnostic(
    `${JSON.stringify(done)}: ${operations} operations and ${calls} wide ones, without an answer: ${JSON.stringify(unanswered)}`,
  )
  assert.equal(verdict, true, JSON.stringify(verdict))
  assert.deepEqual(problems, [])
  assert(operations > faults * 20, `${operations} operations`)
  assert(calls > faults * 5, `${calls} of several keys`)
})
