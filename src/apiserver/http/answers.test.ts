import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { Deployment } from '#api/apps/v1/deployment.ts'
import { Scale } from '#api/autoscaling/v1/scale.ts'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { listSchemaOf } from '#api/meta/v1/list-meta.ts'
import { Status } from '#api/meta/v1/status.ts'
import { decodeProtobuf, encodeProtobuf, unwrapUnknown, wrapUnknown } from '#schema/protobuf.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { type Http2Client, http1Call, http2Client } from '#testing/http-clients.ts'
import { type LoopbackSocket, listenOnLoopback } from '#testing/loopback.ts'
import { deployment, pod } from '#testing/make.ts'

let cluster: TestCluster
let front: LoopbackSocket
let client: Http2Client
const maps = '/api/v1/namespaces/default/configmaps'
const pods = '/api/v1/namespaces/default/pods'
const protobuf = 'application/vnd.kubernetes.protobuf'

before(async () => {
  cluster = await testCluster()
  await cluster.client.create(ConfigMap, { metadata: { name: 'a', namespace: 'default' }, data: { key: 'wert ä' } })
  await cluster.client.create(Pod, pod('web'))
  await cluster.client.create(Deployment, deployment('d'))
  const data = { text: 'x'.repeat(1000) }
  for (let i = 0; i < 600; i++)
    await cluster.client.create(ConfigMap, { metadata: { name: `m${i}`, namespace: 'kube-public' }, data })
  front = await listenOnLoopback(cluster)
  client = http2Client(front)
})

after(async () => {
  await client[Symbol.asyncDispose]()
  await front.close(0)
  await cluster[Symbol.asyncDispose]()
})

test('JSON is compact with a newline, and indented for people', async () => {
  const plain = await client.call(`GET ${maps}/a`)
  assert.equal(plain.headers['content-type'], 'application/json')
  assert.match(plain.text, /^\{"apiVersion":"v1","kind":"ConfigMap".*\}\n$/)
  assert.equal(plain.json.data.key, 'wert ä')
  assert.match(plain.headers['audit-id'] as string, /^[0-9a-f-]{36}$/)
  for (const [path, headers] of [
    [`${maps}/a?pretty=true`, {}],
    [maps, { 'user-agent': 'curl/8' }],
  ] as const) {
    const { text } = await client.call(`GET ${path}`, headers)
    assert.match(text, /^\{\n {2}"(kind|apiVersion)": "/)
  }
})

test('pretty is what Go takes for true, and nothing where it is empty', async () => {
  const isIndented = async (query: string, agent = 'test') =>
    (await client.call(`GET ${maps}/a?${query}`, { 'user-agent': agent })).text.startsWith('{\n')
  for (const value of ['1', 't', 'TRUE', 'True']) assert.equal(await isIndented(`pretty=${value}`), true, value)
  for (const value of ['0', 'F', 'no', 'yes']) assert.equal(await isIndented(`pretty=${value}`, 'curl/8'), false, value)
  assert.equal(await isIndented('pretty='), false)
  assert.equal(await isIndented('pretty=', 'curl/8'), true)
  const accepted = await client.call(`GET ${maps}/a`, { accept: 'application/json;pretty=1' })
  assert.match(accepted.text, /^\{\n/)
})

test('YAML goes out and comes in', async () => {
  const { text, headers } = await client.call(`GET ${maps}/a`, { accept: 'application/yaml' })
  assert.equal(headers['content-type'], 'application/yaml')
  assert.match(text, /^apiVersion: v1\ndata:\n {2}key: wert ä\nkind: ConfigMap\nmetadata:\n/)
  const body = 'metadata:\n  name: from-yaml\ndata:\n  a: "1"\n'
  const created = await client.call(`POST ${maps}`, { 'content-type': 'application/yaml' }, body)
  assert.deepEqual([created.status, created.json.data], [201, { a: '1' }])
})

test('protobuf goes out and comes in', async () => {
  const object = { metadata: { name: 'from-protobuf' }, data: { a: '1' } } as unknown as ConfigMap
  const body = wrapUnknown('v1', 'ConfigMap', encodeProtobuf(ConfigMap.schema, object))
  const headers = { 'content-type': protobuf, accept: protobuf }
  const created = await client.call(`POST ${maps}`, headers, body)
  assert.deepEqual([created.status, created.headers['content-type']], [201, protobuf])
  const { apiVersion, kind, raw } = unwrapUnknown(created.body)
  assert.deepEqual([apiVersion, kind], ['v1', 'ConfigMap'])
  assert.deepEqual({ ...decodeProtobuf(ConfigMap.schema, raw).data }, { a: '1' })
  const list = unwrapUnknown((await client.call(`GET ${pods}`, headers)).body)
  assert.equal(list.kind, 'PodList')
  const { items } = decodeProtobuf(listSchemaOf(Pod) as never, list.raw) as { items: Pod[] }
  assert.deepEqual(
    items.map(({ metadata }) => metadata.name),
    ['web'],
  )
  const refused = unwrapUnknown((await client.call(`GET ${pods}/none`, headers)).body)
  assert.equal((decodeProtobuf(Status as never, refused.raw) as { reason: string }).reason, 'NotFound')
})

test('subresources of another kind are answered in protobuf', async () => {
  const { body, status } = await client.call('GET /apis/apps/v1/namespaces/default/deployments/d/scale', { accept: protobuf })
  assert.equal(status, 200)
  const { apiVersion, kind, raw } = unwrapUnknown(body)
  assert.deepEqual([apiVersion, kind], ['autoscaling/v1', 'Scale'])
  assert.equal((decodeProtobuf(Scale.schema, raw) as { spec: { replicas?: number } }).spec.replicas, 1)
})

test('tables have columns and rows, as their includeObject says', async () => {
  const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json'
  const { json, headers } = await client.call(`GET ${pods}?includeObject=Object`, { accept })
  assert.equal(headers['content-type'], 'application/json')
  assert.deepEqual([json.kind, json.apiVersion], ['Table', 'meta.k8s.io/v1'])
  assert.equal(json.columnDefinitions[0].name, 'Name')
  assert.equal(json.rows[0].object.kind, 'Pod')
  const metadata = await client.call(`GET ${pods}/web`, { accept })
  assert.equal(metadata.json.rows[0].object.kind, 'PartialObjectMetadata')
  const none = await client.call(`GET ${pods}?includeObject=None`, { accept })
  assert.equal(none.json.rows[0].object, null)
  const refused = await client.call(`GET ${pods}/none?includeObject=x`, { accept })
  assert.deepEqual([refused.json.kind, refused.status], ['Status', 404])
  const why = `includeObject: Invalid value: "x": must be 'Metadata', 'Object', 'None', or empty`
  for (const path of ['', '/web', '?watch=true'] as const) {
    const query = path.includes('?') ? '&includeObject=x' : '?includeObject=x'
    const { status, json } = await client.call(`GET ${pods}${path}${query}`, { accept })
    assert.deepEqual([status, json.message], [400, `Unable to convert to Table as requested: ${why}`], path)
  }
  assert.equal((await client.call(`GET ${pods}?includeObject=x`)).status, 200)
})

test('metadata alone, of one and of many, also in protobuf', async () => {
  const one = await client.call(`GET ${pods}/web`, { accept: 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io' })
  assert.deepEqual([one.json.kind, one.json.metadata.name, one.json.spec], ['PartialObjectMetadata', 'web', undefined])
  const many = `;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io`
  const list = await client.call(`GET ${pods}`, { accept: `application/json${many}` })
  assert.deepEqual([list.json.kind, list.json.items.length], ['PartialObjectMetadataList', 1])
  const raw = unwrapUnknown((await client.call(`GET ${pods}`, { accept: `${protobuf}${many}` })).body)
  assert.deepEqual([raw.kind, raw.apiVersion], ['PartialObjectMetadataList', 'meta.k8s.io/v1'])
})

const accepted = 'application/json, application/yaml, application/vnd.kubernetes.protobuf'

test('types that nobody has are 406 and 415', async () => {
  const out = await client.call(`GET ${maps}/a`, { accept: 'text/plain' })
  assert.deepEqual([out.status, out.json.message], [406, `only the following media types are accepted: ${accepted}`])
  const first = await client.call(`GET ${maps}/a`, { accept: 'text/plain, application/yaml;q=0.5, */*;q=0.1' })
  assert.equal(first.headers['content-type'], 'application/yaml')
  const sent = await client.call(`POST ${maps}`, { 'content-type': 'text/plain' }, 'x')
  const text = `the body of the request was in an unknown format - accepted media types include: ${accepted}`
  assert.deepEqual([sent.status, sent.json.reason, sent.json.message], [415, 'UnsupportedMediaType', text])
})

test('long answers are compressed where the client can unpack them, the same over both versions', async () => {
  const path = '/api/v1/namespaces/kube-public/configmaps'
  const plain = await client.call(`GET ${path}`)
  assert.equal(plain.headers['content-encoding'], undefined)
  assert.equal(plain.json.items.length, 600)
  const packed = await client.call(`GET ${path}`, { 'accept-encoding': 'gzip' })
  assert.equal(packed.headers['content-encoding'], 'gzip')
  assert(packed.body.length < plain.body.length / 10)
  assert(gunzipSync(packed.body).equals(plain.body))
  assert((await http1Call(front, path)).body.equals(plain.body))
  const short = await client.call(`GET ${maps}/a`, { 'accept-encoding': 'gzip' })
  assert.equal(short.headers['content-encoding'], undefined)
})

test('a list of several megabytes is the same over both versions, packed or not, and with half of it selected', async () => {
  const namespace = 'kube-system'
  for (let i = 0; i < 8; i++) {
    const metadata = { name: `large-${i}`, namespace, labels: { half: String(i % 2) } }
    await cluster.client.create(ConfigMap, { metadata, data: { text: String(i).repeat(900_000) } })
  }
  for (const [query, count] of [
    ['', 8],
    ['?labelSelector=half%3D1', 4],
  ] as const) {
    const path = `/api/v1/namespaces/${namespace}/configmaps${query}` as const
    const plain = await client.call(`GET ${path}`)
    assert.equal(plain.json.items.filter((item: any) => item.metadata.name.startsWith('large-')).length, count)
    assert((await http1Call(front, path)).body.equals(plain.body))
    const packed = await client.call(`GET ${path}`, { 'accept-encoding': 'gzip' })
    assert(gunzipSync(packed.body).equals(plain.body))
  }
})

test('HEAD has the head alone', async () => {
  const { headers } = await client.call(`GET ${maps}/a`)
  for (const head of [await client.call(`HEAD ${maps}/a`), await http1Call(front, `${maps}/a`, { method: 'HEAD' })]) {
    assert.deepEqual([head.status, head.body.length], [200, 0])
    assert.equal(head.headers['content-length'], headers['content-length'])
  }
  const long = await client.call('HEAD /api/v1/namespaces/kube-public/configmaps')
  assert.deepEqual([long.status, long.body.length], [200, 0])
})

test('OPTIONS of a resource is a method that it has not', async () => {
  assert.equal((await client.call(`OPTIONS ${maps}/a`)).status, 405)
})

test('warnings stand in a header, whatever their characters', async () => {
  const body = JSON.stringify({ metadata: { name: 'warned' }, 'unbekannt "ü"': 1 })
  const { headers, status } = await client.call(`POST ${maps}?fieldValidation=Warn`, { 'content-type': 'application/json' }, body)
  assert.equal(status, 201)
  const text = Buffer.from(headers.warning as string, 'latin1').toString()
  assert.equal(text, '299 - "unknown field \\"unbekannt \\"ü\\"\\""')
})

test('a broken percent-encoding is 400 over both versions', async () => {
  assert.equal((await client.call(`GET ${maps}/%zz`)).status, 400)
  assert.equal((await http1Call(front, `${maps}/%zz`)).status, 400)
})

test('watches send JSON lines, tables with columns once, and protobuf frames', async () => {
  const search = '?watch=1&fieldSelector=metadata.name=watched'
  const streams = {
    json: await client.open(`${maps}${search}`),
    table: await client.open(`${maps}${search}`, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' }),
    protobuf: await client.open(`${maps}${search}`, { accept: protobuf }),
  }
  const created = await cluster.client.create(ConfigMap, { metadata: { name: 'watched', namespace: 'default' } })
  await cluster.client.delete(ConfigMap, created)
  const [first, second] = await lines(streams.json, 2)
  assert.deepEqual([first.type, first.object.metadata.name], ['ADDED', 'watched'])
  assert.equal(second.type, 'DELETED')
  const tables = await lines(streams.table, 2)
  assert.deepEqual(
    tables.map(({ object }) => object.kind),
    ['Table', 'Table'],
  )
  assert(tables[0].object.columnDefinitions.length > 0)
  assert.equal(tables[1].object.columnDefinitions, null)
  assert.equal(streams.protobuf.sentHeaders[':path'], `${maps}${search}`)
  const frame = await readAtLeast(streams.protobuf, 10)
  assert(frame.length >= 4 + frame.readUInt32BE(0))
  assert.equal(frame.subarray(4, 11).toString('latin1'), '\n\x05ADDED')
  assert.equal(frame.subarray(14, 20).includes('k8s'), true)
})

type Readable = Awaited<ReturnType<Http2Client['open']>>

async function readAtLeast(stream: Readable, length: number): Promise<Buffer> {
  let all = Buffer.alloc(0)
  while (all.length < length) {
    const [chunk] = await once(stream, 'data')
    all = Buffer.concat([all, chunk])
  }
  return all
}

async function lines(stream: Readable, count: number): Promise<any[]> {
  let text = ''
  while (text.split('\n').length <= count) text += (await once(stream, 'data'))[0]
  return text
    .split('\n')
    .slice(0, count)
    .map((line) => JSON.parse(line))
}
