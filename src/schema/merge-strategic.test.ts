import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Deployment } from '#api/apps/v1/deployment.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { Service } from '#api/core/v1/service.ts'
import { type Random, seededRandom } from '#lib/random.ts'
import { decode } from './decode.ts'
import { strategicMerge, threeWayPatch, twoWayPatch } from './merge.ts'
import { StatusError } from './status-error.ts'
import type { Node } from './words.ts'
import { parseYaml } from './yaml.ts'

const yaml = (text: string): any => parseYaml(text)[0]?.value ?? {}

interface Case {
  readonly it: string
  readonly schema?: Node
  readonly object: string
  readonly patch: string
  readonly want: string
}

const cases: Case[] = [
  {
    it: 'merges containers by name and leaves the others alone',
    object: 'spec: {containers: [{name: a, image: a:1, args: [x]}, {name: b, image: b:1}]}',
    patch: 'spec: {containers: [{name: a, image: a:2}]}',
    want: 'spec: {containers: [{name: a, image: a:2, args: [x]}, {name: b, image: b:1}]}',
  },
  {
    it: 'keeps the order of the patch',
    object: 'spec: {containers: [{name: a}, {name: b}]}',
    patch: 'spec: {containers: [{name: c}, {name: a, image: x}]}',
    want: 'spec: {containers: [{name: c}, {name: a, image: x}, {name: b}]}',
  },
  {
    it: 'deletes an item with $patch: delete',
    object: 'spec: {containers: [{name: a}, {name: b}]}',
    patch: 'spec: {containers: [{name: a, $patch: delete}]}',
    want: 'spec: {containers: [{name: b}]}',
  },
  {
    it: 'replaces a list with $patch: replace',
    object: 'spec: {containers: [{name: a}, {name: b}]}',
    patch: 'spec: {containers: [{name: c}, {$patch: replace}]}',
    want: 'spec: {containers: [{name: c}]}',
  },
  {
    it: 'replaces an object with $patch: replace',
    object: 'metadata: {labels: {a: "1", b: "2"}}',
    patch: 'metadata: {labels: {c: "3", $patch: replace}}',
    want: 'metadata: {labels: {c: "3"}}',
  },
  {
    it: 'empties an object with $patch: delete',
    object: 'metadata: {labels: {a: "1"}}',
    patch: 'metadata: {labels: {$patch: delete}}',
    want: 'metadata: {labels: {}}',
  },
  {
    it: 'drops a directive where there is nothing to obey it',
    object: 'spec: {}',
    patch: 'spec: {securityContext: {runAsUser: 1, $patch: replace}, nodeName: x}',
    want: 'spec: {nodeName: x}',
  },
  {
    it: 'unites lists of scalars',
    object: 'metadata: {finalizers: [b, a]}',
    patch: 'metadata: {finalizers: [c, a]}',
    want: 'metadata: {finalizers: [c, b, a]}',
  },
  {
    it: 'deletes scalars with $deleteFromPrimitiveList',
    object: 'metadata: {finalizers: [a, b, c]}',
    patch: 'metadata: {$deleteFromPrimitiveList/finalizers: [a, c, x]}',
    want: 'metadata: {finalizers: [b]}',
  },
  {
    it: 'orders with $setElementOrder, and leaves those of the server where they stood',
    object: 'spec: {containers: [{name: a}, {name: server}, {name: b}]}',
    patch: 'spec: {$setElementOrder/containers: [{name: b}, {name: a}], containers: [{name: b, image: x}]}',
    want: 'spec: {containers: [{name: server}, {name: b, image: x}, {name: a}]}',
  },
  {
    it: 'replaces atomic lists',
    object: 'spec: {containers: [{name: a, args: [x, y]}]}',
    patch: 'spec: {containers: [{name: a, args: [z]}]}',
    want: 'spec: {containers: [{name: a, args: [z]}]}',
  },
  {
    it: 'keeps only what $retainKeys lists',
    schema: Deployment.schema,
    object: 'spec: {strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1}}}',
    patch: 'spec: {strategy: {type: Recreate, $retainKeys: [type]}}',
    want: 'spec: {strategy: {type: Recreate}}',
  },
  {
    it: 'tells volumes of another source apart with $retainKeys',
    object: 'spec: {volumes: [{name: v, emptyDir: {}}]}',
    patch: 'spec: {volumes: [{name: v, configMap: {name: c}, $retainKeys: [name, configMap]}]}',
    want: 'spec: {volumes: [{name: v, configMap: {name: c}}]}',
  },
  {
    it: 'merges service ports by number',
    schema: Service.schema,
    object: 'spec: {ports: [{port: 80, targetPort: 1}, {port: 443}]}',
    patch: 'spec: {ports: [{port: 80, targetPort: web}]}',
    want: 'spec: {ports: [{port: 80, targetPort: web}, {port: 443}]}',
  },
  {
    it: 'removes with null and drops nulls of what is new',
    object: 'spec: {nodeName: x, hostname: y}',
    patch: 'spec: {nodeName: null, subdomain: null, affinity: {podAffinity: null, nodeAffinity: {}}}',
    want: 'spec: {hostname: y, affinity: {nodeAffinity: {}}}',
  },
]
for (const { it, schema = Pod.schema, object, patch, want } of cases) {
  test(`strategicMerge() ${it}`, () => {
    const [original, change] = [yaml(object), yaml(patch)]
    const once = strategicMerge(schema, original, change)
    assert.deepEqual(once, yaml(want))
    assert.deepEqual([original, change], [yaml(object), yaml(patch)], 'neither argument may change')
  })
}

const errors: [string, string, number, string][] = [
  [
    'spec: {containers: [{image: x}]}',
    'spec: {containers: [{image: z}]}',
    500,
    'map: map[image:z] does not contain declared merge key: name',
  ],
  [
    'spec: {containers: [{name: x}]}',
    'spec: {containers: [x]}',
    500,
    'list element types are not identical: [[map[name:x]] [x]]',
  ],
  [
    'spec: {containers: [{name: x}]}',
    'spec: {containers: [[x]]}',
    500,
    'list element types are not identical: [[map[name:x]] [[x]]]',
  ],
  ['spec: {}', 'spec: {$patch: frob}', 500, 'unknown patch type: frob in map: map[$patch:frob]'],
  [
    'spec: {containers: [{name: x}]}',
    'spec: {containers: [{name: x, $patch: merge}]}',
    500,
    'merging lists cannot yet be specified in the patch',
  ],
  ['spec: {}', 'spec: {$retainKeys: x}', 400, 'invalid patch format of retainKeys'],
  ['spec: {}', 'spec: {$retainKeys: [a], b: 1}', 400, 'invalid patch format of retainKeys'],
  ['metadata: {finalizers: [a]}', 'metadata: {$deleteFromPrimitiveList: [a]}', 400, 'invalid patch format of primitive list'],
  ['spec: {}', 'spec: {$setElementOrder: [a]}', 400, 'invalid patch format of setElementOrder list'],
  ['spec: {}', 'spec: {$setElementOrder/containers: x}', 500, 'expected a []interface {}, but received a string'],
  ['spec: {foo: {a: 1}}', 'spec: {foo: {a: 2}}', 500, 'unable to find api field in struct PodSpec for the json field "foo"'],
  [
    'spec: {}',
    'spec: {$setElementOrder/containers: [{name: a}, {name: b}], containers: [{name: b}, {name: a}]}',
    500,
    "The order in patch list:\n[map[name:b] map[name:a]]\n doesn't match $setElementOrder list:\n[map[name:a] map[name:b]]\n",
  ],
]
for (const [object, patch, code, message] of errors) {
  test(`strategicMerge() complains: ${message}`, () => {
    assert.throws(
      () => strategicMerge(Pod.schema, yaml(object), yaml(patch)),
      (error) => error instanceof StatusError && error.code === code && error.message === message,
    )
  })
}

test('strategicMerge() takes 20,000 items without delay', () => {
  const items = (tag: string) => Array.from({ length: 20_000 }, (_, i) => ({ name: `c${i}`, image: tag }))
  const merged = strategicMerge(Pod.schema, { spec: { containers: items('a') } }, { spec: { containers: items('b') } }) as any
  assert.equal(merged.spec.containers.length, 20_000)
})

test('twoWayPatch() says nothing of equal objects', () => {
  const object = yaml('metadata: {finalizers: [a, b]}\nspec: {containers: [{name: a}], volumes: [{name: v, emptyDir: {}}]}')
  assert.deepEqual(twoWayPatch(Pod.schema, object, structuredClone(object)), {})
})

test('twoWayPatch() changes one image with the order of all containers', () => {
  const original = yaml('spec: {containers: [{name: a, image: a:1}, {name: b, image: b:1}]}')
  const modified = yaml('spec: {containers: [{name: a, image: a:1}, {name: b, image: b:2}]}')
  assert.deepEqual(
    twoWayPatch(Pod.schema, original, modified),
    yaml('spec: {$setElementOrder/containers: [{name: a}, {name: b}], containers: [{name: b, image: b:2}]}'),
  )
})

test('threeWayPatch() removes what was applied before and keeps what others set', () => {
  const original = yaml('spec: {replicas: 2, template: {spec: {containers: [{name: old}, {name: web, image: web:1}]}}}')
  const modified = yaml('spec: {template: {spec: {containers: [{name: web, image: web:2}]}}}')
  const current = yaml(
    'spec: {replicas: 2, paused: true, template: {spec: {containers: [{name: old}, {name: web, image: web:1}, {name: sidecar}]}}}',
  )
  const patch = threeWayPatch(Deployment.schema, { original, modified, current })
  const { template } = (patch as any).spec
  assert.deepEqual(patch, {
    spec: {
      replicas: null,
      template: {
        spec: {
          '$setElementOrder/containers': [{ name: 'web' }],
          containers: [
            { name: 'web', image: 'web:2' },
            { name: 'old', $patch: 'delete' },
          ],
        },
      },
    },
  })
  assert.ok(template)
  assert.deepEqual(
    strategicMerge(Deployment.schema, current, patch),
    yaml('spec: {paused: true, template: {spec: {containers: [{name: web, image: web:2}, {name: sidecar}]}}}'),
  )
})

test('threeWayPatch() clears the union of a strategy', () => {
  const applied = yaml('spec: {strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1}}}')
  const modified = yaml('spec: {strategy: {type: Recreate}}')
  const patch = threeWayPatch(Deployment.schema, { original: applied, modified, current: applied })
  assert.deepEqual(patch, yaml('spec: {strategy: {$retainKeys: [type], type: Recreate, rollingUpdate: null}}'))
  assert.deepEqual(strategicMerge(Deployment.schema, applied, patch), modified)
})

/** Pods with a few containers, environment variables, finalizers, labels: small enough to collide. */
function randomPod(random: Random): any {
  const some = <T>(of: readonly T[]): T[] => of.filter(() => random.next() < 0.5)
  const shuffled = <T>(of: T[]): T[] =>
    of
      .map((item) => ({ item, at: random.next() }))
      .sort((a, b) => a.at - b.at)
      .map(({ item }) => item)
  const pick = <T>(of: readonly T[]): T => of[Math.floor(random.next() * of.length)] as T
  const labels = Object.fromEntries(some(['x', 'y', 'z']).map((key) => [key, pick(['1', '2'])]))
  const env = () => shuffled(some(['A', 'B', 'C'])).map((name) => ({ name, value: pick(['1', '2']) }))
  const container = (name: string) => ({
    name,
    image: pick(['i1', 'i2']),
    ...(random.next() < 0.6 && { env: env() }),
    args: some(['p', 'q']),
  })
  const volume = (name: string) =>
    random.next() < 0.5 ? { name, emptyDir: {} } : { name, configMap: { name: pick(['c', 'd']) } }
  return {
    metadata: { labels, finalizers: shuffled(some(['f/a', 'f/b', 'f/c'])) },
    spec: { containers: shuffled(some(['a', 'b', 'c', 'd'])).map(container), volumes: shuffled(some(['u', 'v'])).map(volume) },
  }
}

test('twoWayPatch() applied to the original gives the modified object, twice the same', () => {
  for (let seed = 0; seed < 2000; seed++) {
    const random = seededRandom(seed)
    const [original, modified] = [randomPod(random), randomPod(random)]
    const patch = twoWayPatch(Pod.schema, original, modified)
    const result = strategicMerge(Pod.schema, original, patch)
    assert.deepEqual(settled(result), settled(modified), `seed ${seed}`)
    assert.deepEqual(strategicMerge(Pod.schema, result, patch), result, `seed ${seed}, applied again`)
  }
})

test('threeWayPatch() applied to the current object leaves nothing to apply, and nothing of others lost', () => {
  for (let seed = 0; seed < 2000; seed++) {
    const random = seededRandom(seed)
    const [original, modified, current] = [randomPod(random), randomPod(random), randomPod(random)]
    const result: any = strategicMerge(Pod.schema, current, threeWayPatch(Pod.schema, { original, modified, current }))
    assertHolds(result, modified, `seed ${seed}`)
    for (const { name } of current.spec.containers) {
      const isKept = result.spec.containers.some((container: any) => container.name === name)
      const wasApplied = original.spec.containers.some((container: any) => container.name === name)
      const isWanted = modified.spec.containers.some((container: any) => container.name === name)
      assert.equal(isKept, isWanted || !wasApplied, `seed ${seed}: container ${name}`)
    }
    const again = threeWayPatch(Pod.schema, { original: modified, modified, current: result })
    assert.deepEqual(settled(strategicMerge(Pod.schema, result, again)), settled(result), `seed ${seed}, applied again`)
  }
})

/** Every field of `part` is in `whole`; merged lists are compared by name and order. */
function assertHolds(whole: any, part: any, what: string): void {
  for (const key of ['labels'])
    for (const [name, value] of Object.entries(part.metadata[key])) assert.equal(whole.metadata[key][name], value, what)
  const names = (list: any[]) => list.map(({ name }) => name)
  const wanted = names(part.spec.containers)
  assert.deepEqual(
    names(whole.spec.containers).filter((name) => wanted.includes(name)),
    wanted,
    what,
  )
  for (const container of part.spec.containers) {
    const found = whole.spec.containers.find(({ name }: any) => name === container.name)
    assert.equal(found.image, container.image, what)
    assert.deepEqual(found.args, container.args, what)
  }
}

/** As the server keeps it; the order of finalizers may get lost on the way (see `diffScalarLists`). */
function settled(value: unknown): unknown {
  const pod = decode(Pod.schema, value)
  pod.metadata.finalizers?.sort()
  return pod
}
