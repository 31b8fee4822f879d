import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Pod } from '#api/core/v1/pod.ts'
import type { Kind } from '#schema/kind.ts'
import { concernedBy } from './concerned.ts'
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts'

test('concernedBy() asks each plugin once for each place, and keeps their order', () => {
  const asked: string[] = []
  const plugin = (name: string, plural: string): AdmissionPlugin => ({
    name,
    handles({ kind, operation, subresource }) {
      asked.push(`${name} ${operation} ${kind.plural}/${subresource}`)
      return kind.plural === plural && operation === 'CREATE'
    },
    mutate: () => {},
    ...(name === 'b' && { validate: () => {} }),
  })
  const plugins = [plugin('a', 'pods'), plugin('b', 'pods'), plugin('c', 'configmaps')]
  const at = (kind: Kind, operation: string, subresource = '') => {
    const { mutating, validating } = concernedBy(plugins, { kind, operation, subresource } as unknown as AdmissionRequest)
    return [mutating.length, validating.length]
  }
  for (let i = 0; i < 2; i++) {
    assert.deepEqual(at(Pod, 'CREATE'), [2, 1])
    assert.deepEqual(at(Pod, 'CREATE', 'binding'), [2, 1])
    assert.deepEqual(at(Pod, 'UPDATE'), [0, 0])
    assert.deepEqual(at(ConfigMap, 'CREATE'), [1, 0])
  }
  assert.equal(asked.length, 12)
  assert.equal(new Set(asked).size, 12)
})
