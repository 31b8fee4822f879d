import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubeObject } from '#schema/kind.ts'
import { planClaim } from './claim.ts'

const object = (name: string, { owner, match = true, deleted }: { owner?: string; match?: boolean; deleted?: boolean } = {}) =>
  ({
    metadata: {
      name,
      uid: name,
      labels: match ? { app: 'web' } : {},
      ...(deleted && { deletionTimestamp: '2026-01-01T00:00:00Z' }),
      ...(owner && { ownerReferences: [{ uid: owner, controller: true }] }),
    },
  }) as unknown as KubeObject

const objects = [
  object('kept', { owner: 'me' }),
  object('released', { owner: 'me', match: false }),
  object('foreign', { owner: 'other' }),
  object('orphan'),
  object('stranger', { match: false }),
  object('leaving', { deleted: true }),
]

const cases = [
  { it: 'keeps, adopts and releases', owner: object('me'), kept: ['kept'], adopt: ['orphan'], release: ['released'] },
  {
    it: 'changes nothing for an owner that is being deleted',
    owner: object('me', { deleted: true }),
    kept: ['kept'],
    adopt: [],
    release: [],
  },
]

for (const { it, owner, ...want } of cases) {
  test(`planClaim() ${it}`, () => {
    const claim = planClaim(owner, objects, ({ metadata }) => metadata.labels?.app === 'web')
    const names = (list: readonly KubeObject[]) => list.map(({ metadata }) => metadata.name)
    assert.deepEqual({ kept: names(claim.kept), adopt: names(claim.adopt), release: names(claim.release) }, want)
  })
}
