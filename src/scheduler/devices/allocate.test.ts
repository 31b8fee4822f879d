/** What claims get on one node, as tables: requests, alternatives, constraints, taints, partitions and shares. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Node } from '#api/core/v1/node.ts'
import type { DeviceClass } from '#api/resource/v1/device-class.ts'
import type { ResourceClaim } from '#api/resource/v1/resource-claim.ts'
import type { Device, ResourceSlice } from '#api/resource/v1/resource-slice.ts'
import { allocate } from './allocate.ts'
import { poolsIn } from './pools.ts'

const driver = 'gpu.example.com'
const here = { metadata: { name: 'n1', labels: { zone: 'x' } } } as unknown as Node

const slice = (devices: object[], spec: object = {}, name = 's') =>
  ({
    metadata: { name },
    spec: { driver, nodeName: 'n1', pool: { name: 'p', generation: 1, resourceSliceCount: 1 }, devices, ...spec },
  }) as unknown as ResourceSlice
const claim = (requests: object[], constraints: object[] = []) =>
  ({ metadata: { name: 'c', uid: 'c' }, spec: { devices: { requests, constraints } } }) as unknown as ResourceClaim
const one = (more: object = {}, name = 'r') => ({ name, exactly: { deviceClassName: 'gpu', ...more } })
const device = (name: string, more: object = {}) => ({ name, ...more })

interface Given {
  readonly slices: readonly ResourceSlice[]
  readonly claims: readonly ResourceClaim[]
  readonly allocated?: readonly string[]
  readonly consumed?: readonly (readonly [string, readonly Record<string, string>[]])[]
}

function allocated(slices: readonly ResourceSlice[], claims: readonly ResourceClaim[], more: object = {}) {
  const classOf = (name: string) => ({ metadata: { name }, spec: {} }) as unknown as DeviceClass
  const inventory = {
    pools: poolsIn(slices),
    allocated: new Set<string>(),
    consumed: new Map(),
    classOf,
    shareId: () => '',
    ...more,
  }
  const found = allocate(claims, here, inventory)
  assert.ok(typeof found !== 'string', String(found))
  return found
}

function results({ slices, claims, allocated = [], consumed = [] }: Given) {
  let shares = 0
  const inventory = {
    pools: poolsIn(slices),
    allocated: new Set(allocated.map((name) => `${driver}/p/${name}`)),
    consumed: new Map(consumed.map(([name, taken]) => [`${driver}/p/${name}`, taken])),
    classOf: (name: string) => ({ metadata: { name }, spec: {} }) as unknown as DeviceClass,
    shareId: () => `share-${shares++}`,
  }
  const found = allocate(claims, here, inventory)
  return typeof found === 'string' ? found : found.flatMap((each) => each.devices?.results ?? [])
}

const names = (given: Given) => {
  const found = results(given)
  return typeof found === 'string' ? found : found.map(({ request, device }) => `${request}=${device}`)
}
const none = 'cannot allocate all claims'

const capacity = (value: string, requestPolicy?: object) => ({ memory: { value, ...(requestPolicy && { requestPolicy }) } })
const shared = (value: string, policy?: object) =>
  device('a', { allowMultipleAllocations: true, capacity: capacity(value, policy) })
const wants = (memory: string) => ({ capacity: { requests: { memory } } })
const model = (text: string) => ({ attributes: { model: { string: text } } })
const taint = { taints: [{ key: 'broken', effect: 'NoSchedule' }] }
const counters = (memory: string) => ({ consumesCounters: [{ counterSet: 'card', counters: { memory: { value: memory } } }] })
const card = { sharedCounters: [{ name: 'card', counters: { memory: { value: '40Gi' } } }] }

const pool = (name: string, more: object = {}) => ({ pool: { name, generation: 1, resourceSliceCount: 1, ...more } })
const zone = (value: string) => ({
  nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: [value] }] }],
})

const cases: readonly (Given & { readonly it: string; readonly gets: readonly string[] | string })[] = [
  {
    it: 'takes the first that is free',
    ...{ slices: [slice([device('a'), device('b')])], claims: [claim([one()])], allocated: ['a'], gets: ['r=b'] },
  },
  {
    it: 'gives nothing where all are taken',
    slices: [slice([device('a')])],
    claims: [claim([one()])],
    allocated: ['a'],
    gets: none,
  },
  {
    it: 'gives no device to two claims',
    ...{ slices: [slice([device('a'), device('b')])], claims: [claim([one()]), claim([one()])], gets: ['r=a', 'r=b'] },
  },
  {
    it: 'takes all or nothing',
    slices: [slice([device('a'), device('b')])],
    claims: [claim([one({ allocationMode: 'All' })])],
    ...{ allocated: ['b'], gets: none },
  },
  {
    it: 'gives for admin access what others have',
    ...{ slices: [slice([device('a')])], claims: [claim([one({ adminAccess: true })])], allocated: ['a'], gets: ['r=a'] },
  },
  {
    it: 'goes back where an earlier choice breaks a constraint',
    slices: [slice([device('a', model('x')), device('b', model('y')), device('c', model('y'))])],
    claims: [claim([one({ count: 2 })], [{ matchAttribute: `${driver}/model` }])],
    gets: ['r=b', 'r=c'],
  },
  {
    it: 'keeps attributes apart that must differ',
    slices: [slice([device('a', model('x')), device('b', model('x')), device('c', model('y'))])],
    claims: [claim([one({ count: 2 })], [{ distinctAttribute: `${driver}/model` }])],
    gets: ['r=a', 'r=c'],
  },
  {
    it: 'takes the first alternative that can be had',
    slices: [slice([device('a')])],
    claims: [
      claim([
        {
          name: 'r',
          firstAvailable: [
            { name: 'two', deviceClassName: 'gpu', count: 2 },
            { name: 'one', deviceClassName: 'gpu' },
          ],
        },
      ]),
    ],
    gets: ['r/one=a'],
  },
  {
    it: 'leaves out what is tainted',
    ...{ slices: [slice([device('a', taint), device('b')])], claims: [claim([one()])], gets: ['r=b'] },
  },
  {
    it: 'takes what is tainted where that is tolerated',
    ...{
      slices: [slice([device('a', taint)])],
      claims: [claim([one({ tolerations: [{ operator: 'Exists' }] })])],
      gets: ['r=a'],
    },
  },
  {
    it: 'gives partitions as long as the whole lasts',
    slices: [slice([device('a', counters('30Gi')), device('b', counters('10Gi')), device('c', counters('10Gi'))], card)],
    claims: [claim([one(), one({}, 's')])],
    gets: ['r=a', 's=b'],
  },
  {
    it: 'gives no partition of what is used up',
    slices: [slice([device('a', counters('30Gi')), device('b', counters('20Gi'))], card)],
    ...{ claims: [claim([one()])], allocated: ['a'], gets: none },
  },
  {
    it: 'gives a share to each while there is enough',
    ...{ slices: [slice([shared('10Gi')])], claims: [claim([one(wants('4Gi')), one(wants('6Gi'), 's')])], gets: ['r=a', 's=a'] },
  },
  {
    it: 'gives no share beyond the whole',
    ...{ slices: [slice([shared('10Gi')])], claims: [claim([one(wants('4Gi')), one(wants('7Gi'), 's')])], gets: none },
  },
  {
    it: 'counts shares that others have',
    slices: [slice([shared('10Gi')])],
    ...{ claims: [claim([one(wants('4Gi'))])], allocated: ['a'], consumed: [['a', [{ memory: '7Gi' }]]], gets: none },
  },
  {
    it: 'gives two shares of one device for a count of two',
    ...{ slices: [slice([shared('10Gi')])], claims: [claim([one({ count: 2, ...wants('5Gi') })])], gets: ['r=a', 'r=a'] },
  },
  {
    it: 'wants the capacity of devices that are not shared, too',
    slices: [slice([device('a', { capacity: capacity('4Gi') }), device('b', { capacity: capacity('8Gi') })])],
    ...{ claims: [claim([one(wants('6Gi'))])], gets: ['r=b'] },
  },
  {
    it: 'takes pools last in which a device must be prepared',
    slices: [slice([device('a', { bindingConditions: ['Attached'] })], pool('p')), slice([device('b')], pool('q'))],
    ...{ claims: [claim([one()])], gets: ['r=b'] },
  },
  {
    it: 'takes devices of a pool in its order, also those that must be prepared',
    slices: [slice([device('a', { bindingConditions: ['Attached'] }), device('b')])],
    ...{ claims: [claim([one()])], gets: ['r=a'] },
  },
  {
    it: 'takes slices by name, and pools by driver and name',
    slices: [
      slice([device('d')], { driver: 'z.example.com' }),
      slice([device('c')], pool('q')),
      slice([device('b')], pool('p', { resourceSliceCount: 2 }), 's2'),
      slice([device('a')], pool('p', { resourceSliceCount: 2 }), 's1'),
    ],
    ...{ claims: [claim([one({ count: 4 })])], gets: ['r=a', 'r=b', 'r=c', 'r=d'] },
  },
  {
    it: 'takes nothing from a pool of which a slice is missing',
    slices: [slice([device('a')], pool('p', { resourceSliceCount: 2 })), slice([device('b')], pool('q'))],
    ...{ claims: [claim([one()])], gets: ['r=b'] },
  },
  {
    it: 'takes nothing from a pool that has more slices than it should',
    slices: [slice([device('a')], {}, 's1'), slice([device('b')], {}, 's2')],
    ...{ claims: [claim([one()])], gets: none },
  },
  {
    it: 'forgets the slices of earlier generations',
    slices: [slice([device('a')], {}, 's1'), slice([device('b')], pool('p', { generation: 2 }), 's2')],
    ...{ claims: [claim([one({ allocationMode: 'All' })])], gets: ['r=b'] },
  },
  {
    it: 'takes nothing from a pool that has two devices of one name',
    slices: [slice([device('a'), device('a')]), slice([device('b')], pool('q'))],
    ...{ claims: [claim([one()])], gets: ['r=b'] },
  },
  {
    it: 'says so where only such pools would do',
    slices: [slice([device('a'), device('a')])],
    ...{ claims: [claim([one()])], gets: 'invalid resource pools were encountered' },
  },
  {
    it: 'takes nothing that draws from counters that are not there',
    slices: [slice([device('a', counters('1Gi'))])],
    ...{ claims: [claim([one()])], gets: 'invalid resource pools were encountered' },
  },
  {
    it: 'takes what all nodes reach, and what the labels of the node reach',
    slices: [
      slice([device('a')], { nodeName: undefined, nodeSelector: zone('y') }),
      slice([device('b')], { ...pool('q'), nodeName: undefined, nodeSelector: zone('x') }),
      slice([device('c')], { ...pool('r'), nodeName: undefined, allNodes: true }),
      slice([device('d')], { ...pool('t'), nodeName: 'n2' }),
    ],
    ...{ claims: [claim([one({ allocationMode: 'All' })])], gets: ['r=b', 'r=c'] },
  },
  {
    it: 'takes of a slice the devices that the node reaches',
    slices: [
      slice([device('a', { nodeName: 'n2' }), device('b', { nodeSelector: zone('x') }), device('c', { allNodes: true })], {
        ...{ nodeName: undefined, perDeviceNodeSelection: true },
      }),
    ],
    ...{ claims: [claim([one({ allocationMode: 'All' })])], gets: ['r=b', 'r=c'] },
  },
  {
    it: 'takes devices by an attribute that is true',
    slices: [
      slice([device('a', { attributes: { fast: { bool: false } } }), device('b', { attributes: { fast: { bool: true } } })]),
    ],
    claims: [claim([one({ selectors: [{ cel: { expression: `device.attributes["${driver}"].fast` } }] })])],
    gets: ['r=b'],
  },
  {
    it: 'counts what a partition for another node has drawn',
    slices: [
      slice([], { ...pool('p', { resourceSliceCount: 2 }), ...card, devices: undefined }, 's1'),
      slice([device('a', { ...counters('30Gi'), nodeName: 'n2' }), device('b', { ...counters('20Gi'), nodeName: 'n1' })], {
        ...pool('p', { resourceSliceCount: 2 }),
        ...{ nodeName: undefined, perDeviceNodeSelection: true },
      }),
    ],
    ...{ claims: [claim([one()])], allocated: ['a'], gets: none },
  },
]
for (const { it, gets, ...given } of cases) {
  test(`allocate() ${it}`, () => assert.deepEqual(names(given), gets))
}

const amounts: readonly (readonly [
  it: string,
  policy: object | undefined,
  asked: string | undefined,
  taken: string | undefined,
])[] = [
  ['the whole without a wish', undefined, undefined, '10Gi'],
  ['what is wished for', undefined, '3Gi', '3Gi'],
  ['the usual amount without a wish', { default: '1Gi', validValues: ['1Gi', '4Gi'] }, undefined, '1Gi'],
  ['the next amount there is', { default: '1Gi', validValues: ['1Gi', '4Gi'] }, '2Gi', '4Gi'],
  ['nothing beyond the largest amount', { default: '1Gi', validValues: ['1Gi', '4Gi'] }, '5Gi', undefined],
  ['the least of a range', { default: '2Gi', validRange: { min: '2Gi' } }, '1Gi', '2Gi'],
  ['the next step of a range', { default: '2', validRange: { min: '2', step: '3' } }, '6', '8'],
  ['nothing beyond a range', { default: '2Gi', validRange: { min: '2Gi', max: '4Gi' } }, '5Gi', undefined],
]
for (const [it, policy, asked, taken] of amounts) {
  test(`allocate() consumes ${it}`, () => {
    const request = one(asked === undefined ? {} : wants(asked))
    const found = results({ slices: [slice([shared('10Gi', policy)])], claims: [claim([request])] })
    const [result] = typeof found === 'string' ? [] : found
    assert.deepEqual(result?.consumedCapacity, taken === undefined ? undefined : { memory: taken })
    assert.equal(result?.shareID, taken === undefined ? undefined : 'share-0')
  })
}

test('allocate() tells what must be true before the pod is bound, and binds a device to the node that says so', () => {
  const slow: Partial<Device> = { bindingConditions: ['Attached'], bindingFailureConditions: ['Failed'], bindsToNode: true }
  const given = slice([device('a', slow)], { nodeName: undefined, allNodes: true })
  const [allocation] = allocated([given], [claim([one()])])
  const [result] = allocation?.devices?.results ?? []
  assert.deepEqual([result?.bindingConditions, result?.bindingFailureConditions], [['Attached'], ['Failed']])
  const terms = [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n1'] }] }]
  assert.deepEqual(allocation?.nodeSelector, { nodeSelectorTerms: terms })
})

const selecting = (expression: string) => claim([one({ selectors: [{ cel: { expression } }] })])

const failures: readonly (Given & { readonly it: string; readonly says: string })[] = [
  {
    it: 'all devices of a pool that is being updated',
    slices: [slice([device('a')]), slice([device('b')], pool('q', { resourceSliceCount: 2 }))],
    claims: [claim([one({ allocationMode: 'All' })])],
    says: `claim c, request r: asks for all devices, but resource pool ${driver}/q is currently being updated`,
  },
  {
    it: 'all devices of an invalid pool, as an alternative',
    slices: [slice([device('a'), device('a')])],
    claims: [
      claim([
        {
          name: 'r',
          firstAvailable: [
            { name: 'one', deviceClassName: 'gpu' },
            { name: 'all', deviceClassName: 'gpu', allocationMode: 'All' },
          ],
        },
      ]),
    ],
    says: `claim c, request all: asks for all devices, but resource pool ${driver}/p is currently invalid`,
  },
  {
    it: 'more devices than a claim may have',
    slices: [slice([device('a')])],
    claims: [claim([one({ count: 20 }), one({ count: 13 }, 's')])],
    says: 'claim c: number of requested devices 33 exceeds the claim limit of 32',
  },
  {
    it: 'devices by a selector that fails',
    slices: [slice([device('a')])],
    claims: [claim([one({ selectors: [{ cel: { expression: 'device.attributes["a.io"].none > 1' } }] })])],
    says: 'claim c: selector #0: CEL runtime error: no such key: none',
  },
  {
    it: 'devices by a selector that is no expression',
    ...{ slices: [slice([device('a')])], claims: [selecting('1 + 1')] },
    says: 'claim c: selector #0: CEL compile error: must evaluate to bool or the unknown type, not int',
  },
  {
    it: 'devices by an attribute that is not true or false',
    ...{ slices: [slice([device('a', model('x'))])], claims: [selecting(`device.attributes["${driver}"].model`)] },
    says: 'claim c: selector #0: CEL runtime error: CEL result could not be converted to bool',
  },
]
for (const { it, says, ...given } of failures) {
  test(`allocate() fails for all nodes at once where it is asked for ${it}`, () => {
    assert.throws(() => results(given), { name: 'AllocationFailure', message: says })
  })
}

test('allocate() gives up a search that takes too long, by the clock or by the number of steps', () => {
  const devices = Array.from({ length: 24 }, (_, i) => device(`d${i}`, model(i % 2 ? 'x' : 'y')))
  const constraints = [{ matchAttribute: `${driver}/model` }]
  const search = (isLate?: () => boolean) =>
    allocate([claim([one({ count: 13 })], constraints)], here, {
      ...{ pools: poolsIn([slice(devices)]), allocated: new Set(), consumed: new Map(), shareId: () => '', isLate },
      classOf: (name) => ({ metadata: { name }, spec: {} }) as unknown as DeviceClass,
    })
  let asked = 0
  assert.equal(
    search(() => ++asked === 2),
    'timed out trying to allocate devices',
  )
  assert.equal(asked, 2)
  assert.equal(search(), none)
  const many = Array.from({ length: 40 }, (_, i) => device(`d${i}`, model(`${i % 2}`)))
  const hard = [claim([one({ count: 14 }), one({ count: 14 }, 's')], constraints)]
  const found = allocate(hard, here, {
    ...{ pools: poolsIn([slice(many)]), allocated: new Set(), consumed: new Map(), shareId: () => '' },
    classOf: (name) => ({ metadata: { name }, spec: {} }) as unknown as DeviceClass,
  })
  assert.equal(found, 'timed out trying to allocate devices')
})

test('allocate() hands on the configuration of each class once, and of the claim what concerns the request that was met', () => {
  const opaque = (parameters: string) => ({ opaque: { driver, parameters } })
  const classOf = (name: string) => ({ metadata: { name }, spec: { config: [opaque(name)] } })
  const alternatives = [
    { name: 'big', deviceClassName: 'big', count: 9 },
    { name: 'small', deviceClassName: 'gpu' },
  ]
  const asking = claim([one(), { name: 's', firstAvailable: alternatives }])
  const config = [
    opaque('all'),
    { requests: ['s'], ...opaque('s') },
    { requests: ['s/small'], ...opaque('small') },
    { requests: ['s/big'], ...opaque('big') },
  ]
  const claims = [{ ...asking, spec: { devices: { ...asking.spec.devices, config } } } as unknown as ResourceClaim]
  const [allocation] = allocated([slice([device('a'), device('b')])], claims, { classOf })
  assert.deepEqual(
    allocation?.devices?.config?.map(({ source, requests, opaque }) => [source, requests, opaque?.parameters]),
    [
      ['FromClass', ['r', 's/small'], 'gpu'],
      ['FromClaim', undefined, 'all'],
      ['FromClaim', ['s'], 's'],
      ['FromClaim', ['s/small'], 'small'],
    ],
  )
})
