import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '#api/core/v1/pod.ts'
import type { Service } from '#api/core/v1/service.ts'
import type { Draft } from '#schema/words.ts'
import type { Container } from '../containers/pod-names.ts'
import type { ObjectData, ObjectSource } from '../volumes/object-source.ts'
import { expand, expandStrictly } from './expand.ts'
import { fieldText, resourceText } from './field-ref.ts'
import { type EnvInputs, resolveEnv } from './resolve-env.ts'
import { serviceEnv } from './service-env.ts'

const env = new Map([
  ['A', '1'],
  ['EMPTY', ''],
])

const expansions: [text: string, want: string][] = [
  ['$(A)', '1'],
  ['x$(A)y$(A)', 'x1y1'],
  ['$$(A)', '$(A)'],
  ['$$$(A)', '$1'],
  ['$(B)', '$(B)'],
  ['$(A', '$(A'],
  ['$A', '$A'],
  ['$', '$'],
  ['[$(EMPTY)]', '[]'],
  ['$()', '$()'],
]

for (const [text, want] of expansions) test(`expand() turns ${text} into ${want}`, () => assert.equal(expand(text, env), want))

test('expandStrictly() refuses an unknown name', () => {
  assert.throws(() => expandStrictly('a/$(B)', env), { message: 'missing value for "B"' })
})

const container = {
  name: 'main',
  resources: { limits: { cpu: '1500m', memory: '64Mi' }, requests: { cpu: '250m' } },
} as unknown as Container

const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'web',
    namespace: 'ns',
    uid: 'u1',
    labels: { b: '2', a: 'one "two"' },
    annotations: { 'x/y': 'z' },
    resourceVersion: '1',
    creationTimestamp: '',
  },
  spec: { containers: [container], nodeName: 'n1', serviceAccountName: 'robot' },
  status: {},
} as unknown as Pod

const addresses = { podIps: ['10.0.0.2', 'fd00::2'], hostIps: ['192.168.0.1'] }

const fields: [path: string, want: string][] = [
  ['metadata.name', 'web'],
  ['metadata.namespace', 'ns'],
  ['metadata.uid', 'u1'],
  ["metadata.labels['b']", '2'],
  ["metadata.annotations['x/y']", 'z'],
  ["metadata.annotations['none']", ''],
  ['metadata.labels', 'a="one \\"two\\""\nb="2"'],
  ['spec.nodeName', 'n1'],
  ['spec.serviceAccountName', 'robot'],
  ['status.podIP', '10.0.0.2'],
  ['status.podIPs', '10.0.0.2,fd00::2'],
  ['status.hostIP', '192.168.0.1'],
]

for (const [path, want] of fields) test(`fieldText() answers ${path}`, () => assert.equal(fieldText(pod, path, addresses), want))

const resources: [resource: string, divisor: string, want: string][] = [
  ['limits.cpu', '0', '2'],
  ['limits.cpu', '1m', '1500'],
  ['requests.cpu', '1', '1'],
  ['limits.memory', '1Mi', '64'],
  ['limits.memory', '0', '67108864'],
  ['requests.memory', '1Mi', '64'],
  ['limits.ephemeral-storage', '1Gi', '100'],
]

for (const [resource, divisor, want] of resources) {
  test(`resourceText() answers ${resource} in ${divisor}`, () => {
    assert.equal(resourceText(pod, { resource, divisor }, { container, allocatable: { 'ephemeral-storage': '100Gi' } }), want)
  })
}

const data = (entries: Record<string, string>): ObjectData => ({
  entries: new Map(Object.entries(entries).map(([key, value]) => [key, Buffer.from(value)])),
  binary: new Set(),
})

const objects: ObjectSource = {
  configMap: async (_, name) => (name === 'cfg' ? data({ mode: 'fast', 'bad=key': 'x' }) : undefined),
  secret: async (_, name) => (name === 'key' ? data({ token: 's3cret' }) : undefined),
}

const inputs: EnvInputs = {
  objects,
  readFile: async (volume, path) => (volume === 'out' && path === 'my.env' ? Buffer.from("A='one'\nEMPTY=''\n") : undefined),
  addresses,
  allocatable: {},
  services: new Map([
    ['DB_SERVICE_HOST', '10.96.0.7'],
    ['MODE', 'service'],
  ]),
}

async function resolved(part: Draft<Container>) {
  const { env: found, warnings } = await resolveEnv(pod, { ...container, ...part } as Container, inputs)
  return { env: Object.fromEntries(found), warnings }
}

test('resolveEnv() lets each variable see those before it, and services', async () => {
  const { env: got } = await resolved({
    envFrom: [{ prefix: 'CFG_', configMapRef: { name: 'cfg' } }],
    env: [
      { name: 'URL', value: 'http://$(DB_SERVICE_HOST)/$(CFG_mode)/$(LATER)' },
      { name: 'LATER', value: '1' },
      { name: 'AGAIN', value: '$(LATER)$(URL)' },
      { name: 'MODE', valueFrom: { configMapKeyRef: { name: 'cfg', key: 'mode' } } },
      { name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'key', key: 'token' } } },
      { name: 'NONE', valueFrom: { secretKeyRef: { name: 'gone', key: 'token', optional: true } } },
      { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
      { name: 'EMPTY' },
    ],
  })
  assert.deepEqual(got, {
    CFG_mode: 'fast',
    URL: 'http://10.96.0.7/fast/$(LATER)',
    LATER: '1',
    AGAIN: '1http://10.96.0.7/fast/$(LATER)',
    MODE: 'fast',
    TOKEN: 's3cret',
    IP: '10.0.0.2',
    EMPTY: '',
    DB_SERVICE_HOST: '10.96.0.7',
  })
})

test('resolveEnv() skips keys that are no names and says so', async () => {
  const { warnings } = await resolved({ envFrom: [{ configMapRef: { name: 'cfg' } }] })
  assert.deepEqual(warnings, [
    'Keys [bad=key] from the EnvFrom configMap ns/cfg were skipped since they are considered invalid environment variable names.',
  ])
})

const missing: [it: string, part: Draft<Container>, message: string][] = [
  ['a ConfigMap', { env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'x', key: 'k' } } }] }, 'configmap "x" not found'],
  ['a Secret', { envFrom: [{ secretRef: { name: 'x' } }] }, 'secret "x" not found'],
  [
    'a key of a ConfigMap',
    { env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'cfg', key: 'k' } } }] },
    "couldn't find key k in ConfigMap ns/cfg",
  ],
  [
    'a key of a Secret',
    { env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'key', key: 'k' } } }] },
    "couldn't find key k in Secret ns/key",
  ],
]

for (const [it, part, message] of missing) {
  test(`resolveEnv() throws upstream's text for a missing ${it}`, () => assert.rejects(resolved(part), { message }))
}

function service(namespace: string, name: string, clusterIP: string): Service {
  const ports = [
    { name: 'http', port: 80, protocol: 'TCP', targetPort: 80 },
    { name: 'dns-udp', port: 53, protocol: 'UDP', targetPort: 53 },
  ]
  return { metadata: { name, namespace }, spec: { clusterIP, ports } } as unknown as Service
}

test('serviceEnv() writes the variables of the pod’s namespace and of the API server', () => {
  const services = [service('ns', 'my-db', '10.96.0.7'), service('other', 'x', '10.96.0.8'), service('ns', 'headless', 'None')]
  const got = Object.fromEntries(serviceEnv(pod, [...services, service('default', 'kubernetes', '10.96.0.1')]))
  assert.equal(got.MY_DB_SERVICE_HOST, '10.96.0.7')
  assert.equal(got.MY_DB_SERVICE_PORT, '80')
  assert.equal(got.MY_DB_SERVICE_PORT_DNS_UDP, '53')
  assert.equal(got.MY_DB_PORT, 'tcp://10.96.0.7:80')
  assert.equal(got.MY_DB_PORT_53_UDP, 'udp://10.96.0.7:53')
  assert.equal(got.MY_DB_PORT_53_UDP_ADDR, '10.96.0.7')
  assert.equal(got.KUBERNETES_SERVICE_HOST, '10.96.0.1')
  assert.equal(Object.keys(got).filter((key) => /^(X|HEADLESS)_/.test(key)).length, 0)
})

test('serviceEnv() keeps only the API server without service links', () => {
  const quiet = { ...pod, spec: { ...pod.spec, enableServiceLinks: false } }
  const got = serviceEnv(quiet, [service('ns', 'db', '10.96.0.7'), service('default', 'kubernetes', '10.96.0.1')])
  assert([...got.keys()].every((key) => key.startsWith('KUBERNETES_')))
})

const fromFile = (over: object) => ({
  name: 'F',
  valueFrom: { fileKeyRef: { volumeName: 'out', path: 'my.env', key: 'A', ...over } },
})

test('resolveEnv() takes a variable from a file of a volume', async () => {
  assert.equal((await resolved({ env: [fromFile({})] })).env.F, 'one')
  for (const over of [{ key: 'B' }, { key: 'EMPTY' }, { path: 'none' }]) {
    assert.equal('F' in (await resolved({ env: [fromFile({ ...over, optional: true })] })).env, false)
  }
  await assert.rejects(resolved({ env: [fromFile({ key: 'B' })] }), { message: 'environment variable key "B" not found in file' })
  await assert.rejects(resolved({ env: [fromFile({ path: 'none' })] }), /no such file or directory/)
})
