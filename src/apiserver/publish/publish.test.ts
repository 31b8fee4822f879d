import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { kinds } from '#api/kinds.ts'
import type { HealthCheck } from '#apiserver/publish/health.ts'
import { requestMetrics } from '#apiserver/publish/metrics.ts'
import { publishStages } from '#apiserver/publish/publish.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { type Http2Client, http2Client } from '#testing/http-clients.ts'
import { type LoopbackSocket, listenOnLoopback } from '#testing/loopback.ts'
import { realClients } from '#testing/real-clients.ts'

const { kubectl, missing } = realClients()
const skip = missing
const metrics = requestMetrics(new VirtualClock())
let wrong: string | undefined
const check: HealthCheck = { name: 'store', for: ['readyz'], check: () => wrong }
let cluster: TestCluster
let front: LoopbackSocket
let client: Http2Client
let home: string

before(async () => {
  const publish = publishStages({
    kinds: () => kinds,
    gitVersion: 'v1.36.0+nami',
    platform: 'linux/amd64',
    checks: [check],
    metrics,
  })
  cluster = await testCluster({ publish })
  front = await listenOnLoopback({ ...cluster, metrics })
  client = http2Client(front)
  home = mkdtempSync(join(tmpdir(), 'nami-publish-'))
  writeKubeconfig()
})

after(async () => {
  await client[Symbol.asyncDispose]()
  await front.close(0)
  await cluster[Symbol.asyncDispose]()
  rmSync(home, { recursive: true })
})

function writeKubeconfig(): void {
  const { port, pki } = front
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  const where = { server: `https://127.0.0.1:${port}`, 'certificate-authority-data': base64(pki.ca.certificate) }
  const who = { 'client-certificate-data': base64(pki.admin.certificate), 'client-key-data': base64(pki.admin.key) }
  const config = {
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'a' },
    clusters: [{ name: 'a', cluster: where }],
    users: [{ name: 'a', user: who }],
    contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }],
  }
  writeFileSync(join(home, 'config'), JSON.stringify(config))
}

async function run(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const child = spawn(kubectl, ['--kubeconfig', join(home, 'config'), ...args], { env: { HOME: home } })
  const collect = async (stream: AsyncIterable<Buffer>) => Buffer.concat(await Array.fromAsync(stream)).toString()
  const [stdout, stderr] = await Promise.all([collect(child.stdout), collect(child.stderr), once(child, 'close')])
  return { stdout, stderr }
}

/** As kube-apiserver 1.36 announces them. */
const announced = [
  'bindings || v1 | true | Binding | create |',
  'configmaps | cm | v1 | true | ConfigMap | create,delete,deletecollection,get,list,patch,update,watch |',
  'events | ev | v1 | true | Event | create,delete,deletecollection,get,list,patch,update,watch |',
  'namespaces | ns | v1 | false | Namespace | create,delete,get,list,patch,update,watch |',
  'pods | po | v1 | true | Pod | create,delete,deletecollection,get,list,patch,update,watch | all',
  'deployments | deploy | apps/v1 | true | Deployment | create,delete,deletecollection,get,list,patch,update,watch | all',
  'tokenreviews || authentication.k8s.io/v1 | false | TokenReview | create |',
  'priorityclasses | pc | scheduling.k8s.io/v1 | false | PriorityClass | create,delete,deletecollection,get,list,patch,update,watch |',
]

test('kubectl api-resources prints what kube-apiserver announces', { skip }, async () => {
  const { stdout, stderr } = await run('api-resources', '-o', 'wide')
  assert.equal(stderr, '')
  const [head = '', ...rows] = stdout.trimEnd().split('\n')
  const starts = [...head.matchAll(/\S+/g)].map(({ index }) => index)
  const cells = (row: string) => starts.map((start, i) => row.slice(start, starts[i + 1]).trim())
  const found = new Set(rows.map((row) => cells(row).join(' | ').replace('|  |', '||').trimEnd()))
  for (const line of announced) assert(found.has(line), `${line}\nis not among\n${[...found].join('\n')}`)
})

test('kubectl version and explain a path that is not there', { skip }, async () => {
  assert.match((await run('version')).stdout, /Server Version: v1.36.0\+nami/)
  assert.equal((await run('get', 'nope')).stderr, `error: the server doesn't have a resource type "nope"\n`)
  const text = 'Error from server (NotFound): the server could not find the requested resource\n'
  assert.equal((await run('get', '--raw', '/apis/nope')).stderr, text)
})

test('discovery: groups, versions, resources with their subresources in order', async () => {
  const groups = (await client.call('GET /apis')).json
  assert.deepEqual([groups.kind, groups.apiVersion, groups.groups[0].name], ['APIGroupList', 'v1', 'apiregistration.k8s.io'])
  const core = (await client.call('GET /api/v1')).json
  const names: string[] = core.resources.map(({ name }: { name: string }) => name)
  assert.deepEqual(names, names.toSorted())
  const named = (name: string) => core.resources.find((resource: { name: string }) => resource.name === name)
  assert.deepEqual(named('pods/eviction'), {
    ...{ name: 'pods/eviction', singularName: '', namespaced: true },
    ...{ group: 'policy', version: 'v1', kind: 'Eviction', verbs: ['create'] },
  })
  assert.deepEqual(named('pods/exec').verbs, ['create', 'get'])
  assert.deepEqual(named('serviceaccounts/token').group, 'authentication.k8s.io')
  assert.deepEqual((await client.call('GET /apis/apps')).json.preferredVersion, { groupVersion: 'apps/v1', version: 'v1' })
  assert.equal((await client.call('GET /apis/nope')).status, 404)
  const root = (await client.call('GET /')).json.paths
  for (const path of ['/api/v1', '/apis', '/apis/apps/v1', '/healthz', '/metrics', '/version']) assert(root.includes(path), path)
})

test('discovery: all at once, and nothing to those who know it', async () => {
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;q=0.9'
  const { json, headers } = await client.call('GET /apis', { accept })
  assert.equal(headers['content-type'], 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList')
  assert.deepEqual([json.kind, json.apiVersion], ['APIGroupDiscoveryList', 'apidiscovery.k8s.io/v2'])
  const apps = json.items.find(({ metadata }: { metadata: { name: string } }) => metadata.name === 'apps')
  const deployments = apps.versions[0].resources.find(({ resource }: { resource: string }) => resource === 'deployments')
  assert.deepEqual(deployments.responseKind, { group: 'apps', version: 'v1', kind: 'Deployment' })
  const scale = {
    subresource: 'scale',
    responseKind: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
    verbs: ['get', 'patch', 'update'],
  }
  assert.deepEqual(deployments.subresources[0], scale)
  const again = await client.call('GET /apis', { accept, 'if-none-match': headers.etag as string })
  assert.deepEqual([again.status, again.body.length], [304, 0])
})

test('health: each check by itself, all, all but some, and in words', async () => {
  assert.deepEqual(await said('/healthz'), [200, 'ok'])
  assert.deepEqual(await said('/healthz/ping'), [200, 'ok'])
  assert.deepEqual(await said('/readyz?verbose'), [200, '[+]ping ok\n[+]log ok\n[+]store ok\nreadyz check passed\n'])
  assert.equal((await said('/livez/store'))[0], 404)
  wrong = 'it burns'
  assert.deepEqual(await said('/readyz'), [500, '[+]ping ok\n[+]log ok\n[-]store failed: reason withheld\nreadyz check failed\n'])
  assert.deepEqual(await said('/readyz?exclude=store'), [200, 'ok'])
  assert.deepEqual(await said('/livez'), [200, 'ok'])
  wrong = undefined
})

async function said(path: `/${string}`): Promise<[number, string]> {
  const { status, text } = await client.call(`GET ${path}`)
  return [status, text]
}

test('metrics count requests by what they are and how they were answered', async () => {
  await client.call('GET /api/v1/namespaces/default/configmaps')
  await client.call('GET /api/v1/namespaces/default/pods/none/log')
  await client.call('GET /something/else')
  await client.call('GET /api/v1/namespaces/default/pods/none/anything')
  const lines = (await client.call('GET /metrics')).text.split('\n')
  const labels = (more: string) => `apiserver_request_total{${more}} 1`
  for (const line of [
    'code="200",component="apiserver",dry_run="",group="",resource="configmaps",scope="namespace",subresource="",verb="LIST",version="v1"',
    'code="404",component="apiserver",dry_run="",group="",resource="pods",scope="resource",subresource="log",verb="CONNECT",version="v1"',
  ]) {
    assert(lines.includes(labels(line)), line)
  }
  assert(!lines.some((line) => line.includes('anything')), 'what nobody serves makes no labels')
  assert(lines.includes('apiserver_current_inflight_requests{request_kind="readOnly"} 1'))
  assert(lines.some((line) => line.startsWith('process_resident_memory_bytes ')))
  const bucket = lines.find((line) => line.includes('resource="configmaps"') && line.includes('le="0.005"'))
  assert.match(bucket ?? '', / 1$/)
})

test('metrics tell which deprecated APIs somebody asks for', async () => {
  await client.call('GET /api/v1/namespaces/default/endpoints')
  const lines = (await client.call('GET /metrics')).text.split('\n')
  const found = lines.filter((line) => line.startsWith('apiserver_requested_deprecated_apis'))
  const labels = 'group="",removed_release="",resource="endpoints",subresource="",version="v1"'
  assert.deepEqual(found, [`apiserver_requested_deprecated_apis{${labels}} 1`])
})

test('metrics tell which deprecated APIs somebody asks for', async () => {
  await client.call('GET /api/v1/namespaces/default/endpoints')
  const lines = (await client.call('GET /metrics')).text.split('\n')
  const found = lines.filter((line) => line.startsWith('apiserver_requested_deprecated_apis'))
  const labels = 'group="",removed_release="",resource="endpoints",subresource="",version="v1"'
  assert.deepEqual(found, [`apiserver_requested_deprecated_apis{${labels}} 1`])
})

test('metrics tell sizes of answers, indicators and events of watches', async () => {
  const path = '/api/v1/namespaces/default/secrets'
  await client.call(`GET ${path}`)
  const watch = await client.open(`${path}?watch=1&resourceVersion=0`)
  const body = JSON.stringify({ metadata: { name: 'seen' } })
  await client.call(`POST ${path}`, { 'content-type': 'application/json' }, body)
  await once(watch, 'data')
  const lines = (await client.call('GET /metrics')).text.split('\n')
  const list = 'component="apiserver",group="",resource="secrets",scope="namespace",subresource="",verb="LIST",version="v1"'
  for (const line of [
    `apiserver_response_sizes_bucket{${list},le="1000"} 1`,
    `apiserver_request_sli_duration_seconds_bucket{${list},le="+Inf"} 1`,
    'apiserver_watch_events_total{group="",version="v1",resource="secrets"} 1',
    'apiserver_tls_handshake_errors_total 0',
  ]) {
    assert(lines.includes(line), line)
  }
  watch.close()
})
