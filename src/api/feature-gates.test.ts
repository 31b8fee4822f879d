import assert from 'node:assert/strict'
import { test } from 'node:test'
import { featureGateTable, gateDependencies } from './feature-gate-table.ts'
import { defaultGates, featureGates } from './feature-gates.ts'

test('featureGates() keeps what 1.36 has, unless it is told otherwise', () => {
  const cases: [text: string, name: string, isOn: boolean][] = [
    ['', 'WatchList', true],
    ['', 'HPAScaleToZero', false],
    ['HPAScaleToZero=true', 'HPAScaleToZero', true],
    [' HPAScaleToZero = T , WatchList=0', 'WatchList', false],
    ['kube:WatchList=false,kube:HPAScaleToZero=1', 'HPAScaleToZero', true],
    ['WatchList=false,WatchList=true', 'WatchList', true],
    ['AllAlpha=true', 'HPAScaleToZero', true],
    ['AllAlpha=true,HPAScaleToZero=false', 'HPAScaleToZero', false],
    ['AllAlpha=true', 'SELinuxMount', false],
    ['AllBeta=false,DRADeviceBindingConditions=false', 'WatchList', false],
    ['AllBeta=false', 'MutatingAdmissionPolicy', true],
    ['AllBeta=false', 'CRDValidationRatcheting', true],
    ['CRDValidationRatcheting=true', 'CRDValidationRatcheting', true],
  ]
  for (const [text, name, isOn] of cases) assert.equal(featureGates(text).isOn(name), isOn, `${text}: ${name}`)
})

test('featureGates() refuses what makes no sense, in upstream’s words', () => {
  const cases: [text: string, why: string][] = [
    ['Nonsense=true', 'unrecognized feature gate: Nonsense'],
    ['WatchList', 'missing bool value for WatchList'],
    ['WatchList=perhaps', 'invalid value of WatchList=perhaps, err: strconv.ParseBool: parsing "perhaps": invalid syntax'],
    ['CRDValidationRatcheting=false', 'cannot set feature gate CRDValidationRatcheting to false, feature is locked to true'],
    ['wardle:WatchList=true', 'component not registered: wardle'],
    [
      'kube:WatchList=true,HPAScaleToZero=true',
      'set kube feature gates with default empty prefix or kube: prefix consistently, do not mix use',
    ],
    ['GangScheduling=true', 'GangScheduling is enabled, but depends on features that are disabled: [GenericWorkload]'],
  ]
  for (const [text, message] of cases) assert.throws(() => featureGates(text), { message }, text)
})

test('featureGates() knows no gate that is asked for by a wrong name', () => {
  assert.throws(() => defaultGates.isOn('Nonsense'), /not registered/)
})

test('featureGateTable names what dependencies name, and each gate once', () => {
  for (const [name, needed] of Object.entries(gateDependencies)) {
    for (const one of [name, ...needed]) assert.ok(featureGateTable.has(one), one)
  }
  const names = defaultGates.all().map(({ name }) => name)
  assert.deepEqual(names, [...new Set(names)].sort())
  assert.ok(names.length > 200)
})
