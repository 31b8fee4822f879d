/** What claims get on one node, as tables: requests, alternatives, constraints, taints, partitions and shares. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Node } from '#api/core/v1/node.ts'
import type { DeviceClass } from '#api/resource/v1/device-class.ts'
import type { ResourceClaim } from '#api/resource/v1/resource-claim.ts'
import type { Device, ResourceSlice } from '#api/resource/v1/resource-slice.ts'
import { allocate } from './allocate.ts'
import { newestSlices } from './pools.ts'

const driver = 'gpu.example.com'
const here = { metadata: { name: 'n1', labels: {} } } as unknown as Node

const slice = (devices: object[], spec: object = {}) =>
  ({
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

function results({ slices, claims, allocated = [], consumed = [] }: Given) {
  let shares = 0
  const inventory = {
    newest: newestSlices(slices),
    allocated: new Set(allocated.map((name) => `${driver}/p/${name}`)),
    consumed: new Map(consumed.map(([name, taken]) => [`${driver}/p/${name}`, taken])),
    classOf: (name: string) => ({ metadata: { name }, spec: {} }) as unknown as DeviceClass,
    shareId: () => `share-${shares++}`,
  }
  return allocate(claims, here, inventory)?.flatMap((each) => each.devices?.results ?? [])
}

const names = (given: Given) => results(given)?.map(({ request, device }) => `${request}=${device}`)

const capacity = (value: string, requestPolicy?: object) => ({ memory: { value, ...(requestPolicy && { requestPolicy }) } })
const shared = (value: string, policy?: object) =>
  device('a', { allowMultipleAllocations: true, capacity: capacity(value, policy) })
const wants = (memory: string) => ({ capacity: { requests: { memory } } })
const model = (text: string) => ({ attributes: { model: { string: text } } })
const taint = { taints: [{ key: 'broken', effect: 'NoSchedule' }] }
const counters = (memory: string) => ({ consumesCounters: [{ counterSet: 'card', counters: { memory: { value: memory } } }] })
const card = { sharedCounters: [{ name: 'card', counters: { memory: { value: '40Gi' } } }] }

const cases: readonly (Given & { readonly it: string; readonly gets: readonly string[] | undefined })[] = [
  {
    it: 'takes the first that is free',
    ...{ slices: [slice([device('a'), device('b')])], claims: [claim([one()])], allocated: ['a'], gets: ['r=b'] },
  },
  {
    it: 'gives nothing where all are taken',
    slices: [slice([device('a')])],
    claims: [claim([one()])],
    allocated: ['a'],
    gets: undefined,
  },
  {
    it: 'gives no device to two claims',
    ...{ slices: [slice([device('a'), device('b')])], claims: [claim([one()]), claim([one()])], gets: ['r=a', 'r=b'] },
  },
  {
    it: 'takes all or nothing',
    slices: [slice([device('a'), device('b')])],
    claims: [claim([one({ allocationMode: 'All' })])],
    ...{ allocated: ['b'], gets: undefined },
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
    ...{ claims: [claim([one()])], allocated: ['a'], gets: undefined },
  },
  {
    it: 'gives a share to each while there is enough',
    ...{ slices: [slice([shared('10Gi')])], claims: [claim([one(wants('4Gi')), one(wants('6Gi'), 's')])], gets: ['r=a', 's=a'] },
  },
  {
    it: 'gives no share beyond the whole',
    ...{ slices: [slice([shared('10Gi')])], claims: [claim([one(wants('4Gi')), one(wants('7Gi'), 's')])], gets: undefined },
  },
  {
    it: 'counts shares that others have',
    slices: [slice([shared('10Gi')])],
    ...{ claims: [claim([one(wants('4Gi'))])], allocated: ['a'], consumed: [['a', [{ memory: '7Gi' }]]], gets: undefined },
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
    it: 'takes those last that must be prepared',
    slices: [slice([device('a', { bindingConditions: ['Attached'] }), device('b')])],
    ...{ claims: [claim([one()])], gets: ['r=b'] },
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
    const [result] = results({ slices: [slice([shared('10Gi', policy)])], claims: [claim([request])] }) ?? []
    assert.deepEqual(result?.consumedCapacity, taken === undefined ? undefined : { memory: taken })
    assert.equal(result?.shareID, taken === undefined ? undefined : 'share-0')
  })
}

test('allocate() tells what must be true before the pod is bound, and binds a device to the node that says so', () => {
  const slow: Partial<Device> = { bindingConditions: ['Attached'], bindingFailureConditions: ['Failed'], bindsToNode: true }
  const given = slice([device('a', slow)], { nodeName: undefined, allNodes: true })
  const [allocation] =
    allocate([claim([one()])], here, {
      newest: newestSlices([given]),
      allocated: new Set(),
      consumed: new Map(),
      classOf: () => ({ spec: {} }) as unknown as DeviceClass,
      shareId: () => '',
    }) ?? []
  const [result] = allocation?.devices?.results ?? []
  assert.deepEqual([result?.bindingConditions, result?.bindingFailureConditions], [['Attached'], ['Failed']])
  const terms = [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n1'] }] }]
  assert.deepEqual(allocation?.nodeSelector, { nodeSelectorTerms: terms })
})
