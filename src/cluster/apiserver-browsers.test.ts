import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Exchange } from '#apiserver/http/exchange.ts'
import { forBrowsersFrom } from './apiserver-browsers.ts'
import { ApiserverConfigError, readApiserverFlags } from './apiserver-flags.ts'

/** What one request is answered, where the server itself would say 200. */
async function answer(line: Record<string, string>, method: string, origin?: string) {
  const treat = await forBrowsersFrom(readApiserverFlags(undefined, line).flags)
  const told: { status?: number; headers?: any } = {}
  const exchange = {
    request: { method, headers: { ...(origin && { origin }) } },
    respond: (status: number, headers: object) => void Object.assign(told, { status, headers }),
  } as unknown as Exchange
  const own = treat ? treat(exchange) : exchange
  own?.respond(200, { 'content-type': 'text/plain' })
  return told
}

const pages = { 'cors-allowed-origins': '//web\\.example\\.com(:|$)' }

test('--cors-allowed-origins lets pages of these origins in, and answers what they ask before', async () => {
  const origin = 'https://web.example.com:8443'
  const preflight = await answer(pages, 'OPTIONS', origin)
  assert.deepEqual([preflight.status, preflight.headers['access-control-allow-origin']], [204, origin])
  assert.equal(preflight.headers['access-control-allow-methods'], 'POST, GET, OPTIONS, PUT, DELETE, PATCH')
  const asked = await answer(pages, 'GET', origin)
  assert.deepEqual([asked.status, asked.headers['access-control-allow-credentials']], [200, 'true'])
  assert.equal(asked.headers['content-type'], 'text/plain')
})

test('--cors-allowed-origins says nothing to others, whose preflights are ordinary requests', async () => {
  const plain = { status: 200, headers: { 'content-type': 'text/plain' } }
  for (const origin of ['https://web.example.com.elsewhere.net', 'https://other.net', undefined]) {
    assert.deepEqual(await answer(pages, 'OPTIONS', origin), plain)
  }
  assert.deepEqual(await answer({}, 'GET', 'https://web.example.com'), plain)
})

test('--strict-transport-security-directives are told with every answer', async () => {
  const line = { ...pages, 'strict-transport-security-directives': 'max-age=60,includeSubDomains,preload' }
  for (const origin of [undefined, 'https://web.example.com']) {
    const { headers } = await answer(line, 'GET', origin)
    assert.equal(headers['strict-transport-security'], 'max-age=60; includeSubDomains; preload')
  }
})

const wrong = [
  [{ 'cors-allowed-origins': 'example.com' }, 'regular expression does not pin to start/end of host in the origin header'],
  [{ 'cors-allowed-origins': '^(' }, '--cors-allowed-origins has an invalid regular expression: '],
  [{ 'strict-transport-security-directives': 'max-age' }, '--strict-transport-security-directives invalid, allowed values: '],
] as const
for (const [line, text] of wrong) {
  test(`forBrowsersFrom() refuses ${JSON.stringify(line)}`, async () => {
    const refused = (error: unknown) => error instanceof ApiserverConfigError && error.message.includes(text)
    await assert.rejects(forBrowsersFrom(readApiserverFlags(undefined, line).flags), refused)
  })
}
