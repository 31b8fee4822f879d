import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kinds } from '#api/kinds.ts'
import { made } from '#testing/errors-of.ts'

test('kinds of admission warn of names that are kept for files', () => {
  const why = 'reserved for static manifest-based configurations and cannot be managed via the API'
  const found = kinds.filter(({ group }) => group === 'admissionregistration.k8s.io')
  assert.equal(found.length, 6)
  for (const kind of found) {
    const warnings = (name: string) => kind.def.warnings?.(made(kind, { metadata: { name } }), undefined)
    assert.deepEqual(warnings('a.static.k8s.io'), [`metadata.name: names ending with ".static.k8s.io" are ${why}`])
    assert.deepEqual(warnings('static.k8s.io'), [])
  }
})
