import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Service } from '#api/core/v1/service.ts'
import type { EndpointSlice } from '#api/discovery/v1/endpoint-slice.ts'
import { type ClusterNames, lookUp } from './records.ts'

const service = (name: string, spec: object) =>
  ({
    metadata: { name, namespace: 'default' },
    spec: { ports: [{ name: 'http', port: 80, protocol: 'TCP' }], ...spec },
  }) as unknown as Service

const services = [
  service('web', { clusterIP: '10.96.0.5', clusterIPs: ['10.96.0.5'] }),
  service('db', { clusterIP: 'None', clusterIPs: ['None'] }),
  service('empty', { clusterIP: 'None' }),
  service('out', { type: 'ExternalName', externalName: 'db.example.com.' }),
]

const slice = {
  metadata: { name: 'db-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'db' } },
  ports: [{ name: 'http', port: 5432, protocol: 'TCP' }],
  endpoints: [
    { addresses: ['10.244.0.7'], hostname: 'db-0', conditions: { ready: true } },
    { addresses: ['10.244.0.8'], conditions: { ready: true } },
    { addresses: ['10.244.0.9'], hostname: 'db-2', conditions: { ready: false } },
  ],
} as unknown as EndpointSlice

const names: ClusterNames = {
  service: (namespace, name) => services.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name),
  slices: (_, name) => (name === 'db' ? [slice] : []),
  hasNamespace: (name) => name === 'default',
  serviceByIp: (ip) => services.find(({ spec }) => spec.clusterIP === ip),
  slicesByIp: (ip) => (slice.endpoints.some(({ addresses }) => addresses.includes(ip)) ? [slice] : []),
}

const ask = (name: string, type = 'A') => lookUp(name, type, { names, domain: 'cluster.local' })

/** Records as `TYPE data`, or NXDOMAIN, NODATA, and - for what is not ours. */
function shown(name: string, type: string): string[] {
  const answer = ask(name, type)
  if (!answer) return ['-']
  if (!answer.exists) return ['NXDOMAIN']
  if (answer.records.length === 0) return ['NODATA']
  return answer.records.map(({ type, data }) =>
    typeof data === 'string' ? `${type} ${data}` : `${type} ${data.port} ${data.target}`,
  )
}

const cases: readonly [string, string, ...string[]][] = [
  ['web.default.svc.cluster.local', 'A', 'A 10.96.0.5'],
  ['web.default.svc.cluster.local', 'AAAA', 'NODATA'],
  ['web.other.svc.cluster.local', 'A', 'NXDOMAIN'],
  ['nothing.default.svc.cluster.local', 'A', 'NXDOMAIN'],
  ['default.svc.cluster.local', 'A', 'NODATA'],
  ['svc.cluster.local', 'A', 'NODATA'],
  ['cluster.local', 'A', 'NODATA'],
  ['dns-version.cluster.local', 'TXT', 'TXT 1.1.0'],
  ['_http._tcp.web.default.svc.cluster.local', 'SRV', 'SRV 80 web.default.svc.cluster.local'],
  ['_http._udp.web.default.svc.cluster.local', 'SRV', 'NXDOMAIN'],
  ['db.default.svc.cluster.local', 'A', 'A 10.244.0.7', 'A 10.244.0.8'],
  ['db-0.db.default.svc.cluster.local', 'A', 'A 10.244.0.7'],
  ['10-244-0-8.db.default.svc.cluster.local', 'A', 'A 10.244.0.8'],
  ['db-2.db.default.svc.cluster.local', 'A', 'NXDOMAIN'],
  [
    '_http._tcp.db.default.svc.cluster.local',
    'SRV',
    'SRV 5432 db-0.db.default.svc.cluster.local',
    'SRV 5432 10-244-0-8.db.default.svc.cluster.local',
  ],
  ['empty.default.svc.cluster.local', 'A', 'NXDOMAIN'],
  ['out.default.svc.cluster.local', 'A', 'CNAME db.example.com'],
  ['10-244-0-7.default.pod.cluster.local', 'A', 'A 10.244.0.7'],
  ['999-1-1-1.default.pod.cluster.local', 'A', 'NXDOMAIN'],
  ['5.0.96.10.in-addr.arpa', 'PTR', 'PTR web.default.svc.cluster.local'],
  ['7.0.244.10.in-addr.arpa', 'PTR', 'PTR db-0.db.default.svc.cluster.local'],
  ['1.1.1.1.in-addr.arpa', 'PTR', '-'],
  ['example.com', 'A', '-'],
]

for (const [name, type, ...expected] of cases) {
  test(`lookUp() answers ${type} ${name} with ${expected.join(', ')}`, () => assert.deepEqual(shown(name, type), expected))
}

test('lookUp() gives the addresses of SRV targets along', () => {
  const answer = ask('_http._tcp.db.default.svc.cluster.local', 'SRV')
  assert.deepEqual(
    answer?.additional.map(({ name, data }) => `${name} ${data}`),
    ['db-0.db.default.svc.cluster.local 10.244.0.7', '10-244-0-8.db.default.svc.cluster.local 10.244.0.8'],
  )
})
