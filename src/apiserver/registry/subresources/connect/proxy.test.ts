import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { type RequestOptions, request } from 'node:https'
import type { Duplex } from 'node:stream'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { Role } from '#api/rbac/v1/role.ts'
import { RoleBinding } from '#api/rbac/v1/role-binding.ts'
import { type TestBackend, testBackend } from '#testing/backend.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { type LoopbackSocket, listenOnLoopback } from '#testing/loopback.ts'
import { node, pod } from '#testing/make.ts'
import { setReady } from '#testing/run-pods.ts'
import { send } from '#testing/send.ts'
import { splitName } from './proxy.ts'
import { linkRewriter, rewriteHtml } from './rewrite-links.ts'

let backend: TestBackend
let cluster: TestCluster
let front: LoopbackSocket
let asked: unknown[] = []
const pods = '/api/v1/namespaces/default/pods'

before(async () => {
  backend = await testBackend(answer)
  backend.server.on('upgrade', switchToEcho)
  cluster = await testCluster({
    identityHeaders: { usernameHeaders: ['x-my-user'], groupHeaders: ['x-my-group'], extraHeaderPrefixes: ['x-my-extra-'] },
    nodeDialer: {
      dial: (name) => {
        asked.push(name)
        return backend.dial()
      },
    },
    serviceDialer: {
      dial: (target) => {
        asked.push(target)
        return backend.dial()
      },
    },
  })
  const created = await cluster.client.create(Pod, pod('web', { spec: { nodeName: 'n1' } }))
  await setReady(cluster, created, true, '10.244.0.5')
  const other = await cluster.client.create(Pod, pod('local', { spec: { nodeName: 'n1' } }))
  await setReady(cluster, other, true, '127.0.0.1')
  await cluster.client.create(Node, node('n1'))
  front = await listenOnLoopback(cluster)
})

after(async () => {
  await front.close(0)
  await cluster[Symbol.asyncDispose]()
  await backend[Symbol.asyncDispose]()
})

function answer(message: IncomingMessage, response: ServerResponse): void {
  const { method, url = '', headers } = message
  const page = '<a href="/other">x</a>'
  if (url.startsWith('/echo')) {
    response.writeHead(201, { 'set-cookie': ['a=1', 'b=2'], 'access-control-allow-origin': '*' })
    response.write(JSON.stringify({ method, url, headers, padding: undefined }))
    message.pipe(response)
  } else if (url === '/redirect') response.writeHead(302, { location: '/login?next=1' }).end()
  else if (url === '/page') response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page)
  else if (url === '/zipped') {
    response.writeHead(200, { 'content-type': 'text/html', 'content-encoding': 'gzip' }).end(gzipSync(page))
  } else if (url === '/cut') {
    response.writeHead(200, { 'content-length': '100' })
    response.write('some', () => response.destroy())
  } else response.writeHead(404).end('nothing here')
}

function switchToEcho(message: IncomingMessage, socket: Duplex): void {
  if (message.url === '/refuse') {
    socket.write('HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno')
    // A backend that would go on talking to whoever holds the connection.
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret'))
    return
  }
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nupgrade: ${message.headers.upgrade}\r\nconnection: Upgrade\r\n\r\nhi `)
  socket.pipe(socket)
}

function call(path: string, options: RequestOptions = {}) {
  const { ca, admin } = front.pki
  const how = { port: front.port, host: '127.0.0.1', ca: ca.certificate, cert: admin.certificate, key: admin.key, agent: false }
  return request({ ...how, path, ...options })
}

async function fetched(path: string, options: RequestOptions = {}, body?: string | Buffer) {
  const sent = call(path, options)
  sent.end(body)
  const [message] = (await once(sent, 'response')) as [IncomingMessage]
  const text = Buffer.concat(await Array.fromAsync(message as AsyncIterable<Buffer>)).toString()
  return { status: message.statusCode, headers: message.headers, text }
}

test('pods/proxy passes on method, path, query and body, and what comes back', async () => {
  asked = []
  const big = Buffer.alloc(5_000_000, 'x')
  const options = { method: 'PUT', headers: { authorization: 'Basic x', 'x-mine': '1', 'accept-encoding': 'identity' } }
  const { status, headers, text } = await fetched(`${pods}/web:8080/proxy/echo/a%20b/?q=1&r=%2F`, options, big)
  assert.equal(status, 201)
  assert.deepEqual(headers['set-cookie'], ['a=1', 'b=2'])
  assert.equal(headers['access-control-allow-origin'], undefined)
  const end = text.indexOf('}xxx') < 0 ? text.length : text.indexOf('xxxx')
  const seen = JSON.parse(text.slice(0, end))
  assert.equal(text.length - end, big.length)
  assert.equal(`${seen.method} ${seen.url}`, 'PUT /echo/a%20b/?q=1&r=%2F')
  assert.equal(seen.headers['x-mine'], '1')
  assert.equal(seen.headers.authorization, undefined)
  assert.equal(seen.headers['x-forwarded-for'], '127.0.0.1')
  assert.equal(seen.headers['x-forwarded-uri'], `${pods}/web:8080/proxy/echo/a%20b/`)
  assert.deepEqual(asked, [{ type: 'pod', address: '10.244.0.5', port: 8080, scheme: 'http' }])
})

test('proxy hands on no header that says who asks, under whatever name', async () => {
  const own = ['x-remote-user', 'x-remote-group', 'x-remote-extra-scopes', 'x-remote-uid']
  const chosen = ['x-my-user', 'x-my-group', 'x-my-extra-scopes']
  const headers = Object.fromEntries([...own, ...chosen, 'x-my-other'].map((name) => [name, 'system:masters']))
  const { text } = await fetched(`${pods}/web/proxy/echo`, { headers })
  const seen = JSON.parse(text.slice(0, text.lastIndexOf('}') + 1)).headers
  for (const name of [...own, ...chosen]) assert.equal(seen[name], undefined, name)
  assert.equal(seen['x-my-other'], 'system:masters')
})

test('pods/proxy over HTTP/2 streams too', async () => {
  const { ca, admin } = front.pki
  const session = connectHttp2(`https://127.0.0.1:${front.port}`, { ca: ca.certificate, cert: admin.certificate, key: admin.key })
  const stream = session.request({ ':method': 'POST', ':path': `${pods}/web/proxy/echo` })
  stream.end('body of it')
  const [headers] = await once(stream, 'response')
  assert.equal(headers[':status'], 201)
  const text = Buffer.concat(await Array.fromAsync(stream as AsyncIterable<Buffer>)).toString()
  assert.match(text, /body of it$/)
  const refused = session.request({ ':method': 'POST', ':path': `${pods}/web/exec?command=ls` })
  refused.end()
  const [answer] = await once(refused, 'response')
  assert.equal(answer[':status'], 400)
  assert.match(Buffer.concat(await Array.fromAsync(refused as AsyncIterable<Buffer>)).toString(), /Upgrade request required/)
  session.destroy()
})

test('proxy sends browsers to the path with a slash', async () => {
  const { status, headers } = await fetched(`${pods}/web/proxy?a=1`)
  assert.deepEqual([status, headers.location], [301, `${pods}/web/proxy/?a=1`])
})

test('proxy leads redirects and links through itself', async () => {
  assert.equal((await fetched(`${pods}/web/proxy/redirect`)).headers.location, `${pods}/web/proxy/login?next=1`)
  const page = `<a href="${pods}/web/proxy/other">x</a>`
  assert.equal((await fetched(`${pods}/web/proxy/page`)).text, page)
  const zipped = await fetched(`${pods}/web/proxy/zipped`)
  assert.deepEqual([zipped.text, zipped.headers['content-encoding']], [page, undefined])
})

test('proxy of an answer that breaks off breaks off too', async () => {
  await assert.rejects(fetched(`${pods}/web/proxy/cut`), { code: 'ECONNRESET' })
})

test('proxy switches protocols and joins the connections', async () => {
  const sent = call(`${pods}/web/proxy/socket`, { headers: { connection: 'Upgrade', upgrade: 'echo' } })
  sent.end()
  const [message, socket, head] = (await once(sent, 'upgrade')) as [IncomingMessage, Duplex, Buffer]
  assert.equal(message.headers.upgrade, 'echo')
  let text = head.toString()
  socket.write('there')
  while (!text.includes('there')) text += (await once(socket, 'data'))[0]
  assert.equal(text, 'hi there')
  socket.destroy()
})

test('a client cannot go on behind a refused upgrade (CVE-2018-1002105)', async () => {
  const sent = call(`${pods}/web/proxy/refuse`, { headers: { connection: 'Upgrade', upgrade: 'echo' } })
  sent.end()
  const [message] = (await once(sent, 'response')) as [IncomingMessage]
  assert.equal(message.statusCode, 403)
  message.socket.write('GET /secret HTTP/1.1\r\nhost: x\r\n\r\n')
  const text = Buffer.concat(await Array.fromAsync(message as AsyncIterable<Buffer>)).toString()
  assert.equal(text, 'no')
})

test('pods/proxy refuses addresses of the server itself', async () => {
  const { status, text } = await fetched(`${pods}/local/proxy/`)
  assert.equal(status, 400)
  assert.match(text, /address not allowed/)
})

test('nodes/proxy reaches the agent of the node', async () => {
  asked = []
  const { status, text } = await fetched('/api/v1/nodes/n1/proxy/other')
  assert.deepEqual([status, text, asked], [404, 'nothing here', ['n1']])
  assert.match((await fetched('/api/v1/nodes/n2/proxy/')).text, /nodes \\"n2\\" not found/)
})

test('services/proxy asks for the port by name', async () => {
  asked = []
  await fetched('/api/v1/namespaces/default/services/https:web:http/proxy/x')
  assert.deepEqual(asked, [{ type: 'service', namespace: 'default', name: 'web', port: 'http', scheme: 'https' }])
})

test('a WebSocket, which begins with GET, needs the right to create', async () => {
  const user = { name: 'reader', groups: ['system:authenticated'] }
  const grant = async (name: string, verbs: string[]) => {
    const metadata = { name, namespace: 'default' }
    await cluster.client.create(Role, { metadata, rules: [{ apiGroups: [''], resources: ['pods/exec'], verbs }] })
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name }
    await cluster.client.create(RoleBinding, { metadata, roleRef, subjects: [{ kind: 'User', name: 'reader' }] })
  }
  const open = () => send(cluster.server, `GET ${pods}/web/exec?command=ls`, { user })
  await grant('see', ['get'])
  const refused = await open()
  assert.equal(refused.status, 403)
  assert.match(refused.object.message, /^pods "web" is forbidden: User "reader" cannot create resource "pods\/exec"/)
  await grant('run', ['create'])
  const { status, object } = await open()
  assert.deepEqual([status, object.message], [400, 'Upgrade request required'])
})

test('connections refuse other methods and dry runs', async () => {
  assert.equal((await send(cluster.server, `PUT ${pods}/web/exec`)).status, 405)
  assert.equal((await send(cluster.server, `POST ${pods}/web/log`)).status, 405)
  assert.equal((await send(cluster.server, `POST ${pods}/web/exec?dryRun=All`)).object.message, 'dryRun is not supported')
})

test('splitName() knows the three forms', () => {
  assert.deepEqual(splitName('web', 'pod'), { scheme: '', name: 'web', port: '' })
  assert.deepEqual(splitName('web:80', 'pod'), { scheme: '', name: 'web', port: '80' })
  assert.deepEqual(splitName('https:web:', 'pod'), { scheme: 'https', name: 'web', port: '' })
  for (const id of ['ftp:web:1', 'a:b:c:d', ':80'])
    assert.throws(() => splitName(id, 'pod'), { message: `invalid pod request "${id}"` })
})

const rewrite = linkRewriter({ prefix: '/proxy', hosts: ['', '10.0.0.1:80'] })
const links = [
  ['/a', '/proxy/a'],
  ['/a/?q#f', '/proxy/a/?q#f'],
  ['/proxy/a', '/proxy/a'],
  ['a/b', 'a/b'],
  ['#top', '#top'],
  ['mailto:a@b', 'mailto:a@b'],
  ['http://10.0.0.1:80/a', '/proxy/a'],
  ['https://example.com/a', 'https://example.com/a'],
  ['//10.0.0.1:80/a', '/proxy/a'],
] as const

for (const [link, expected] of links) test(`linkRewriter() ${link}`, () => assert.equal(rewrite(link), expected))

test('rewriteHtml() touches links of tags and nothing else', () => {
  const html = `<!-- <a href="/a"> --><script src='/s.js'>x = '<a href="/no">'</script><img src=/i alt="/alt"><p title="/t">/text</p>`
  const expected = `<!-- <a href="/a"> --><script src="/proxy/s.js">x = '<a href="/no">'</script><img src="/proxy/i" alt="/alt"><p title="/t">/text</p>`
  assert.equal(rewriteHtml(html, rewrite), expected)
})
