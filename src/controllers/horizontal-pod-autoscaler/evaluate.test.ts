import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MetricSpec } from '#api/autoscaling/v2/metric-spec.ts'
import { notFound, StatusError } from '#schema/status-error.ts'
import { type Around, evaluateMetric, type MetricError } from './evaluate.ts'

interface Call {
  readonly resource: { readonly group: string; readonly version: string; readonly plural: string }
  readonly namespace?: string
  readonly name?: string
  readonly subresource?: string
  readonly query?: Readonly<Record<string, string>>
}

/** Three ready pods that request 100m, and a metrics server that answers so. */
function around(answer: (call: Call) => unknown, over: Partial<Around> = {}): Around & { readonly asked: string[] } {
  const now = 3_600_000
  const asked: string[] = []
  const pods = ['a', 'b', 'c'].map((name) => ({
    metadata: { name },
    spec: {
      containers: [
        { name: 'main', resources: { requests: { cpu: '100m' } } },
        { name: 'side', resources: { requests: { cpu: '100m' } } },
      ],
    },
    status: {
      phase: 'Running',
      startTime: '1970-01-01T00:00:00Z',
      conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '1970-01-01T00:00:00Z' }],
    },
  }))
  const request = async (call: Call) => {
    const { group, version, plural } = call.resource
    const path = [group, version, call.namespace && `namespaces/${call.namespace}`, plural, call.name, call.subresource]
    const query = new URLSearchParams(call.query).toString()
    asked.push(`${path.filter(Boolean).join('/')}${query && `?${query}`}`)
    return answer(call)
  }
  return {
    asked,
    source: { client: { transport: { request } } as never, namespace: 'ns' },
    selector: 'app=web',
    measured: { pods: pods as never, current: 3, tolerance: { up: 0.1, down: 0.1 }, now },
    statusReplicas: 3,
    describe: ({ kind, name }) => ({ resource: `${kind.toLowerCase()}s`, name, namespaced: kind !== 'Namespace' }),
    ...over,
  }
}

const usage = (main: string, side: string) => ({
  items: ['a', 'b', 'c'].map((name) => ({
    metadata: { name },
    timestamp: '1970-01-01T01:00:00Z',
    window: '30s',
    containers: [
      { name: 'main', usage: { cpu: main } },
      { name: 'side', usage: { cpu: side } },
    ],
  })),
})
const values = (...all: string[]) => ({
  items: all.map((value, index) => ({ describedObject: { name: 'abc'[index] }, timestamp: '1970-01-01T01:00:00Z', value })),
})
const describedObject = { apiVersion: 'v1', kind: 'Service', name: 'front' }
const metric = { name: 'hits' }
const chosen = { name: 'hits', selector: { matchLabels: { verb: 'GET', a: 'b' } } }

interface Case {
  readonly it: string
  readonly spec: MetricSpec
  readonly answer: unknown
  readonly replicas: number
  readonly name: string
  readonly asked: string
  readonly current: object
}

const cases: readonly Case[] = [
  {
    it: 'a share of what pods request',
    spec: { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } },
    answer: usage('150m', '50m'),
    replicas: 6,
    name: 'cpu resource utilization (percentage of request)',
    asked: 'metrics.k8s.io/v1beta1/namespaces/ns/pods?labelSelector=app%3Dweb',
    current: { averageValue: '200m', averageUtilization: 100 },
  },
  {
    it: 'a share of what one container requests',
    spec: {
      type: 'ContainerResource',
      containerResource: { name: 'cpu', container: 'main', target: { type: 'Utilization', averageUtilization: 50 } },
    },
    answer: usage('150m', '0'),
    replicas: 9,
    name: 'cpu container resource utilization (percentage of request)',
    asked: 'metrics.k8s.io/v1beta1/namespaces/ns/pods?labelSelector=app%3Dweb',
    current: { averageValue: '150m', averageUtilization: 150 },
  },
  {
    it: 'an amount per pod',
    spec: { type: 'Resource', resource: { name: 'cpu', target: { type: 'AverageValue', averageValue: '100m' } } },
    answer: usage('100m', '100m'),
    replicas: 6,
    name: 'cpu resource',
    asked: 'metrics.k8s.io/v1beta1/namespaces/ns/pods?labelSelector=app%3Dweb',
    current: { averageValue: '200m' },
  },
  {
    it: 'a metric of pods',
    spec: { type: 'Pods', pods: { metric: chosen, target: { type: 'AverageValue', averageValue: '10' } } },
    answer: values('20', '20', '20'),
    replicas: 6,
    name: 'pods metric hits',
    asked:
      'custom.metrics.k8s.io/v1beta2/namespaces/ns/pods/*/hits?labelSelector=app%3Dweb&metricLabelSelector=a%3Db%2Cverb%3DGET',
    current: { averageValue: '20' },
  },
  {
    it: 'the value of an object',
    spec: { type: 'Object', object: { describedObject, metric, target: { type: 'Value', value: '10' } } },
    answer: values('20'),
    replicas: 6,
    name: 'Service metric hits',
    asked: 'custom.metrics.k8s.io/v1beta2/namespaces/ns/services/front/hits',
    current: { value: '20' },
  },
  {
    it: 'the value of an object, shared among the pods',
    spec: { type: 'Object', object: { describedObject, metric, target: { type: 'AverageValue', averageValue: '10' } } },
    answer: values('60'),
    replicas: 6,
    name: 'external metric hits(nil)',
    asked: 'custom.metrics.k8s.io/v1beta2/namespaces/ns/services/front/hits',
    current: { averageValue: '20' },
  },
  {
    it: 'the value of something outside',
    spec: { type: 'External', external: { metric, target: { type: 'Value', value: '10' } } },
    answer: values('15', '5'),
    replicas: 6,
    name: 'external metric hits(nil)',
    asked: 'external.metrics.k8s.io/v1beta1/namespaces/ns/hits',
    current: { value: '20' },
  },
  {
    it: 'the value of something outside, shared among the pods',
    spec: { type: 'External', external: { metric: chosen, target: { type: 'AverageValue', averageValue: '10' } } },
    answer: values('60'),
    replicas: 6,
    name: 'external metric hits(&LabelSelector{MatchLabels:map[string]string{a: b,verb: GET,},MatchExpressions:[]LabelSelectorRequirement{},})',
    asked: 'external.metrics.k8s.io/v1beta1/namespaces/ns/hits?labelSelector=a%3Db%2Cverb%3DGET',
    current: { averageValue: '20' },
  },
]

for (const { it, spec, answer, replicas, name, asked, current } of cases) {
  test(`evaluateMetric() by ${it}`, async () => {
    const place = around(() => answer)
    const found = await evaluateMetric(spec, place)
    assert.deepEqual([found.replicas, found.name, place.asked], [replicas, name, [asked]])
    const { status } = found
    const source = status.resource ?? status.containerResource ?? status.pods ?? status.object ?? status.external
    assert.deepEqual(source?.current, current)
  })
}

test('evaluateMetric() asks adapters of the older version too', async () => {
  const place = around(({ resource }) => {
    if (resource.version === 'v1beta2') throw notFound({ group: 'custom.metrics.k8s.io', plural: 'pods' }, 'hits')
    return values('20', '20', '20')
  })
  const target = { type: 'AverageValue', averageValue: '10' }
  assert.equal((await evaluateMetric({ type: 'Pods', pods: { metric, target } }, place)).replicas, 6)
  assert.deepEqual(
    place.asked.map((path) => path.split('/')[1]),
    ['v1beta2', 'v1beta1'],
  )
})

const cpu = (name = 'cpu') => ({ type: 'Resource', resource: { name, target: { type: 'Utilization', averageUtilization: 50 } } })
const broken = () => {
  throw new StatusError('ServiceUnavailable', 'the server is currently unable to handle the request')
}
const unable = 'the server is currently unable to handle the request'

const failures: readonly [
  it: string,
  spec: MetricSpec,
  answer: () => unknown,
  reason: string,
  message: string,
  detail: string,
][] = [
  [
    'an API that is down',
    cpu(),
    broken,
    'FailedGetResourceMetric',
    'failed to get cpu resource metric value: ',
    `failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from resource metrics API: ${unable}`,
  ],
  [
    'pods without requests',
    cpu('memory'),
    () => ({
      items: [
        {
          metadata: { name: 'a' },
          timestamp: '1970-01-01T01:00:00Z',
          window: '30s',
          containers: [{ name: 'main', usage: { memory: '1Mi' } }],
        },
      ],
    }),
    'FailedGetResourceMetric',
    'failed to get memory resource metric value: ',
    'failed to get memory utilization: missing request for memory in container main of Pod a',
  ],
  [
    'a metric that there is not',
    { type: 'Pods', pods: { metric, target: { type: 'AverageValue', averageValue: '10' } } },
    () => ({ items: [] }),
    'FailedGetPodsMetric',
    'failed to get pods metric value: ',
    'unable to get metric hits: no metrics returned from custom metrics API',
  ],
  [
    'an object without it',
    { type: 'Object', object: { describedObject, metric, target: { type: 'Value', value: '1' } } },
    broken,
    'FailedGetObjectMetric',
    'failed to get object metric value: ',
    `unable to get metric hits: Service ns/front unable to fetch metrics from custom metrics API: ${unable}`,
  ],
  [
    'nothing outside',
    { type: 'External', external: { metric, target: { type: 'Value', value: '1' } } },
    () => ({}),
    'FailedGetExternalMetric',
    'failed to get hits external metric value: ',
    'unable to get external metric ns/hits/nil: no metrics returned from external metrics API',
  ],
  [
    'a kind of metric that nobody knows',
    { type: 'Moon' },
    () => ({}),
    'InvalidMetricSourceType',
    '',
    'unknown metric source type "Moon"',
  ],
]

for (const [it, spec, answer, reason, about, detail] of failures) {
  test(`evaluateMetric() says of ${it} what upstream says`, async () => {
    await assert.rejects(evaluateMetric(spec, around(answer)), (error: MetricError) => {
      assert.deepEqual([error.reason, error.detail, error.message], [reason, detail, `${about}${detail}`])
      return true
    })
  })
}

test('evaluateMetric() leads from no pods at all to some, by what is outside', async () => {
  const idle = { pods: [], current: 0, tolerance: { up: 0.1, down: 0.1 }, now: 3_600_000 }
  const place = around(() => values('35'), { measured: idle, statusReplicas: 0 })
  const value = { type: 'External', external: { metric, target: { type: 'Value', value: '10' } } }
  const share = { type: 'External', external: { metric, target: { type: 'AverageValue', averageValue: '10' } } }
  assert.equal((await evaluateMetric(value, place)).replicas, 4)
  assert.equal((await evaluateMetric(share, place)).replicas, 4)
  const nothing = around(() => values('0'), { measured: idle, statusReplicas: 0 })
  assert.equal((await evaluateMetric(share, nothing)).replicas, 0)
})
