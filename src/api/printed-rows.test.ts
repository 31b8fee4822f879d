import assert from 'node:assert/strict'
import { test } from 'node:test'
import { zeroOf } from '#schema/decode.ts'
import type { Kind } from '#schema/kind.ts'
import { toTable } from '#schema/table.ts'
import { made } from '#testing/errors-of.ts'
import { kinds } from './kinds.ts'
import { previewKinds } from './preview-kinds.ts'

const now = Date.parse('2026-01-04T00:00:00Z')
const isDefault = { annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } }

// biome-ignore format: a table; the cells are what upstream's printers give
const rows = [
  { kind: 'StorageClass', object: { metadata: isDefault, provisioner: 'p' }, cells: ['a (default)', 'p', 'Delete', 'Immediate', false, '3d'] },
  { kind: 'CSIDriver', object: { spec: { tokenRequests: [{ audience: 'x' }] } }, cells: ['a', true, false, false, 'x', false, 'Persistent', '3d'] },
  { kind: 'CSINode', object: { spec: { drivers: [] } }, cells: ['a', 0, '3d'] },
  { kind: 'Ingress', object: { spec: { rules: [{ host: 'h' }], tls: [{}] }, status: { loadBalancer: { ingress: [{ ip: '1.2.3.4' }] } } }, cells: ['a', '<none>', 'h', '1.2.3.4', '80, 443', '3d'] },
  { kind: 'IngressClass', object: { spec: { controller: 'c', parameters: { apiGroup: 'g', kind: 'K', name: 'n' } } }, cells: ['a', 'c', 'K.g/n', '3d'] },
  { kind: 'NetworkPolicy', object: { spec: { podSelector: { matchLabels: { x: 'y' } } } }, cells: ['a', 'x=y', '3d'] },
  { kind: 'CertificateSigningRequest', object: { spec: { signerName: 's', expirationSeconds: 3600, username: 'u' }, status: { conditions: [{ type: 'Approved' }] } }, cells: ['a', '3d', 's', 'u', '60m', 'Approved'] },
  { kind: 'FlowSchema', object: { spec: { priorityLevelConfiguration: { name: 'p' } } }, cells: ['a', 'p', 1000, '<none>', '3d', '?'] },
  { kind: 'PriorityLevelConfiguration', object: { spec: { type: 'Limited', limited: { limitResponse: { type: 'Queue', queuing: {} } } } }, cells: ['a', 'Limited', 30, 64, 8, 50, '3d'] },
  { kind: 'ResourceClaim', object: { spec: {}, status: { allocation: {}, reservedFor: [{ uid: 'u' }] } }, cells: ['a', 'allocated,reserved', '3d'] },
  { kind: 'ValidatingAdmissionPolicyBinding', object: { spec: { policyName: 'p', paramRef: { name: 'n', namespace: 'ns' } } }, cells: ['a', 'p', 'ns/n', '3d'] },
]

for (const { kind: name, object, cells } of rows) {
  test(`columns of ${name} show ${cells.join(' ')}`, () => {
    const kind = kinds.find(({ kind }) => kind === name) as Kind
    assert.deepEqual(toTable(kind, [made<any>(kind, object)], { now }).rows[0]?.cells, cells)
  })
}

for (const kind of [...kinds, ...previewKinds]) {
  test(`columns of ${kind.apiVersion} ${kind.kind} show an object that holds nothing`, () => {
    const { columnDefinitions, rows } = toTable(kind, [zeroOf(kind.schema) as any], { now })
    assert.equal(rows[0]?.cells.length, columnDefinitions?.length)
  })
}
