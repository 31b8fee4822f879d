import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tlsBackend } from '#testing/tls-backend.ts'
import { callWebhook } from './webhook-call.ts'

test('callWebhook() hands on the span that the call belongs to', async () => {
  const seen: (string | string[] | undefined)[] = []
  await using hook = await tlsBackend(({ headers }, response) => {
    seen.push(headers.traceparent)
    response.end('{"ok":true}')
  })
  const call = {
    ...{ service: { name: 'hook', namespace: 'default' }, caBundle: hook.caBundle, body: {}, timeout: 5_000 },
    serviceDialer: { dial: () => hook.dial() },
  }
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  assert.deepEqual(await callWebhook({ ...call, traceparent }), { ok: true })
  assert.deepEqual(await callWebhook(call), { ok: true })
  assert.deepEqual(seen, [traceparent, undefined])
})
