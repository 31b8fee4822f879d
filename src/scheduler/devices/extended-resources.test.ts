import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '#api/core/v1/pod.ts'
import { DeviceClass } from '#api/resource/v1/device-class.ts'
import { ObjectCache } from '../framework/objects.ts'
import { classesByResource, requestsFor } from './extended-resources.ts'

const gpu = 'example.com/gpu'
const asking = (name: string, amount: number, more: object = {}) => ({
  ...{ name, ...more },
  resources: { requests: { cpu: '1', ...(amount > 0 && { [gpu]: `${amount}` }) } },
})
const sidecar = { restartPolicy: 'Always' }

const cases: readonly (readonly [it: string, spec: object, requests: object, mappings: readonly string[]])[] = [
  ['one container', { containers: [asking('a', 2)] }, { 'container-0-request-1': 2 }, ['a: container-0-request-1']],
  [
    'containers side by side',
    { containers: [asking('a', 1), asking('b', 0), asking('c', 2)] },
    { 'container-0-request-1': 1, 'container-2-request-1': 2 },
    ['a: container-0-request-1', 'c: container-2-request-1'],
  ],
  [
    'an init container that uses what comes after it',
    { initContainers: [asking('i', 2)], containers: [asking('a', 2)] },
    { 'container-1-request-1': 2 },
    ['a: container-1-request-1', 'i: container-1-request-1'],
  ],
  [
    'init containers that need more: the most that one needs',
    { initContainers: [asking('i', 3), asking('j', 5)], containers: [asking('a', 2)] },
    { 'container-1-request-1': 3, 'container-2-request-1': 2 },
    [
      'a: container-2-request-1',
      'i: container-2-request-1',
      'i: container-1-request-1',
      'j: container-2-request-1',
      'j: container-1-request-1',
    ],
  ],
  [
    'a sidecar, whose devices only those before it may use',
    { initContainers: [asking('s', 1, sidecar), asking('i', 1)], containers: [asking('a', 0)] },
    { 'container-0-request-1': 1, 'container-1-request-1': 1 },
    ['s: container-0-request-1', 'i: container-1-request-1'],
  ],
]

for (const [it, spec, wanted, mapped] of cases) {
  test(`requestsFor() ${it}`, () => {
    const { requests, mappings } = requestsFor({ spec } as unknown as Pod, new Map([[gpu, 'gpus']]))
    assert.deepEqual(Object.fromEntries(requests.map(({ name, exactly }) => [name, exactly?.count])), wanted)
    assert.deepEqual(
      mappings.map(({ containerName, requestName }) => `${containerName}: ${requestName}`),
      mapped,
    )
  })
}

test('classesByResource() knows a class by its own name too, and of several for a resource the youngest', () => {
  const objects = new ObjectCache()
  const add = (name: string, creationTimestamp: string) => {
    objects.set(DeviceClass, {
      metadata: { name, creationTimestamp },
      spec: { extendedResourceName: gpu },
    } as unknown as DeviceClass)
  }
  add('young', '2026-02-02T00:00:00Z')
  add('old', '2026-01-01T00:00:00Z')
  add('alike', '2026-02-02T00:00:00Z')
  assert.deepEqual(classesByResource(objects).get(gpu), 'alike')
  assert.deepEqual(classesByResource(objects).get('deviceclass.resource.kubernetes.io/old'), 'old')
})
