import assert from 'node:assert/strict'
import { test } from 'node:test'
import { der, integer, oid, sequence, time, valuesIn } from './der.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

for (const [it, value, want] of [
  ['a short value', der(0x04, Buffer.of(1, 2)), '04020102'],
  ['a number whose first bit is set', integer(Buffer.of(0x80)), '02020080'],
  ['an identifier', oid('1.2.840.113549.1.1.11'), '06092a864886f70d01010b'],
  ['a time of this half of the century', time(Date.UTC(2049, 11, 31, 23, 59, 59)), `170d${hex(Buffer.from('491231235959Z'))}`],
  ['a later time', time(Date.UTC(2050, 0, 1)), `180f${hex(Buffer.from('20500101000000Z'))}`],
] as const) {
  test(`der() writes ${it}`, () => assert.equal(hex(value), want))
}

for (const length of [127, 128, 255, 256, 70_000]) {
  test(`valuesIn() reads what der() wrote, of ${length} bytes`, () => {
    const body = Buffer.alloc(length, 7)
    const [outer] = valuesIn(sequence(der(0x04, body), integer(Buffer.of(1))))
    const [first, second] = valuesIn(outer?.body ?? Buffer.alloc(0))
    assert.deepEqual([first?.tag, first?.body, second?.tag], [0x04, body, 0x02])
  })
}

test('valuesIn() refuses a length that leads beyond the end', () => {
  assert.throws(() => valuesIn(Buffer.of(0x04, 5, 1)), /beyond the end/)
})
