import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSchedule, zonedTime } from './schedule.ts'

/** Times without a zone are UTC; those of robfig/cron's own tests among them. */
const cases: readonly (readonly [schedule: string, zone: string | undefined, after: string, next: string | undefined])[] = [
  ['*/15 * * * *', undefined, '2012-07-09T14:45:00Z', '2012-07-09T15:00:00Z'],
  ['*/15 * * * *', undefined, '2012-07-09T14:59:59Z', '2012-07-09T15:00:00Z'],
  ['20-35/15 * * * *', undefined, '2012-07-09T15:45:00Z', '2012-07-09T16:20:00Z'],
  ['0 0 * FEB Mon', undefined, '2012-07-09T23:35:00Z', '2013-02-04T00:00:00Z'],
  ['0 0 29 2 ?', undefined, '2012-07-09T23:35:00Z', '2016-02-29T00:00:00Z'],
  ['0 0 31 2 *', undefined, '2012-07-09T23:35:00Z', undefined],
  ['0 0 1,15 * Mon', undefined, '2026-01-02T00:00:00Z', '2026-01-05T00:00:00Z'],
  ['0 0 */2 * Mon', undefined, '2026-01-02T00:00:00Z', '2026-01-03T00:00:00Z'],
  ['30 6-16/4 * * 1-5', undefined, '2026-01-02T15:00:00Z', '2026-01-05T06:30:00Z'],
  ['@hourly', undefined, '2026-01-01T00:00:00Z', '2026-01-01T01:00:00Z'],
  ['@weekly', undefined, '2026-01-01T00:00:00Z', '2026-01-04T00:00:00Z'],
  ['@yearly', undefined, '2026-01-01T00:00:00Z', '2027-01-01T00:00:00Z'],
  ['@every 1h30m', undefined, '2026-01-01T00:00:00Z', '2026-01-01T01:30:00Z'],
  ['@every 10ms', undefined, '2026-01-01T00:00:00Z', '2026-01-01T00:00:01Z'],
  ['0 3 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', '2026-03-29T01:00:00Z'],
  ['30 2 * * *', 'America/New_York', '2012-03-10T12:00:00Z', '2012-03-12T06:30:00Z'],
  ['0 * * * *', 'America/New_York', '2012-03-11T06:00:00Z', '2012-03-11T07:00:00Z'],
  ['30 1 * * *', 'America/New_York', '2012-11-04T04:00:00Z', '2012-11-04T05:30:00Z'],
  ['30 1 * * *', 'America/New_York', '2012-11-04T05:30:00Z', '2012-11-04T06:30:00Z'],
  ['30 1 * * *', 'America/New_York', '2012-11-04T06:30:00Z', '2012-11-05T06:30:00Z'],
  ['0 3 4 * *', 'America/New_York', '2012-11-03T12:00:00Z', '2012-11-04T08:00:00Z'],
  ['0 9 10 * ?', 'America/Sao_Paulo', '2018-10-17T09:00:00Z', '2018-11-10T11:00:00Z'],
  ['0 1 4 11 *', 'America/Sao_Paulo', '2018-10-17T09:00:00Z', '2018-11-04T03:00:00Z'],
  ['0 9 * 4 *', 'Asia/Beirut', '2023-01-01T00:00:00Z', '2023-04-01T06:00:00Z'],
  ['0 9 26 3 *', 'Africa/Cairo', '2011-01-01T00:00:00Z', '2011-03-26T07:00:00Z'],
  ['0 9 25 4 *', 'Africa/Cairo', '2010-04-25T00:00:00Z', '2010-04-25T07:00:00Z'],
  ['TZ=Asia/Kolkata 0 0 * * *', 'UTC', '2026-01-01T00:00:00Z', '2026-01-01T18:30:00Z'],
  ['CRON_TZ=Asia/Kathmandu 15 * * * *', undefined, '2026-01-01T00:00:00Z', '2026-01-01T00:30:00Z'],
]
for (const [schedule, zone, after, next] of cases) {
  test(`parseSchedule(${schedule}, ${zone}).next(${after})`, () => {
    const found = parseSchedule(schedule, zone).next(Date.parse(after))
    assert.equal(found === undefined ? undefined : new Date(found).toISOString().replace('.000', ''), next)
  })
}

test('parseSchedule() always moves forward, in every zone that sets its clocks', () => {
  for (const zone of [
    'Asia/Beirut',
    'Africa/Cairo',
    'America/Sao_Paulo',
    'Australia/Lord_Howe',
    'America/St_Johns',
    'Asia/Gaza',
  ]) {
    for (const text of ['0 0 * * *', '30 0 1 * *', '15 2 * * 0', '0 12 31 * *']) {
      const schedule = parseSchedule(text, zone)
      let time = Date.UTC(2010, 0, 1)
      for (let runs = 0; runs < 60; runs++) {
        const next = schedule.next(time)
        assert.ok(next !== undefined && next > time, `${text} in ${zone} after ${new Date(time).toISOString()}`)
        time = next
      }
    }
  }
})

test("parseSchedule() throws with the parser's words", () => {
  assert.throws(() => parseSchedule('61 * * * *'), /^Error: end of range \(61\) above maximum \(59\): 61$/)
})

test('zonedTime() prints the offset of the zone', () => {
  const instant = Date.parse('2026-07-01T12:00:00Z')
  assert.equal(zonedTime(instant, undefined), '2026-07-01T12:00:00Z')
  assert.equal(zonedTime(instant, 'Europe/Berlin'), '2026-07-01T14:00:00+02:00')
  assert.equal(zonedTime(instant, 'America/St_Johns'), '2026-07-01T09:30:00-02:30')
})
