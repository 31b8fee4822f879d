import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '#lib/random.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { networkRequest } from '#testing/requests.ts'
import type { Request, Response } from '../request.ts'
import { parseRequestInfo } from '../request-info.ts'
import { traced, tracedService } from './stage.ts'
import { readTraceParent, writeTraceParent } from './trace-context.ts'
import { type FinishedSpan, Tracer } from './tracer.ts'

const traceId = '0af7651916cd43dd8448eb211c80319c'
const parent = `00-${traceId}-b7ad6b7169203331-01`

test('readTraceParent() reads what means a span, and nothing else', () => {
  const cases: [header: string | undefined, isSampled: boolean | undefined][] = [
    [parent, true],
    [`00-${traceId}-b7ad6b7169203331-00`, false],
    [`cc-${traceId}-b7ad6b7169203331-01-more`, true],
    [`00-${traceId}-b7ad6b7169203331-01-more`, undefined],
    [`ff-${traceId}-b7ad6b7169203331-01`, undefined],
    [`00-${'0'.repeat(32)}-b7ad6b7169203331-01`, undefined],
    [`00-${traceId}-${'0'.repeat(16)}-01`, undefined],
    [parent.toUpperCase(), undefined],
    ['nonsense', undefined],
    [undefined, undefined],
  ]
  for (const [header, isSampled] of cases) assert.equal(readTraceParent(header)?.isSampled, isSampled, header)
  assert.equal(writeTraceParent(readTraceParent(parent) as never), parent)
})

function collected(samplingRatePerMillion: number, export_?: () => Promise<void>) {
  const clock = new VirtualClock()
  const spans: FinishedSpan[] = []
  const errors: string[] = []
  const exporter = {
    export: async (batch: readonly FinishedSpan[]) => {
      await export_?.()
      spans.push(...batch)
    },
    close: async () => {},
  }
  const onError = (error: unknown, doing: string) => void errors.push(`${doing}: ${(error as Error).message}`)
  const tracer = new Tracer({ clock, random: seededRandom(1), exporter, samplingRatePerMillion, onError })
  return { clock, spans, errors, tracer }
}

function requestOf(path: string, headers: Record<string, string> = {}, groups: string[] = []): Request {
  const info = parseRequestInfo('GET', path, new URLSearchParams())
  return networkRequest(headers, { method: 'GET', path, info, user: { name: 'ann', groups } })
}

const ok: Response = { type: 'bytes', status: 200, bytes: new Uint8Array(), headers: {} }

test('traced() goes on with the traces of whom it trusts, and points at those of others', async () => {
  const { tracer, spans, clock } = collected(0)
  const send = (request: Request) => traced(tracer)(request, (inner) => tracedService(tracer)(inner, async () => ok))
  await send(requestOf('/api/v1/namespaces/a/pods/b/log', { traceparent: parent }, ['system:masters']))
  await send(requestOf('/api/v1/pods', { traceparent: parent }, ['system:authenticated']))
  await send(requestOf('/api/v1/pods', {}, ['system:masters']))
  clock.advanceTo(clock.now() + 5000)
  while (clock.runNext(clock.now()));
  await tracer.close()
  assert.deepEqual(
    spans.map(({ name, kind, context }) => [name, kind, context.traceId]),
    [
      ['Get', 'internal', traceId],
      ['GET /api/v1/namespaces/{:namespace}/pods/{:name}/log', 'server', traceId],
    ],
  )
  const [inner, outer] = spans as [FinishedSpan, FinishedSpan]
  assert.equal(outer.parentSpanId, 'b7ad6b7169203331')
  assert.equal(inner.parentSpanId, outer.context.spanId)
  assert.equal(outer.attributes['http.response.status_code'], 200)
  assert.deepEqual([inner.attributes.namespace, inner.attributes.subresource], ['a', 'log'])
})

test('traced() keeps what fails, with its error, and a link to who asked', async () => {
  const { tracer, spans } = collected(1_000_000)
  const failing = async () => {
    throw new Error('broken')
  }
  await assert.rejects(async () => traced(tracer)(requestOf('/healthz', { traceparent: parent }), failing))
  await tracer.close()
  assert.deepEqual(
    spans.map(({ name, isError, link, parentSpanId }) => [name, isError, link?.traceId, parentSpanId]),
    [['GET', true, traceId, undefined]],
  )
})

test('a Tracer keeps the part of the traces that it is told to keep', async () => {
  const { tracer, spans } = collected(250_000)
  for (let i = 0; i < 400; i++) tracer.start({ name: 'x', kind: 'server' }).end()
  await tracer.close()
  assert.ok(spans.length > 70 && spans.length < 130, `${spans.length}`)
})

test('a Tracer drops spans rather than memory, and survives a collector that is gone', async () => {
  let calls = 0
  const never = Promise.withResolvers<void>()
  const { tracer, spans, errors } = collected(1_000_000, async () => {
    await never.promise
    if (calls++ === 0) throw new Error('gone')
  })
  for (let i = 0; i < 10_000; i++) tracer.start({ name: 'x', kind: 'server' }).end()
  never.resolve()
  await tracer.close()
  assert.deepEqual(errors, ['exporting traces: gone'])
  assert.ok(spans.length > 0 && spans.length <= 2048, `${spans.length}`)
})
