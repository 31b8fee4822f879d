import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '#api/core/v1/pod.ts'
import type { CgroupLimits, Cgroups } from './cgroups.ts'
import { createPodCgroups, limitsOf } from './pod-cgroups.ts'

type Resources = { requests?: Record<string, string>; limits?: Record<string, string> }

function pod(uid: string, ...containers: Resources[]): Pod {
  const spec = { containers: containers.map((resources, i) => ({ name: `c${i}`, image: 'i', resources })) }
  return { metadata: { name: uid, uid }, spec, status: {} } as unknown as Pod
}

const cases = [
  { it: 'gives best effort the least', qos: 'BestEffort', containers: [{}], limits: { cpuShares: 2 } },
  {
    it: 'limits what all containers limit',
    qos: 'Burstable',
    containers: [
      { requests: { cpu: '250m' }, limits: { cpu: '500m', memory: '64Mi' } },
      { requests: { cpu: '250m' }, limits: { cpu: '1' } },
    ],
    limits: { cpuShares: 512, cpuQuota: 150_000, cpuPeriod: 100_000 },
  },
  {
    it: 'limits a guaranteed pod in everything',
    qos: 'Guaranteed',
    containers: [{ requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' } }],
    limits: { cpuShares: 1024, cpuQuota: 100_000, cpuPeriod: 100_000, memoryLimitBytes: 2 ** 30 },
  },
] as const

for (const { it, qos, containers, limits } of cases) {
  test(`limitsOf() ${it}`, () => assert.deepEqual(limitsOf(pod('u', ...containers), qos), limits))
}

test('createPodCgroups() writes changes only, and sums the shares of burstable pods', async () => {
  const calls: [string, CgroupLimits | undefined][] = []
  const cgroups: Cgroups = {
    version: 1,
    top: '/kubepods',
    podPath: (uid, qos) => `/kubepods/${qos}/pod${uid}`,
    prepare: async () => {},
    ensure: async (path, limits) => void calls.push([path, limits]),
    remove: async (path) => void calls.push([path, undefined]),
    listPods: async () => [],
  }
  const pods = createPodCgroups(cgroups)
  const a = pod('a', { requests: { cpu: '500m' } })
  assert.equal(await pods.ensure(a), '/kubepods/Burstable/poda')
  await pods.ensure(a)
  await pods.ensure(pod('b', { requests: { cpu: '1500m' } }))
  await pods.remove(a)
  assert.deepEqual(calls, [
    ['/kubepods/Burstable/poda', { cpuShares: 512 }],
    ['/kubepods/burstable', { cpuShares: 512 }],
    ['/kubepods/Burstable/podb', { cpuShares: 1536 }],
    ['/kubepods/burstable', { cpuShares: 2048 }],
    ['/kubepods/Burstable/poda', undefined],
    ['/kubepods/burstable', { cpuShares: 1536 }],
  ])
})

test('createPodCgroups() raises limits before the containers, and lowers them after', async () => {
  const written: CgroupLimits[] = []
  const cgroups = {
    top: '/kubepods',
    podPath: () => '/p',
    ensure: async (_: string, limits: CgroupLimits) => void written.push(limits),
  }
  const pods = createPodCgroups(cgroups as unknown as Cgroups)
  const guaranteed = (cpu: string, memory: string) => pod('a', { requests: { cpu, memory }, limits: { cpu, memory } })
  await pods.ensure(guaranteed('200m', '64Mi'))
  for (const next of [guaranteed('100m', '128Mi'), guaranteed('100m', '32Mi')]) {
    await pods.ensure(next)
    await pods.settle(next)
  }
  const Mi = 2 ** 20
  assert.deepEqual(
    written.map(({ cpuQuota, memoryLimitBytes = 0 }) => [cpuQuota, memoryLimitBytes / Mi]),
    [
      [20_000, 64],
      [20_000, 128],
      [10_000, 128],
      [10_000, 32],
    ],
  )
})

test('createPodCgroups() leaves limits that the kernel refuses to lower until the containers have been', async () => {
  const written: CgroupLimits[] = []
  let isBusy = true
  const ensure = async (_: string, limits: CgroupLimits) => {
    if (isBusy && limits.cpuQuota !== undefined) throw new Error('EINVAL')
    written.push(limits)
  }
  const pods = createPodCgroups({ top: '/kubepods', podPath: () => '/p', ensure } as unknown as Cgroups)
  const one = pod('a', { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' } })
  await pods.ensure(one)
  isBusy = false
  await pods.settle(one)
  assert.deepEqual(
    written.map(({ cpuQuota }) => cpuQuota),
    [undefined, 100_000],
  )
})
