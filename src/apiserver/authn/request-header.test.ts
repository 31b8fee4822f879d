import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { before, test } from 'node:test'
import type { User } from '#apiserver/request.ts'
import { issueAuthority, issueCertificate } from '#cluster/pki-certificate.ts'
import { systemClock } from '#lib/clock.ts'
import { networkRequest } from '#testing/requests.ts'
import { isIdentityHeader, type RequestHeaderOptions, requestHeaderAuthenticator } from './request-header.ts'

let frontProxy: Uint8Array

before(async () => {
  const validity = { now: systemClock.now(), days: 1 }
  const authority = await issueAuthority('front-proxy-ca', validity)
  const { certificate } = await issueCertificate(authority, { commonName: 'proxy', usages: ['client'] }, validity)
  frontProxy = new X509Certificate(certificate).raw
})

/** Node joins repeated lines with commas beside listing them. */
function asked(lines: readonly (readonly [string, string])[], options: Partial<RequestHeaderOptions> = {}) {
  const headers: Record<string, string> = {}
  for (const [name, value] of lines) {
    const key = name.toLowerCase()
    headers[key] = headers[key] === undefined ? value : `${headers[key]}, ${value}`
  }
  const origin = { type: 'network', remoteAddress: '127.0.0.1', frontProxy } as const
  const request = networkRequest(headers, { rawHeaders: lines.flat(), origin })
  return requestHeaderAuthenticator({ allowedNames: [], ...options }).authenticate(request) as User | undefined
}

test('requestHeaderAuthenticator() takes a line for one value: commas make no groups', () => {
  const user = asked([
    ['X-Remote-User', 'CN=ann,OU=people'],
    ['X-Remote-User', 'bob'],
    ['X-Remote-Uid', '7,8'],
    ['X-Remote-Group', 'CN=a,OU=b'],
    ['X-Remote-Group', 'x,system:masters'],
    ['X-Remote-Group', ''],
    ['X-Remote-Extra-Acme.com%2fPlace', 'Bern, CH'],
    ['X-Remote-Extra-Acme.com%2fPlace', 'Z\u00c3\u00bcrich'],
  ])
  assert.deepEqual(user, {
    ...{ name: 'CN=ann,OU=people', uid: '7,8', groups: ['CN=a,OU=b', 'x,system:masters'] },
    extra: { 'acme.com/place': ['Bern, CH', 'Zürich'] },
  })
})

test('requestHeaderAuthenticator() looks at its headers in order, and knows nobody without a name', () => {
  const usernameHeaders = ['x-first', 'x-second']
  const extraHeaderPrefixes = ['x-a-', 'x-b-']
  const lines = [
    ['X-First', ''],
    ['X-Second', 'ann'],
    ['X-B-Key', '2'],
    ['X-A-Key', '1'],
  ] as const
  assert.deepEqual(asked(lines, { usernameHeaders, extraHeaderPrefixes }), {
    name: 'ann',
    groups: [],
    extra: { key: ['1', '2'] },
  })
  assert.equal(asked([['X-Remote-Group', 'dev']]), undefined)
})

test('requestHeaderAuthenticator() wants an allowed name', () => {
  const lines = [['X-Remote-User', 'ann']] as const
  assert.equal(asked(lines, { allowedNames: ['proxy'] })?.name, 'ann')
  assert.throws(() => asked(lines, { allowedNames: ['other'] }), {
    code: 401,
    cause: new Error('x509: subject with cn=proxy is not in the allowed list'),
  })
})

test('isIdentityHeader() knows the names that were chosen', () => {
  const chosen = { usernameHeaders: ['x-my-user'], groupHeaders: ['x-my-group'], extraHeaderPrefixes: ['x-my-extra-'] }
  for (const name of ['x-my-user', 'x-my-group', 'x-my-extra-scopes']) assert.ok(isIdentityHeader(name, chosen), name)
  for (const name of ['x-my', 'x-my-users', 'accept']) assert.equal(isIdentityHeader(name, chosen), false, name)
})
