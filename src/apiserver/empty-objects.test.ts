/** Objects that say nothing, to every kind: they are refused or taken, and neither by a defect. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kinds } from '#api/kinds.ts'
import { previewKinds } from '#api/preview-kinds.ts'
import type { Kind } from '#schema/kind.ts'
import { testCluster } from '#testing/cluster.ts'
import { send } from '#testing/send.ts'

const bodies = [
  '{}',
  'null',
  '{"metadata":null}',
  '{"metadata":{"name":""},"spec":{},"status":{}}',
  '{"metadata":{"generateName":"x-"}}',
]

function collectionOf({ group, version, plural, namespaced }: Kind): `/${string}` {
  return `/${group === '' ? 'api' : `apis/${group}`}/${version}${namespaced ? '/namespaces/default' : ''}/${plural}`
}

/** Reasons of upstream's own for a 500 have no reason; defects are internal errors. */
async function defectsOf(kind: Kind, call: (line: `${string} /${string}`, body: string) => ReturnType<typeof send>) {
  const defects: string[] = []
  for (const body of bodies) {
    for (const [method, path] of [
      ['POST', collectionOf(kind)],
      ['PUT', `${collectionOf(kind)}/a`],
      ['PUT', `${collectionOf(kind)}/a/status`],
      ['DELETE', `${collectionOf(kind)}/a`],
    ] as const) {
      const { object } = await call(`${method} ${path}?dryRun=All`, body)
      if (object?.reason === 'InternalError') defects.push(`${method} ${path} ${body}: ${object.message}`)
    }
  }
  return defects
}

test('no kind takes an object that says nothing for more than it is', async () => {
  await using cluster = await testCluster({ kinds: previewKinds })
  const defects: string[] = []
  for (const kind of [...kinds, ...previewKinds]) {
    defects.push(...(await defectsOf(kind, (line, body) => send(cluster.server, line, { body }))))
  }
  assert.deepEqual(defects, [])
})
