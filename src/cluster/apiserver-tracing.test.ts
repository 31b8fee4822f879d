import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import http2 from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '#lib/clock.ts'
import { systemRandom } from '#lib/random.ts'
import { readTracingConfig, tracerFrom } from './apiserver-tracing.ts'

const files = mkdtempSync(join(tmpdir(), 'nami-tracing-'))
process.on('exit', () => rmSync(files, { recursive: true, force: true }))

function config(lines: string): string {
  const path = join(files, `${Math.random()}.yaml`)
  writeFileSync(path, `apiVersion: apiserver.config.k8s.io/v1\nkind: TracingConfiguration\n${lines}`)
  return path
}

test('readTracingConfig() refuses what makes no sense, in upstream’s words', () => {
  assert.deepEqual(readTracingConfig(config('samplingRatePerMillion: 100\n')), { samplingRatePerMillion: 100 })
  const cases: [lines: string, why: RegExp][] = [
    ['samplingRatePerMillion: -1\n', /^failed to validate tracing configuration: .*sampling rate must be positive$/],
    ['samplingRatePerMillion: 1000001\n', /sampling rate per million must be less than or equal to one million$/],
    ['endpoint: "http://a:4317"\n', /unsupported scheme: http\. {2}Options are none, dns, unix, or unix-abstract\./],
    ['sampling: 1\n', /strict decoding error: unknown field "sampling"$/],
  ]
  for (const [lines, message] of cases) assert.throws(() => readTracingConfig(config(lines)), { message })
  assert.throws(() => readTracingConfig(join(files, 'none')), /^ApiserverConfigError.*|unable to read tracing configuration/)
})

/** Fields of a protobuf message, by number; what is nested stays bytes. */
function fieldsOf(bytes: Buffer): [field: number, value: Buffer | bigint][] {
  const fields: [number, Buffer | bigint][] = []
  let at = 0
  const varint = () => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++] as number
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
  }
  while (at < bytes.length) {
    const tag = Number(varint())
    if ((tag & 7) === 0) fields.push([tag >> 3, varint()])
    else if ((tag & 7) === 1) fields.push([tag >> 3, bytes.readBigUInt64LE((at += 8) - 8)])
    else {
      const length = Number(varint())
      fields.push([tag >> 3, bytes.subarray(at, (at += length))])
    }
  }
  return fields
}

const inside = (bytes: Buffer, ...path: number[]): Buffer =>
  path.reduce((part, field) => fieldsOf(part).find(([number]) => number === field)?.[1] as Buffer, bytes)

test('tracerFrom() sends spans to a collector, which sees them by OTLP', async () => {
  const received: Buffer[] = []
  const collector = http2.createServer()
  collector.on('stream', async (stream, headers) => {
    assert.equal(headers[':path'], '/opentelemetry.proto.collector.trace.v1.TraceService/Export')
    received.push(Buffer.concat(await Array.fromAsync(stream as AsyncIterable<Buffer>)))
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.end(Buffer.alloc(5))
  })
  collector.listen(0, '127.0.0.1')
  await once(collector, 'listening')
  const { port } = collector.address() as { port: number }
  const errors: unknown[] = []
  const path = config(`endpoint: 127.0.0.1:${port}\nsamplingRatePerMillion: 1000000\n`)
  const parts = { clock: systemClock, random: systemRandom, onError: (error: unknown) => void errors.push(error) }
  const tracer = tracerFrom(path, parts)
  const span = tracer.start({ name: 'GET /api/v1/pods', kind: 'server' })
  span.set({ 'http.response.status_code': 200, 'audit-id': 'x' })
  span.end(true)
  await tracer.close()
  collector.close()
  assert.deepEqual(errors, [])
  assert.equal(received.length, 1)
  const frame = received[0] as Buffer
  assert.equal(frame.readUInt32BE(1), frame.length - 5)
  const resourceSpans = inside(frame.subarray(5), 1)
  assert.equal(inside(resourceSpans, 1, 1, 1).toString(), 'service.name')
  assert.equal(inside(resourceSpans, 1, 1, 2, 1).toString(), 'apiserver')
  const sent = Object.fromEntries(fieldsOf(inside(resourceSpans, 2, 2)))
  assert.equal((sent[1] as Buffer).toString('hex'), span.context.traceId)
  assert.equal(String(sent[5]), 'GET /api/v1/pods')
  assert.equal(sent[6], 2n)
  assert.ok((sent[8] as unknown as bigint) >= (sent[7] as unknown as bigint))
  assert.deepEqual(fieldsOf(sent[15] as Buffer), [[3, 2n]])
})

test('tracerFrom() tells of a collector that is not there, and goes on', async () => {
  const errors: string[] = []
  const onError = (error: unknown, doing: string) => void errors.push(`${doing}: ${(error as Error).message}`)
  const path = config('endpoint: 127.0.0.1:1\nsamplingRatePerMillion: 1000000\n')
  const tracer = tracerFrom(path, { clock: systemClock, random: systemRandom, onError })
  tracer.start({ name: 'x', kind: 'server' }).end()
  await tracer.close()
  assert.match(errors.join(), /^exporting traces: .*connect ECONNREFUSED/)
})
