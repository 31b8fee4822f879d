import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { Service } from '#api/core/v1/service.ts'
import { ResourceClaim } from '#api/resource/v1/resource-claim.ts'
import { quotaEvaluator, usedAmounts } from './quota-usage.ts'

const now = Date.parse('2026-01-01T00:00:00Z')
const usage = (kind: { group: string; plural: string }, object: object) =>
  quotaEvaluator(kind).usage({ metadata: { name: 'a' }, ...object } as never, now)

const container = (resources: object, name = 'main') => ({ name, image: 'i', resources })

test('usage() of a pod is what it asks for, as long as it lives', () => {
  const resources = { requests: { cpu: '1', memory: '1Gi', 'nvidia.com/gpu': '2', 'hugepages-2Mi': '4Mi' }, limits: { cpu: '2' } }
  const spec = { containers: [container(resources)] }
  const counted = { 'count/pods': '1', pods: '1', cpu: '1', 'requests.cpu': '1', memory: '1Gi', 'requests.memory': '1Gi' }
  const extra = { 'limits.cpu': '2', 'requests.nvidia.com/gpu': '2', 'hugepages-2Mi': '4Mi', 'requests.hugepages-2Mi': '4Mi' }
  assert.deepEqual(usage(Pod, { spec, status: {} }), { ...counted, ...extra })
  assert.deepEqual(usage(Pod, { spec, status: { phase: 'Succeeded' } }), { 'count/pods': '1' })
  const gone = { name: 'a', deletionTimestamp: '2025-12-31T23:59:00Z', deletionGracePeriodSeconds: 30 }
  assert.deepEqual(usage(Pod, { metadata: gone, spec, status: { phase: 'Running' } }), { 'count/pods': '1' })
})

test('usage() of a pod that is resized is the larger of what is wanted and what is given', () => {
  const spec = { containers: [container({ requests: { cpu: '1' } })] }
  const given = { containerStatuses: [{ name: 'main', resources: { requests: { cpu: '2' } } }] }
  assert.equal(usage(Pod, { spec, status: given })['requests.cpu'], '2')
  const conditions = [{ type: 'PodResizePending', status: 'True', reason: 'Infeasible' }]
  const wanted = { containers: [container({ requests: { cpu: '9' } })] }
  assert.equal(usage(Pod, { spec: wanted, status: { ...given, conditions } })['requests.cpu'], '2')
})

test('usage() of other kinds', () => {
  const ports = [{ port: 1 }, { port: 2, nodePort: 30_000 }]
  const cases: [{ group: string; plural: string }, object, object][] = [
    [Service, { spec: { type: 'ClusterIP', ports } }, { 'services.nodeports': '0', 'services.loadbalancers': '0' }],
    [Service, { spec: { type: 'NodePort', ports } }, { 'services.nodeports': '2', 'services.loadbalancers': '0' }],
    [
      Service,
      { spec: { type: 'LoadBalancer', ports, allocateLoadBalancerNodePorts: false } },
      { 'services.nodeports': '1', 'services.loadbalancers': '1' },
    ],
    [
      PersistentVolumeClaim,
      { spec: { storageClassName: 'gold', resources: { requests: { storage: '1500m' } } }, status: {} },
      { 'requests.storage': '2', 'gold.storageclass.storage.k8s.io/persistentvolumeclaims': '1' },
    ],
    [
      PersistentVolumeClaim,
      { spec: { resources: { requests: { storage: '1Gi' } } }, status: { allocatedResources: { storage: '2Gi' } } },
      { 'requests.storage': '2Gi' },
    ],
    [
      ResourceClaim,
      {
        spec: {
          devices: {
            requests: [
              { exactly: { deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 2 } },
              {
                firstAvailable: [
                  { deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 1 },
                  { deviceClassName: 'nic', allocationMode: 'All' },
                ],
              },
            ],
          },
        },
      },
      { 'gpu.deviceclass.resource.k8s.io/devices': '3', 'nic.deviceclass.resource.k8s.io/devices': '32' },
    ],
    [{ group: 'example.com', plural: 'hosts' }, {}, { 'count/hosts.example.com': '1' }],
    [{ group: '', plural: 'secrets' }, {}, { 'count/secrets': '1', secrets: '1' }],
  ]
  for (const [kind, object, expected] of cases) {
    const found = usage(kind, object)
    assert.deepEqual(Object.fromEntries(Object.keys(expected).map((key) => [key, found[key]])), expected)
  }
})

test('usedAmounts() adds up the objects in the scopes of a quota', () => {
  const pods = [{ priorityClassName: 'high' }, { priorityClassName: 'low' }, {}].map((spec, i) => ({
    metadata: { name: `p${i}` },
    spec: { containers: [container({ requests: { cpu: '1' } })], ...spec },
    status: {},
  }))
  const scope = (operator: string, values?: string[]) => ({
    scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator, ...(values && { values }) }] },
  })
  const cases: [object, string][] = [
    [{}, '3'],
    [scope('Exists'), '2'],
    [scope('DoesNotExist'), '1'],
    [scope('In', ['high']), '1'],
    [scope('NotIn', ['high']), '2'],
  ]
  for (const [spec, expected] of cases) {
    const quota = { spec: spec as never, hard: { 'requests.cpu': '9', services: '1' } }
    const sum = usedAmounts(quota, { evaluator: quotaEvaluator(Pod), objects: pods as never, now })
    assert.deepEqual(sum, { 'requests.cpu': expected })
  }
})
