import assert from 'node:assert/strict'
import { test } from 'node:test'
import { networkRequest } from '#testing/requests.ts'
import { forwardHeaders } from './forward-headers.ts'

const upgrade = () => assert.fail('nobody asked for the socket')
const forwarded = (headers: Record<string, string>, over: object = {}) => {
  const { 'x-forwarded-for': _, ...rest } = forwardHeaders(networkRequest(headers, over))
  return JSON.parse(JSON.stringify(rest))
}

test('forwardHeaders() keeps a browser’s token from the backend, and the subprotocols it offers', () => {
  const token = 'base64url.bearer.authorization.k8s.io.c2VjcmV0'
  const asked = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-key': 'k' }
  const { 'sec-websocket-protocol': both } = forwarded(
    { ...asked, 'sec-websocket-protocol': `v5.channel.k8s.io, ${token}, v4.channel.k8s.io` },
    { upgrade },
  )
  assert.equal(both, 'v5.channel.k8s.io, v4.channel.k8s.io')
  assert.deepEqual(forwarded({ ...asked, 'sec-websocket-protocol': token }, { upgrade }), asked)
})

test('forwardHeaders() splits the versions of SPDY, which old servers read line by line', () => {
  const headers = { connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': 'v4.channel.k8s.io, channel.k8s.io' }
  assert.deepEqual(forwarded(headers, { upgrade })['x-stream-protocol-version'], ['v4.channel.k8s.io', 'channel.k8s.io'])
})

test('forwardHeaders() leaves out what is between two neighbours, and who the client is', () => {
  const headers = {
    ...{ ':authority': 'api:6443', ':path': '/x', connection: 'x-mine', 'x-mine': '1', te: 'trailers', 'keep-alive': '5' },
    ...{ authorization: 'Bearer x', 'impersonate-user': 'ann', 'x-remote-user': 'root', 'x-remote-extra-a': 'b' },
    ...{ accept: 'text/plain', cookie: 'a=1' },
  }
  assert.deepEqual(forwarded(headers), { accept: 'text/plain', cookie: 'a=1', host: 'api:6443' })
  const named = forwardHeaders(networkRequest({ 'x-my-user': 'root' }), { usernameHeaders: ['x-my-user'] })
  assert.equal(named['x-my-user'], undefined)
})

test('forwardHeaders() adds the client to those for whom a request was forwarded', () => {
  assert.equal(forwardHeaders(networkRequest({ 'x-forwarded-for': '10.0.0.1' }))['x-forwarded-for'], '10.0.0.1, 127.0.0.1')
})
