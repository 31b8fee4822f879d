/** Sets that are shared between objects of one build are those that each of them would have been given by itself. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Deployment } from '#api/apps/v1/deployment.ts'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { Service } from '#api/core/v1/service.ts'
import { seededRandom } from '#lib/random.ts'
import { copyJson } from '#schema/copy.ts'
import { decode } from '#schema/decode.ts'
import { applyDefaults } from '#schema/default.ts'
import { empty, fieldSet } from '#schema/field-set.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import { managersAfterCreate } from '#schema/managed-create.ts'
import { encodeManaged, type Versions } from '#schema/managed-fields.ts'
import { managersAfterUpdate } from '#schema/managed-update.ts'
import { shapeOf } from '#schema/typed.ts'
import { encodeStored } from '#store/splice.ts'
import { encodeObject } from './codec.ts'
import { zeroObject } from './field-managers.ts'

const writer = { manager: 'test', apiVersion: 'v1', subresource: '', time: '2026-01-01T00:00:00Z' }
const container = {
  ...{ name: 'main', image: 'i', ports: [{ containerPort: 80 }, { containerPort: 80, protocol: 'UDP' }] },
  env: [
    { name: 'A', value: '1' },
    { name: 'B', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    { name: '3{', value: '' },
  ],
  resources: { requests: { cpu: '1', memory: '1Gi' } },
  securityContext: {},
}
const podSpec = {
  containers: [container, { name: 'side', image: 'i', command: ['a', 'b'] }],
  volumes: [
    { name: 'data', emptyDir: {} },
    { name: 'map', configMap: { name: 'm', items: [{ key: 'k', path: 'p' }] } },
  ],
  tolerations: [{ operator: 'Exists' }],
  nodeSelector: { a: 'b' },
}
const metadata = {
  ...{ name: 'n', labels: { a: '1', '1 a': '2' }, annotations: { x: 'y' }, finalizers: ['example.com/a', 'example.com/b'] },
  ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'o', uid: 'u' }],
}
const template = { metadata: { labels: { a: '1' } }, spec: podSpec }
const samples: readonly (readonly [Kind, object])[] = [
  [Pod, { metadata, spec: podSpec }],
  [Deployment, { metadata, spec: { replicas: 2, selector: { matchLabels: { a: '1' } }, template, minReadySeconds: 0 } }],
  [ConfigMap, { metadata, data: { a: '', b: '2' }, binaryData: { c: 'AA==' }, immutable: false }],
  [Service, { metadata, spec: { selector: { a: 'b' }, ports: [{ port: 80 }, { port: 80, protocol: 'UDP', name: 'u' }] } }],
]

/** Leaves something out, or makes a text empty, somewhere. */
function thinned(value: any, random: () => number): any {
  if (Array.isArray(value)) return value.filter(() => random() > 0.1).map((item) => thinned(item, random))
  if (typeof value !== 'object' || value === null) return random() < 0.05 && value === 'i' ? '' : value
  const kept = Object.entries(value).filter(([key]) => key === 'name' || random() > 0.1)
  return Object.fromEntries(kept.map(([key, inner]) => [key, thinned(inner, random)]))
}

test('managersAfterCreate() answers what managersAfterUpdate() of the zero object does, and so a second time', () => {
  const random = seededRandom(7)
  for (const [kind, sample] of samples) {
    const versions: Versions = {
      shape: shapeOf(kind.schema),
      reset: kind.def.status ? fieldSet(['f:status']) : empty,
      convert: () => undefined,
    }
    for (let i = 0; i < 200; i++) {
      const draft = i === 0 ? sample : thinned(sample, () => random.next())
      const object = decode(kind.schema, { ...draft, apiVersion: kind.apiVersion, kind: kind.kind }) as KubeObject
      if (i % 2) applyDefaults(kind, object)
      const zero = zeroObject(kind)
      const wanted = outcome(() => managersAfterUpdate(versions, { live: zero, object, managers: new Map(), writer }))
      for (const again of [object, copyJson(object)]) {
        assert.equal(
          outcome(() => managersAfterCreate(versions, { zero, object: again, writer })),
          wanted,
        )
      }
    }
  }
})

function outcome(make: () => ReturnType<typeof managersAfterCreate>): string {
  try {
    return JSON.stringify(encodeManaged(make()))
  } catch (error) {
    return (error as Error).message
  }
}

test('encodeObject() writes the texts of shared sets as JSON.stringify() would', () => {
  for (const [kind, sample] of samples) {
    const versions: Versions = { shape: shapeOf(kind.schema), reset: empty, convert: () => undefined }
    const object = decode(kind.schema, { ...sample, apiVersion: kind.apiVersion, kind: kind.kind }) as KubeObject
    const managers = managersAfterCreate(versions, { zero: zeroObject(kind), object, writer: { ...writer, subresource: 'x' } })
    const entries = encodeManaged(managers)
    assert.ok(entries)
    object.metadata.managedFields = entries
    const plain = Buffer.from(encodeStored(copyJson(object) as KubeObject)).toString()
    assert.equal(Buffer.from(encodeObject(object)).toString(), plain)
  }
})
