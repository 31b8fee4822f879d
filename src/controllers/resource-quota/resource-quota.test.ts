import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Deployment } from '#api/apps/v1/deployment.ts'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { quotaEvaluator } from '#api/core/v1/quota-usage.ts'
import { ResourceQuota } from '#api/core/v1/resource-quota.ts'
import { Service } from '#api/core/v1/service.ts'
import { kinds } from '#api/kinds.ts'
import { formatTime } from '#lib/clock.ts'
import { seededRandom } from '#lib/random.ts'
import { testCluster } from '#testing/cluster.ts'
import { deployment, pod, service } from '#testing/make.ts'
import { type Dice, holdsForAll } from '#testing/property.ts'
import { countedKinds, planQuota } from './plan.ts'
import { resourceQuotaController } from './resource-quota.ts'
import { Tally } from './tally.ts'

const at = { name: 'q', namespace: 'default' }

const changesOf = (pods: readonly Pod[]) => ({
  whole: true,
  objects: new Map<string, Pod | undefined>(pods.map((one) => [one.metadata.name, one])),
})

function usedOf(quota: ResourceQuota, pods: readonly Pod[]) {
  const tally = new Tally(quotaEvaluator(Pod), quota)
  tally.look(changesOf(pods), 0)
  return planQuota(quota, [tally.sum(0)]).used
}

const big = (name: string, cpu: string, spec: object = {}) =>
  pod(name, { spec: { containers: [{ name: 'main', image: 'a', resources: { requests: { cpu } } }], ...spec } })

test('resourcequota-controller counts what is there, and again when something goes', async () => {
  await using cluster = await testCluster({ controllers: [resourceQuotaController], policy: true })
  const { client } = cluster
  await client.create(Pod, big('a', '500m'))
  await client.create(Pod, big('b', '250m'))
  await client.create(Service, service('s', { spec: { type: 'NodePort' } }))
  await client.create(ConfigMap, { metadata: { name: 'c', namespace: 'default' } })
  await client.create(Deployment, deployment('d'))
  const hard = {
    pods: '10',
    'requests.cpu': '4',
    services: '3',
    'services.nodeports': '1',
    configmaps: '9',
    'count/deployments.apps': '2',
    'count/nothing.example.com': '1',
  }
  await client.create(ResourceQuota, { metadata: at, spec: { hard } })
  await cluster.settle()
  const used = async () => (await client.get(ResourceQuota, at)).status.used
  const one = {
    pods: '2',
    'requests.cpu': '750m',
    services: '1',
    'services.nodeports': '1',
    configmaps: '1',
    'count/deployments.apps': '1',
  }
  assert.deepEqual(await used(), one)
  await client.delete(Pod, { name: 'a', namespace: 'default' }, { gracePeriodSeconds: 0 })
  await client.delete(ConfigMap, { name: 'c', namespace: 'default' })
  await cluster.settle()
  assert.deepEqual(await used(), { ...one, pods: '1', 'requests.cpu': '250m', configmaps: '0' })
  await client.delete(Deployment, { name: 'd', namespace: 'default' })
  await cluster.advance(30_000)
  assert.equal((await used())?.['count/deployments.apps'], '0')
  assert.deepEqual(cluster.errors, [])
})

test('resourcequota-controller lets go of pods that have ended, and of bounds that are no more', async () => {
  await using cluster = await testCluster({ controllers: [resourceQuotaController] })
  const { client } = cluster
  const made = await client.create(Pod, big('a', '1'))
  const quota = await client.create(ResourceQuota, { metadata: at, spec: { hard: { pods: '1', 'count/pods': '5', cpu: '2' } } })
  await cluster.settle()
  await client.update(Pod, { ...made, status: { ...made.status, phase: 'Succeeded' } }, { subresource: 'status' })
  await cluster.settle()
  assert.deepEqual((await client.get(ResourceQuota, at)).status.used, { pods: '0', 'count/pods': '1', cpu: '0' })
  await client.patch(ResourceQuota, quota, { type: 'json', body: [{ op: 'replace', path: '/spec/hard', value: { pods: '3' } }] })
  await cluster.settle()
  const { status } = await client.get(ResourceQuota, at)
  assert.deepEqual([status.hard, status.used], [{ pods: '3' }, { pods: '0' }])
})

test('planQuota() counts only what is in all scopes of the quota', () => {
  const pods = [
    big('a', '1'),
    big('b', '1', { activeDeadlineSeconds: 5 }),
    pod('c'),
    big('d', '1', { priorityClassName: 'high' }),
  ].map((one) => ({
    ...one,
    spec: { ...one.spec, containers: one.spec!.containers!.map((c: any) => ({ resources: {}, ...c })) },
    status: {},
  })) as never as Pod[]
  const of = (spec: object) => usedOf({ spec: { hard: { pods: '9' }, ...spec }, status: {} } as never, pods)?.pods
  assert.equal(of({}), '4')
  assert.equal(of({ scopes: ['Terminating'] }), '1')
  assert.equal(of({ scopes: ['NotTerminating', 'NotBestEffort'] }), '2')
  assert.equal(
    of({ scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['high'] }] } }),
    '1',
  )
  assert.equal(of({ scopes: ['VolumeAttributesClass'] }), '0')
})

test('planQuota() comes to the same sum in any order', () => {
  for (let seed = 1; seed <= 500; seed++) {
    const random = seededRandom(seed)
    const cpus = Array.from({ length: Math.floor(random.next() * 12) }, () => Math.floor(random.next() * 4000))
    const objects = cpus.map((cpu, i) => ({
      metadata: { name: `p${i}`, creationTimestamp: formatTime(0) },
      spec: { containers: [{ name: 'm', resources: { requests: { cpu: `${cpu}m` } } }] },
      status: {},
    })) as never as Pod[]
    const quota = { spec: { hard: { 'requests.cpu': '1', pods: '1' } }, status: {} } as never as ResourceQuota
    const shuffled = objects
      .map((one) => [random.next(), one] as const)
      .sort(([a], [b]) => a - b)
      .map(([, one]) => one)
    assert.deepEqual(usedOf(quota, objects), usedOf(quota, shuffled), `seed ${seed}`)
    assert.equal(usedOf(quota, objects)?.pods, String(objects.length), `seed ${seed}`)
  }
})

test('countedKinds() asks only about what a bound names', () => {
  assert.deepEqual(
    countedKinds({ 'count/jobs.batch': '1', cpu: '1', gold: '1' }, kinds).map(({ plural }) => plural),
    ['pods', 'jobs'],
  )
})

test('Tally looks at what has changed and comes to what a look at everything comes to', () => {
  const amount = (dice: Dice) => ({
    at: dice.upTo(30),
    cpu: dice.upTo(2) * 250,
    ending: dice.chance(0.2),
    gone: dice.chance(0.2),
  })
  const quota = { spec: { hard: { 'requests.cpu': '1', pods: '1' } }, status: {} } as never as ResourceQuota
  const evaluator = quotaEvaluator(Pod)
  let looks = 0
  const usage = (one: Pod, now: number) => {
    looks++
    return evaluator.usage(one, now)
  }
  const counting = { ...evaluator, usage }
  holdsForAll({ runs: 200, make: (dice) => dice.some(80, () => amount(dice)) }, (steps) => {
    const tally = new Tally(counting, quota)
    const pods = new Map<string, Pod>()
    for (const [now, { at, cpu, ending, gone }] of steps.entries()) {
      const one = {
        metadata: { name: `p${at}`, ...(ending && { deletionTimestamp: formatTime(now * 1000), deletionGracePeriodSeconds: 5 }) },
        spec: { containers: [{ name: 'm', resources: { requests: { cpu: `${cpu}m` } } }] },
        status: {},
      } as never as Pod
      if (gone) pods.delete(`p${at}`)
      else pods.set(`p${at}`, one)
      looks = 0
      const endingNow = [...pods.values()].filter(({ metadata }) => metadata.deletionTimestamp).length
      tally.look({ whole: false, objects: new Map([[`p${at}`, pods.get(`p${at}`)]]) }, now * 1000)
      assert.ok(looks <= endingNow + 1)
      const whole = new Tally(evaluator, quota)
      whole.look(changesOf([...pods.values()]), now * 1000)
      assert.deepEqual(tally.sum(now * 1000), whole.sum(now * 1000))
    }
  })
})
