import assert from 'node:assert/strict'
import { test } from 'node:test'
import { doctorContext, type Plant } from '#testing/doctor.ts'
import { preflight } from './preflight.ts'
import { UpError } from './up.ts'

interface Case extends Plant {
  readonly it: string
  readonly says: RegExp
  /** What must be among the things to type. */
  readonly type: RegExp
}

const cases: readonly Case[] = [
  {
    it: 'a kernel without nftables',
    programs: { 'unshare --net nft': { code: 1, stderr: 'Error: Could not process rule: Operation not supported\n' } },
    says: /^This machine cannot run a cluster yet\. The kernel refuses the rules/,
    type: /^modprobe nf_tables/,
  },
  {
    it: 'a kernel without veth',
    programs: { 'unshare --net ip link add nami-try type veth': { code: 2, stderr: 'Error: Unknown device type.\n' } },
    says: /type veth \(Error: Unknown device type\.\)/,
    type: /^modprobe veth$/,
  },
  {
    it: 'namespaces that are forbidden',
    programs: { 'unshare --net true': { code: 1, stderr: 'unshare: unshare failed: Operation not permitted\n' } },
    says: /cannot be made here/,
    type: /--no-agent/,
  },
  {
    it: 'no control groups',
    files: { '/proc/self/mountinfo': '' },
    says: /No control groups are mounted/,
    type: /^mount -t cgroup2/,
  },
  {
    it: 'a containerd that is too old',
    programs: { 'containerd --version': { stdout: 'containerd containerd.io 1.4.13 abc' } },
    says: /containerd is of version 1\.4/,
    type: /./,
  },
  { it: 'a clock in the past', context: { now: 0 }, says: /1970-01-01/, type: /^timedatectl/ },
]

const fresh = { clusterExists: false, processes: {} }

for (const { it, says, type, context, ...plant } of cases) {
  test(`preflight() names ${it}, and what to type`, async () => {
    const error = await preflight(doctorContext({ ...plant, context: { ...fresh, ...context } })).catch((reason) => reason)
    assert.ok(error instanceof UpError, String(error))
    assert.match(error.message, says)
    assert.ok(
      error.next.some((line) => type.test(line)),
      error.next.join('\n'),
    )
    assert.match(error.next.at(-1) ?? '', /^nami doctor/)
  })
}

test('preflight() names further faults after the first, and nothing on a machine that can', async () => {
  await preflight(doctorContext({ context: fresh }))
  const two = {
    files: { '/proc/self/mountinfo': '' },
    programs: { 'ip -o link show lo': { stdout: '1: lo: <LOOPBACK> state DOWN\n' } },
  }
  const error = await preflight(doctorContext({ ...two, context: fresh })).catch((reason) => reason)
  assert.match(error.message, /lo is down/)
  assert.ok(error.next.some((line: string) => /No control groups/.test(line)))
})
