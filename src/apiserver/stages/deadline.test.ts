import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { StatusError } from '#schema/status-error.ts'
import { networkRequest } from '#testing/requests.ts'
import type { Response } from '../request.ts'
import { parseRequestInfo } from '../request-info.ts'
import { deadline } from './deadline.ts'

const pods = '/api/v1/namespaces/default/pods'
const cases = [
  { line: `GET ${pods}/p`, at: 60_000, message: 'Timeout: request did not complete within the allotted timeout' },
  {
    line: `POST ${pods}`,
    at: 34_000,
    message: 'Timeout: request did not complete within requested timeout - context deadline exceeded',
  },
  { line: `GET ${pods}?timeout=5s`, at: 5_000, message: 'Timeout: request did not complete within the allotted timeout' },
  { line: `GET ${pods}?timeout=5m`, at: 60_000, message: 'Timeout: request did not complete within the allotted timeout' },
  { line: `GET ${pods}?watch=true&timeout=5s`, at: undefined },
  { line: `GET ${pods}/p/log`, at: undefined },
]

function start(line: string) {
  const clock = new VirtualClock()
  const [method = '', url = ''] = line.split(' ')
  const [path = '', search] = url.split('?')
  const query = new URLSearchParams(search)
  const request = networkRequest({}, { method, path, query, info: parseRequestInfo(method, path, query) })
  const answer = Promise.withResolvers<Response>()
  return { clock, answer, outcome: (async () => deadline(clock)(request, () => answer.promise))() }
}

for (const { line, at, message } of cases) {
  test(`deadline() of ${line} is ${at ?? 'never'}`, async () => {
    const { clock, answer, outcome } = start(line)
    if (at === undefined) {
      assert.equal(clock.runNext(), false)
      answer.resolve({ type: 'upgraded' })
      assert.equal((await outcome).type, 'upgraded')
      return
    }
    const began = clock.now()
    assert(clock.runNext())
    assert.equal(clock.now() - began, at)
    await assert.rejects(outcome, (error) => error instanceof StatusError && error.code === 504 && error.message === message)
  })
}

test('deadline() leaves no timer behind and says what is wrong with a timeout', async () => {
  const { clock, answer, outcome } = start(`GET ${pods}`)
  answer.resolve({ type: 'upgraded' })
  await outcome
  assert.equal(clock.runNext(), false)
  await assert.rejects(start(`GET ${pods}?timeout=x`).outcome, {
    message: 'invalid timeout specified in the request URL - time: invalid duration "x"',
  })
})
