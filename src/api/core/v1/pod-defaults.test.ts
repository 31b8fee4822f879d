import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Deployment } from '#api/apps/v1/deployment.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { pullPolicyFor } from '#api/core/v1/pod-defaults.ts'
import { qosClassOf } from '#api/core/v1/pod-qos.ts'
import { podRequests } from '#api/core/v1/pod-resources.ts'
import { Secret } from '#api/core/v1/secret.ts'
import { Service } from '#api/core/v1/service.ts'
import { made } from '#testing/errors-of.ts'

const digest = `sha256:${'a'.repeat(64)}`
const policies = [
  ['nginx', 'Always'],
  ['nginx:latest', 'Always'],
  ['nginx:1.27', 'IfNotPresent'],
  ['localhost:5000/team/app', 'Always'],
  ['localhost:5000/team/app:v1', 'IfNotPresent'],
  [`nginx@${digest}`, 'IfNotPresent'],
  [`nginx:latest@${digest}`, 'Always'],
  ['Not An Image', 'IfNotPresent'],
] as const

for (const [image, policy] of policies) {
  test(`pullPolicyFor() gives ${policy} for ${image}`, () => assert.equal(pullPolicyFor(image), policy))
}

const container = (more: object = {}) => ({ name: 'main', image: 'x:1', ...more })
const pod = (spec: object = {}) => made(Pod, { spec: { containers: [container()], ...spec } })

test('a pod gets the defaults of its spec', () => {
  const { containers, ...spec } = pod().spec
  assert.deepEqual(spec, {
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    securityContext: {},
    schedulerName: 'default-scheduler',
    enableServiceLinks: true,
  })
  assert.deepEqual(containers, [
    {
      ...container(),
      resources: {},
      terminationMessagePath: '/dev/termination-log',
      terminationMessagePolicy: 'File',
      imagePullPolicy: 'IfNotPresent',
    },
  ])
})

test('a pod requests what it limits, and a template does not', () => {
  const containers = [container({ resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m' } } })]
  assert.deepEqual(pod({ containers }).spec.containers[0]?.resources.requests, { cpu: '500m', memory: '1Gi' })
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers } }
  const deployment = made(Deployment, { spec: { selector: { matchLabels: { a: 'b' } }, template } })
  assert.deepEqual(deployment.spec.template.spec.containers[0]?.resources.requests, { cpu: '500m' })
})

test('a pod on the host network publishes its ports', () => {
  const { spec } = pod({ hostNetwork: true, containers: [container({ ports: [{ containerPort: 80 }] })] })
  assert.deepEqual(spec.containers[0]?.ports, [{ containerPort: 80, hostPort: 80, protocol: 'TCP' }])
})

test('both spellings of the service account are kept alike', () => {
  const { serviceAccount, serviceAccountName } = pod({ serviceAccount: 'x' }).spec
  assert.deepEqual([serviceAccount, serviceAccountName], ['x', 'x'])
})

test('a volume without a source is an emptyDir', () => {
  assert.deepEqual(pod({ volumes: [{ name: 'v' }] }).spec.volumes, [{ name: 'v', emptyDir: {} }])
})

test('podIP and podIPs follow each other, and podIP wins', () => {
  const { status } = made(Pod, { spec: { containers: [container()] }, status: { podIP: '1.2.3.4', podIPs: [{ ip: '1.2.3.5' }] } })
  assert.deepEqual([status.podIP, status.podIPs], ['1.2.3.4', [{ ip: '1.2.3.4' }]])
})

test('a Recreate deployment gets no rolling update', () => {
  const body = { selector: {}, template: { spec: { containers: [container()] } } }
  assert.deepEqual(made(Deployment, { spec: { ...body, strategy: { type: 'Recreate' } } }).spec.strategy, { type: 'Recreate' })
  const { strategy } = made(Deployment, { spec: body }).spec
  assert.deepEqual(strategy, { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } })
})

test('a load balancer service gets the defaults of its type', () => {
  const { spec } = made(Service, { spec: { type: 'LoadBalancer', ports: [{ port: 80 }], sessionAffinity: 'ClientIP' } })
  assert.deepEqual(spec, {
    type: 'LoadBalancer',
    ports: [{ port: 80, targetPort: 80, protocol: 'TCP' }],
    sessionAffinity: 'ClientIP',
    sessionAffinityConfig: { clientIP: { timeoutSeconds: 10800 } },
    externalTrafficPolicy: 'Cluster',
    internalTrafficPolicy: 'Cluster',
    allocateLoadBalancerNodePorts: true,
  })
})

test('stringData of a secret becomes data and is not kept', () => {
  const { data, stringData, type } = made(Secret, { data: { a: 'eA==', b: 'eQ==' }, stringData: { a: 'new' } })
  assert.deepEqual({ data, stringData, type }, { data: { a: 'bmV3', b: 'eQ==' }, stringData: undefined, type: 'Opaque' })
})

const limits = { cpu: '1', memory: '1Gi' }
const classes = [
  { resources: {}, qos: 'BestEffort' },
  { resources: { requests: { cpu: '1' } }, qos: 'Burstable' },
  { resources: { limits }, qos: 'Guaranteed' },
  { resources: { limits, requests: { ...limits, cpu: '500m' } }, qos: 'Burstable' },
  { resources: { limits: { cpu: '1' } }, qos: 'Burstable' },
]

for (const { resources, qos } of classes) {
  test(`qosClassOf() is ${qos} for ${JSON.stringify(resources)}`, () => {
    assert.equal(qosClassOf(pod({ containers: [container({ resources })] }).spec), qos)
  })
}

test('podRequests() counts the busiest moment: sidecars beside init containers, then beside containers', () => {
  const cpu = (amount: string) => ({ resources: { requests: { cpu: amount } } })
  const { spec } = pod({
    initContainers: [
      { ...container(cpu('3')), name: 'first' },
      { ...container(cpu('1')), name: 'sidecar', restartPolicy: 'Always' },
      { ...container(cpu('4')), name: 'second' },
    ],
    containers: [container(cpu('2'))],
    overhead: { cpu: '100m' },
  })
  assert.deepEqual(podRequests(spec), { cpu: '5100m' })
})
