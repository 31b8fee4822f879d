import assert from 'node:assert/strict'
import { test } from 'node:test'
import { controllersOf } from './controllers.ts'
import { selectControllers } from './select.ts'

const all = controllersOf({ rootCa: 'PEM' })
const pick = (list: string) => [...new Set(selectControllers(all, list.split(',')).map(({ name }) => name))].sort()
const some = ['deployment-controller', 'replicaset-controller']

const cases: readonly [string, readonly string[]][] = [
  ['deployment,replicaset', some],
  ['deployment-controller,replicaset-controller', some],
  ['podgc,endpoint', ['endpoints-controller', 'pod-garbage-collector-controller']],
  ['tokencleaner', ['token-cleaner-controller']],
  ['-deployment', []],
  ['', []],
]
for (const [list, wanted] of cases) {
  test(`selectControllers(): ${list || 'nothing'}`, () => assert.deepEqual(pick(list), wanted))
}

test('selectControllers(): a star is all but those that are off by default, and those that are taken out', () => {
  const most = pick('*')
  assert.ok(most.length > 30 && most.includes('deployment-controller') && !most.includes('token-cleaner-controller'))
  assert.deepEqual(
    pick('*,-deployment,tokencleaner'),
    [...most.filter((name) => name !== 'deployment-controller'), 'token-cleaner-controller'].sort(),
  )
})

test('selectControllers() refuses names that nobody has', () => {
  assert.throws(() => pick('*,-nonsense'), { message: '"-nonsense" is not in the list of known controllers' })
})

test('controllersOf(): names end as upstream has them', () => {
  for (const { name } of all) assert.match(name, /-(controller|binder)$|^local-path/, name)
})
