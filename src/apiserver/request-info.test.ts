import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseRequestInfo } from './request-info.ts'

const cases: [string, string, Record<string, unknown>][] = [
  ['GET', '/api/v1/namespaces', { verb: 'list', resource: 'namespaces', namespace: '', name: '' }],
  ['GET', '/api/v1/namespaces/other', { verb: 'get', resource: 'namespaces', namespace: 'other', name: 'other' }],
  ['GET', '/api/v1/namespaces/other/pods', { verb: 'list', resource: 'pods', namespace: 'other', name: '' }],
  ['GET', '/api/v1/namespaces/other/pods/foo', { verb: 'get', resource: 'pods', namespace: 'other', name: 'foo' }],
  ['HEAD', '/api/v1/namespaces/other/pods/foo', { verb: 'get', resource: 'pods', namespace: 'other', name: 'foo' }],
  ['GET', '/api/v1/pods', { verb: 'list', resource: 'pods', namespace: '' }],
  ['GET', '/api/v1/namespaces/ns/pods/foo/status', { verb: 'get', resource: 'pods', name: 'foo', subresource: 'status' }],
  ['PUT', '/api/v1/namespaces/ns/finalize', { verb: 'update', resource: 'namespaces', name: 'ns', subresource: 'finalize' }],
  ['PUT', '/api/v1/namespaces/ns/status', { verb: 'update', resource: 'namespaces', name: 'ns', subresource: 'status' }],
  ['GET', '/api/v1/namespaces/ns/pods/foo/proxy/a/b', { verb: 'get', subresource: 'proxy', rest: 'a/b', name: 'foo' }],
  ['GET', '/api/v1/proxy/namespaces/other/pods/foo/x', { verb: 'proxy', resource: 'pods', name: 'foo', subresource: '' }],
  ['GET', '/api/v1/watch/pods', { verb: 'watch', resource: 'pods', namespace: '' }],
  ['GET', '/api/v1/watch/namespaces/other/pods/foo', { verb: 'watch', resource: 'pods', namespace: 'other', name: 'foo' }],
  ['GET', '/api/v1/namespaces/ns/pods?watch=true', { verb: 'watch', resource: 'pods' }],
  ['GET', '/api/v1/namespaces/ns/pods?watch=false', { verb: 'list', resource: 'pods' }],
  ['GET', '/api/v1/namespaces/ns/pods?fieldSelector=metadata.name%3Da', { verb: 'list', name: 'a' }],
  ['GET', '/api/v1/namespaces/ns/pods?fieldSelector=metadata.name%21%3Da', { verb: 'list', name: '' }],
  ['POST', '/api/v1/namespaces/ns/pods', { verb: 'create', resource: 'pods', namespace: 'ns' }],
  ['DELETE', '/api/v1/namespaces/ns/pods', { verb: 'deletecollection' }],
  ['DELETE', '/api/v1/namespaces/ns/pods/foo', { verb: 'delete' }],
  ['PATCH', '/apis/apps/v1/namespaces/ns/deployments/d', { verb: 'patch', group: 'apps', version: 'v1', name: 'd' }],
  ['GET', '/apis/apps/v1', { verb: 'get', isResource: false }],
  ['GET', '/apis/apps', { verb: 'get', isResource: false }],
  ['GET', '/api/v1', { verb: 'get', isResource: false }],
  ['POST', '/healthz', { verb: 'post', isResource: false }],
  ['GET', '/api/v1/namespaces/ns/pods/a%2fexec', { name: 'a%2fexec', subresource: '' }],
  ['GET', '//api/v1/namespaces/ns/pods//', { verb: 'list', resource: 'pods', namespace: 'ns' }],
  ['constructor', '/api/v1/namespaces/ns/pods', { verb: '' }],
  ['GET', '/', { verb: 'get', isResource: false, path: '/' }],
]

for (const [method, url, want] of cases) {
  test(`parseRequestInfo() of ${method} ${url}`, () => {
    const [path = '', query = ''] = url.split('?')
    const info: Record<string, unknown> = { ...parseRequestInfo(method, path, new URLSearchParams(query)) }
    for (const [field, value] of Object.entries(want)) assert.equal(info[field], value, field)
  })
}

test('parseRequestInfo() takes no longer for a path of many slashes', () => {
  const started = performance.now()
  parseRequestInfo('GET', `/a${'/'.repeat(500_000)}x`, new URLSearchParams())
  assert(performance.now() - started < 2_000)
})
