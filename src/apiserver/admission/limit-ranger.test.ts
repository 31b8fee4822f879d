import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LimitRange } from '#api/core/v1/limit-range.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { testCluster } from '#testing/cluster.ts'
import { pod } from '#testing/make.ts'

async function bed(...limits: any[]) {
  const cluster = await testCluster()
  await cluster.client.create(LimitRange, { metadata: { name: 'l', namespace: 'default' }, spec: { limits } })
  return cluster
}

function asking(name: string, resources: object, init?: object) {
  const containers = [{ name: 'main', image: 'i', resources }]
  return pod(name, {
    spec: { containers, ...(init && { initContainers: [{ name: 'first', image: 'i', resources: init }] }) },
  } as never)
}

test('LimitRanger fills in what containers do not say', async () => {
  await using cluster = await bed({
    type: 'Container',
    default: { cpu: '500m', memory: '1Gi' },
    defaultRequest: { cpu: '100m' },
  })
  const made = await cluster.client.create(Pod, asking('a', { limits: { cpu: '1' } }, {}))
  assert.deepEqual(made.spec.containers[0]?.resources, {
    limits: { cpu: '1', memory: '1Gi' },
    requests: { cpu: '1', memory: '1Gi' },
  })
  assert.deepEqual(made.spec.initContainers?.[0]?.resources.requests, { cpu: '100m', memory: '1Gi' })
  assert.equal(
    made.metadata.annotations?.['kubernetes.io/limit-ranger'],
    'LimitRanger plugin set: memory request for container main; memory limit for container main; cpu, memory request for init container first; cpu, memory limit for init container first',
  )
})

test('LimitRanger refuses what is outside of the limits', async () => {
  await using cluster = await bed(
    { type: 'Pod', max: { cpu: '2' } },
    { type: 'Container', min: { memory: '10Mi' }, maxLimitRequestRatio: { cpu: '2' } },
  )
  const memory = { memory: '20Mi' }
  const both = (cpu: string, limit = cpu) => ({ requests: { cpu, ...memory }, limits: { cpu: limit, ...memory } })
  const cases: [any, string][] = [
    [both('3'), 'maximum cpu usage per Pod is 2, but limit is 3'],
    [
      { requests: { cpu: '1', memory: '5Mi' }, limits: { cpu: '1' } },
      'minimum memory usage per Container is 10Mi, but request is 5Mi',
    ],
    [both('500m', '2'), 'cpu max limit to request ratio per Container is 2, but provided ratio is 4.000000'],
    [
      { requests: { cpu: '1', ...memory } },
      '[maximum cpu usage per Pod is 2.  No limit is specified, cpu max limit to request ratio per Container is 2, but no limit is specified or limit is 0]',
    ],
  ]
  for (const [resources, why] of cases) {
    await assert.rejects(cluster.client.create(Pod, asking('a', resources)), {
      code: 403,
      message: `pods "a" is forbidden: ${why}`,
    })
  }
  await cluster.client.create(Pod, asking('a', both('1', '2')))
})

test('LimitRanger bounds claims', async () => {
  await using cluster = await bed({ type: 'PersistentVolumeClaim', min: { storage: '1Gi' }, max: { storage: '2Gi' } })
  const claim = (storage: string) => ({
    metadata: { name: 'c', namespace: 'default' },
    spec: { accessModes: ['ReadWriteOnce' as const], resources: { requests: { storage } } },
  })
  const cases = [
    ['500Mi', 'minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 500Mi'],
    ['3Gi', 'maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi'],
  ]
  for (const [size, why] of cases) {
    const message = `persistentvolumeclaims "c" is forbidden: ${why}`
    await assert.rejects(cluster.client.create(PersistentVolumeClaim, claim(size as string)), { message })
  }
  await cluster.client.create(PersistentVolumeClaim, claim('2Gi'))
})
