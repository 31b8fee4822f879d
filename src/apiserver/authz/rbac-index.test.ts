import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RoleBinding } from '#api/rbac/v1/role-binding.ts'
import type { Lister } from '../admission/plugin.ts'
import { RbacIndex } from './rbac-index.ts'

test('RbacIndex remembers only namespaces that have bindings, whoever asks for whichever', () => {
  const apiGroup = 'rbac.authorization.k8s.io'
  const binding = {
    metadata: { name: 'b', namespace: 'real' },
    subjects: [{ kind: 'User', apiGroup, name: 'eve' }],
    roleRef: { apiGroup, kind: 'Role', name: 'r' },
  } as unknown as RoleBinding
  const listed: string[] = []
  const lister = {
    get: () => undefined,
    list: (kind: unknown, namespace = '') => {
      if (kind === RoleBinding) listed.push(namespace)
      return namespace === 'real' ? [binding] : []
    },
    onChange: () => {},
  } as unknown as Lister
  const index = new RbacIndex(lister)
  const eve = { name: 'eve', groups: [] }
  for (let i = 0; i < 2; i++) {
    assert.equal(index.namespaceGrants(eve, 'real').length, 1)
    assert.equal(index.namespaceGrants(eve, 'made-up').length, 0)
  }
  assert.deepEqual(listed, ['real', 'made-up', 'made-up'])
})
