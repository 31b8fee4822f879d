import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultGates, featureGates } from '#api/feature-gates.ts'
import { networkRequest } from '#testing/requests.ts'
import type { Request } from '../request.ts'
import { parseRequestInfo } from '../request-info.ts'
import { estimateWork, WatchTracker } from './work-estimate.ts'

function requestTo(path: string, method = 'GET'): Request {
  const [bare = '', text = ''] = path.split('?')
  const query = new URLSearchParams(text)
  return networkRequest({}, { method, path: bare, query, info: parseRequestInfo(method, bare, query) })
}

const oldGates = featureGates('SizeBasedListCostEstimate=false')
const pods = '/api/v1/namespaces/a/pods'

/** Of 5,000 objects of 4 KB: by their size, and by their number. */
const widths: readonly [path: string, bySize: number, byCount: number][] = [
  [pods, 10, 10],
  [`${pods}?resourceVersion=0`, 10, 10],
  [`${pods}?limit=100`, 4, 10],
  [`${pods}?limit=100&continue=x`, 4, 2],
  [`${pods}?limit=1000&resourceVersion=1`, 40, 10],
  [`${pods}?limit=100&resourceVersion=1`, 4, 2],
  [`${pods}?limit=100&resourceVersion=1&resourceVersionMatch=Exact&labelSelector=a`, 100, 10],
  [`${pods}?limit=100&resourceVersion=1&resourceVersionMatch=NotOlderThan`, 4, 10],
  [`${pods}?fieldSelector=metadata.name%3Dx`, 1, 1],
  [`${pods}?watch=true&resourceVersion=5`, 1, 1],
  [`${pods}?watch=true&resourceVersion=0`, 10, 10],
  [`${pods}?watch=true&sendInitialEvents=true`, 10, 10],
  [`${pods}/p`, 1, 1],
]
for (const [path, bySize, byCount] of widths) {
  test(`estimateWork() of GET ${path} among 5000`, () => {
    const estimator = { stored: () => ({ objects: 5000, bytes: 20_000_000 }), watches: new WatchTracker() }
    const seats = (gates: typeof defaultGates) =>
      estimateWork(requestTo(path), { ...estimator, gates }, { maxSeats: undefined }).initialSeats
    assert.deepEqual([seats(defaultGates), seats(oldGates)], [bySize, byCount])
  })
}

test('estimateWork() gives no more than the level grants, and one seat for what nobody has counted', () => {
  const watches = new WatchTracker()
  const many = { stored: () => ({ objects: 5000, bytes: 20_000_000 }), watches, gates: defaultGates }
  assert.equal(estimateWork(requestTo(pods), many, { maxSeats: 3 }).initialSeats, 3)
  assert.equal(estimateWork(requestTo(pods), { ...many, stored: () => undefined }, { maxSeats: 3 }).initialSeats, 1)
  assert.equal(
    estimateWork(requestTo(pods), { ...many, stored: () => ({ objects: 0, bytes: 0 }) }, { maxSeats: 3 }).initialSeats,
    1,
  )
})

test('estimateWork() of a write counts those who watch', () => {
  const watches = new WatchTracker()
  const forget = Array.from({ length: 25 }, () => watches.register(requestTo('/api/v1/pods?watch=true')))
  for (let i = 0; i < 25; i++) watches.register(requestTo('/api/v1/serviceaccounts?watch=true'))
  const estimator = { stored: () => undefined, watches, gates: defaultGates }
  const write = requestTo(pods, 'POST')
  const all = { maxSeats: 10 }
  assert.deepEqual(estimateWork(write, estimator, all), { initialSeats: 1, finalSeats: 3, additionalLatency: 5 })
  assert.deepEqual(estimateWork(write, estimator, { maxSeats: 2 }), { initialSeats: 1, finalSeats: 2, additionalLatency: 8 })
  const token = requestTo('/api/v1/namespaces/a/serviceaccounts/b/token', 'POST')
  assert.equal(estimateWork(token, estimator, all).finalSeats, 0, 'nobody is told of a token')
  assert.equal(estimateWork(requestTo('/api/v1/namespaces/a/serviceaccounts/b', 'PUT'), estimator, all).finalSeats, 3)
  for (const each of forget) each()
  assert.equal(watches.interested(write.info), 0)
})
