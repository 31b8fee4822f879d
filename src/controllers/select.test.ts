import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kinds } from '#api/kinds.ts'
import { previewKinds } from '#api/preview-kinds.ts'
import { controllersOf } from './controllers.ts'
import { selectControllers } from './select.ts'

const all = controllersOf({ rootCa: 'PEM' })
const pick = (list: string) => [...new Set(selectControllers(all, list.split(',')).map(({ name }) => name))].sort()
const some = ['deployment-controller', 'replicaset-controller']

const cases: readonly [string, readonly string[]][] = [
  ['deployment,replicaset', some],
  ['deployment-controller,replicaset-controller', some],
  ['podgc,endpoint', ['endpoints-controller', 'pod-garbage-collector-controller']],
  ['tokencleaner', ['token-cleaner-controller']],
  ['service,route,cloud-node-lifecycle,storage-version-gc,selinux-warning', []],
  ['-deployment', []],
  ['', []],
]
for (const [list, wanted] of cases) {
  test(`selectControllers(): ${list || 'nothing'}`, () => assert.deepEqual(pick(list), wanted))
}

test('selectControllers(): a star is all but those that are off by default, and those that are taken out', () => {
  const most = pick('*')
  assert.ok(most.length > 30 && most.includes('deployment-controller') && !most.includes('token-cleaner-controller'))
  assert.deepEqual(
    pick('*,-deployment,tokencleaner'),
    [...most.filter((name) => name !== 'deployment-controller'), 'token-cleaner-controller'].sort(),
  )
})

test('selectControllers() refuses names that nobody has', () => {
  assert.throws(() => pick('*,-nonsense'), { message: '"-nonsense" is not in the list of known controllers' })
})

/** `cmd/kube-controller-manager/names` of 1.36, without those that a cloud provider or a gate that is off asks for. */
const upstream = [
  ...['bootstrap-signer', 'certificatesigningrequest-approving', 'certificatesigningrequest-cleaner', 'clusterrole-aggregation'],
  ...['certificatesigningrequest-signing', 'cronjob', 'daemonset', 'deployment', 'device-taint-eviction', 'disruption'],
  ...[
    'endpoints',
    'endpointslice',
    'endpointslice-mirroring',
    'ephemeral-volume',
    'garbage-collector',
    'horizontal-pod-autoscaler',
  ],
  ...[
    'job',
    'kube-apiserver-serving-clustertrustbundle-publisher',
    'legacy-serviceaccount-token-cleaner',
    'namespace',
    'node-ipam',
  ],
  ...['node-lifecycle', 'persistentvolume-attach-detach', 'persistentvolume-binder', 'persistentvolume-expander'],
  ...[
    'persistentvolume-protection',
    'persistentvolumeclaim-protection',
    'pod-garbage-collector',
    'podcertificaterequest-cleaner',
  ],
  ...['replicaset', 'replicationcontroller', 'resourceclaim', 'resourcequota', 'root-ca-certificate-publisher', 'service-cidr'],
  ...[
    'serviceaccount',
    'serviceaccount-token',
    'statefulset',
    'storage-version-migrator',
    'taint-eviction',
    'token-cleaner',
    'ttl',
  ],
  ...['ttl-after-finished', 'validatingadmissionpolicy-status', 'volumeattributesclass-protection'],
].map((name) => `${name}-controller`)

test('controllersOf() has all of upstream, under its names', () => {
  const whole = { rootCa: 'PEM', kinds: [...kinds, ...previewKinds], signer: {} as never, tokens: {} as never }
  const names = new Set(controllersOf({ ...whole, localDirectories: {} as never }).map(({ name }) => name))
  assert.deepEqual([...names].sort(), [...upstream, 'local-path-provisioner'].sort())
})
