import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalMicroTime, canonicalTime, formatDuration, parseDuration } from './go-time.ts'

const times: [string, string][] = [
  ['2026-01-02T03:04:05Z', '2026-01-02T03:04:05Z'],
  ['2026-01-02T03:04:05.999Z', '2026-01-02T03:04:05Z'],
  ['2026-01-02T03:04:05+02:00', '2026-01-02T01:04:05Z'],
  ['2024-02-29T23:30:00-01:00', '2024-03-01T00:30:00Z'],
]
for (const [text, expected] of times) {
  test(`canonicalTime() writes ${text} as ${expected}`, () => assert.equal(canonicalTime(text), expected))
}

const layout = '"2006-01-02T15:04:05Z07:00"'
const wrong: [string, string][] = [
  ['', `parsing time "" as ${layout}: cannot parse "" as "2006"`],
  ['abc', `parsing time "abc" as ${layout}: cannot parse "abc" as "2006"`],
  ['2026-01-02', `parsing time "2026-01-02" as ${layout}: cannot parse "" as "T"`],
  ['2026-01-02 03:04:05Z', `parsing time "2026-01-02 03:04:05Z" as ${layout}: cannot parse " 03:04:05Z" as "T"`],
  ['2026-01-02T03:04:05', `parsing time "2026-01-02T03:04:05" as ${layout}: cannot parse "" as "Z07:00"`],
  ['2026-01-02T03:04:05Zx', 'parsing time "2026-01-02T03:04:05Zx": extra text: "x"'],
  ['2026-13-02T03:04:05Z', 'parsing time "2026-13-02T03:04:05Z": month out of range'],
  ['2026-02-30T03:04:05Z', 'parsing time "2026-02-30T03:04:05Z": day out of range'],
  ['2026-02-03T24:04:05Z', 'parsing time "2026-02-03T24:04:05Z": hour out of range'],
]
for (const [text, message] of wrong) {
  test(`canonicalTime() words the error of ${JSON.stringify(text)} as Go`, () => {
    assert.throws(() => canonicalTime(text), { message })
  })
}

test('canonicalMicroTime() keeps six digits', () => {
  assert.equal(canonicalMicroTime('2026-01-02T03:04:05.123456789Z'), '2026-01-02T03:04:05.123456Z')
  assert.equal(canonicalMicroTime('2026-01-02T03:04:05.5+01:00'), '2026-01-02T02:04:05.500000Z')
  for (const text of ['2026-01-02T03:04:05.000001Z', '2026-01-02T03:04:05.000002Z']) assert.equal(canonicalMicroTime(text), text)
  assert.throws(() => canonicalMicroTime('2026-13-02T03:04:05.000001Z'), /month out of range$/)
})

const durations: [string, string][] = [
  ['0', '0s'],
  ['1h', '1h0m0s'],
  ['90m', '1h30m0s'],
  ['1.5s', '1.5s'],
  ['1500ms', '1.5s'],
  ['300ms', '300ms'],
  ['2us', '2µs'],
  ['-1m30s', '-1m30s'],
  ['1h2m3.5s', '1h2m3.5s'],
  ['7ns', '7ns'],
]
for (const [text, expected] of durations) {
  test(`formatDuration() writes ${text} as ${expected}`, () => {
    assert.equal(formatDuration(parseDuration(text)), expected)
    assert.equal(formatDuration(parseDuration(expected)), expected)
  })
}

test('parseDuration() words errors as Go', () => {
  assert.throws(() => parseDuration(''), { message: 'time: invalid duration ""' })
  assert.throws(() => parseDuration('abc'), { message: 'time: invalid duration "abc"' })
  assert.throws(() => parseDuration('5'), { message: 'time: missing unit in duration "5"' })
  assert.throws(() => parseDuration('5d'), { message: 'time: unknown unit "d" in duration "5d"' })
})
