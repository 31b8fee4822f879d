import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  addQuantity,
  canonicalQuantity,
  compareQuantity,
  formatQuantity,
  milliValue,
  parseQuantity,
  quantityValue,
  subtractQuantity,
} from './quantity.ts'

/** Text, its canonical form, its value in nano units. */
const canonical: [string, string, bigint][] = [
  ['0', '0', 0n],
  ['0Ki', '0', 0n],
  ['1', '1', 10n ** 9n],
  ['8Ki', '8Ki', 8192n * 10n ** 9n],
  ['1024Mi', '1Gi', 2n ** 30n * 10n ** 9n],
  ['1025024Mi', '1001Gi', 1001n * 2n ** 30n * 10n ** 9n],
  ['1000M', '1G', 10n ** 18n],
  ['0.001T', '1G', 10n ** 18n],
  ['1000u', '1m', 10n ** 6n],
  ['1.08', '1080m', 1080n * 10n ** 6n],
  ['1080000000n', '1080m', 1080n * 10n ** 6n],
  ['0.5', '500m', 500n * 10n ** 6n],
  ['.5', '500m', 500n * 10n ** 6n],
  ['1.', '1.', 10n ** 9n],
  ['0.1', '100m', 10n ** 8n],
  ['.001e12', '1e9', 10n ** 18n],
  ['1000e-12', '1e-9', 1n],
  ['1.2e3', '1200', 1200n * 10n ** 9n],
  ['1.53E12', '1530e9', 153n * 10n ** 19n],
  ['5e3', '5e3', 5000n * 10n ** 9n],
  ['0.5Mi', '512Ki', 2n ** 19n * 10n ** 9n],
  ['0.05Gi', '53687091200m', 536870912n * 10n ** 8n],
  ['100.035Ki', '102435840m', 10243584n * 10n ** 7n],
  ['1000Ki', '1000Ki', 1024000n * 10n ** 9n],
  ['512', '512', 512n * 10n ** 9n],
  ['3.001n', '4n', 4n],
  ['0.0000000001', '1n', 1n],
  ['0.00000012345', '124n', 124n],
  ['0.000000000001Ki', '2n', 2n],
  ['9Ei', '9223372036854775807', (2n ** 63n - 1n) * 10n ** 9n],
  ['12E', '12E', 12n * 10n ** 27n],
  ['-1.5Gi', '-1536Mi', -1536n * 2n ** 20n * 10n ** 9n],
  ['-3.001n', '-4n', -4n],
  ['1.500', '1.500', 1500n * 10n ** 6n],
  ['+5', '+5', 5n * 10n ** 9n],
]

for (const [text, expected, nanos] of canonical) {
  test(`canonicalQuantity() writes ${text} as ${expected}`, () => {
    assert.equal(canonicalQuantity(text), expected)
    assert.equal(canonicalQuantity(expected), expected, 'twice is once')
    const { unscaled, scale } = parseQuantity(text)
    assert.equal(unscaled * 10n ** BigInt(scale + 9), nanos)
  })
}

const wrong = ['', '1.1.M', '1+1.0M', '0.1mi', '0.1am', 'aoeu', ' 0', '1 ', '1Mx', '{']
for (const text of wrong) {
  test(`parseQuantity() refuses ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseQuantity(text), {
      name: 'QuantityError',
      message:
        /^(quantities must match the regular expression '\^\(\[\+-\]\?\[0-9\.\]\+\)\(\[eEinumkKMGTP\]\*\[-\+\]\?\[0-9\]\*\)\$'|unable to parse quantity's suffix)$/,
    })
  })
}

test('parseQuantity() tells a wrong suffix from a wrong number', () => {
  assert.throws(() => parseQuantity('5i'), { message: "unable to parse quantity's suffix" })
  assert.throws(() => parseQuantity('1e'), { message: "unable to parse quantity's suffix" })
  assert.throws(() => parseQuantity('1e999999999'), { message: "unable to parse quantity's suffix" })
})

test('quantityValue() and milliValue() round away from zero', () => {
  assert.equal(quantityValue('1500m'), 2)
  assert.equal(quantityValue('1n'), 1)
  assert.equal(quantityValue('-1500m'), -2)
  assert.equal(quantityValue('1Gi'), 2 ** 30)
  assert.equal(milliValue('100m'), 100)
  assert.equal(milliValue('2'), 2000)
  assert.equal(milliValue('1u'), 1)
})

test('addQuantity() and subtractQuantity() are exact and keep the format', () => {
  assert.equal(formatQuantity(addQuantity('100m', '1900m')), '2')
  assert.equal(formatQuantity(addQuantity('1Gi', '512Mi')), '1536Mi')
  assert.equal(formatQuantity(addQuantity('0', '1Mi')), '1Mi')
  assert.equal(formatQuantity(subtractQuantity('1Gi', '1Gi')), '0')
  assert.equal(formatQuantity(subtractQuantity('1', '1500m')), '-500m')
  assert.equal(formatQuantity(addQuantity('9007199254740993', '1n')), '9007199254740993000000001n')
})

test('compareQuantity() compares amounts, not texts', () => {
  assert.equal(compareQuantity('1', '1000m'), 0)
  assert.equal(compareQuantity('1Ki', '1k'), 1)
  assert.equal(compareQuantity('-1', '1n'), -1)
})
