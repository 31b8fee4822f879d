import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReplicaSet } from '#api/apps/v1/replica-set.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { kinds } from '#api/kinds.ts'
import { defineController } from '#controllers/runtime/controller.ts'
import { graph } from './graph.ts'

test('graph() draws reads towards a controller and writes away from it', () => {
  const controller = defineController({ name: 'replicaset-controller', for: ReplicaSet, owns: [Pod], writes: [Pod] })
  assert.deepEqual(graph([controller]).split('\n'), [
    'flowchart LR',
    '  replicaset_controller[[replicaset-controller]]',
    '  ReplicaSet(ReplicaSet) --> replicaset_controller',
    '  Pod(Pod) --> replicaset_controller',
    '  replicaset_controller ==> Pod(Pod)',
    '  replicaset_controller -. status .-> ReplicaSet(ReplicaSet)',
  ])
})

test('graph() has one arrow for whoever reads every kind', () => {
  const everything = defineController({ name: 'all', for: Pod, reads: kinds })
  assert.match(graph([everything]), /every_kind\(every kind\) --> all/)
})
