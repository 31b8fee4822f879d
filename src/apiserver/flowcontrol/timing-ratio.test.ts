import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TimingRatio } from './timing-ratio.ts'

test('TimingRatio tells for how many nanoseconds something was which part of its limit', () => {
  const ratio = new TimingRatio([0, 0.5, 1], 0)
  ratio.setDenominator(10, 0)
  ratio.set(4, 10)
  ratio.set(10, 30)
  ratio.setDenominator(5, 40)
  assert.deepEqual(ratio.lines('x', { level: 'a' }, 50), [
    'x_bucket{level="a",le="0"} 10000000',
    'x_bucket{level="a",le="0.5"} 30000000',
    'x_bucket{level="a",le="1"} 40000000',
    'x_bucket{level="a",le="+Inf"} 50000000',
    'x_sum{level="a"} 38000000',
    'x_count{level="a"} 50000000',
  ])
})
