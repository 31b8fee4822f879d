import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GrpcFrames, grpcFrame } from './grpc-frames.ts'

const messages = ['', 'a', 'bc'.repeat(300), 'd'].map((text) => Buffer.from(text))
const sent = Buffer.concat(messages.map(grpcFrame))

for (const size of [1, 2, 4, 5, 7, 100, sent.byteLength]) {
  test(`GrpcFrames answers whole messages from pieces of ${size}`, () => {
    const frames = new GrpcFrames(1000)
    const got: Buffer[] = []
    for (let at = 0; at < sent.byteLength; at += size) got.push(...frames.add(sent.subarray(at, at + size)))
    assert.deepEqual(got.map(String), messages.map(String))
  })
}

test('GrpcFrames refuses what is compressed or too long as soon as it sees the head', () => {
  assert.throws(() => new GrpcFrames(1000).add(Buffer.from([1, 0, 0, 0, 9])), /compressed messages are not supported/)
  assert.throws(() => new GrpcFrames(1000).add(Buffer.from([0, 0, 0, 4, 0])), /larger than max \(1024 vs 1000\)/)
})
