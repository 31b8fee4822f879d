import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { SubjectAccessReview } from '#api/authorization/v1/subject-access-review.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import type { Client } from '#client/client.ts'
import { systemClock } from '#lib/clock.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { type TestAgent, testAgent } from '#testing/agent-server.ts'
import { MemoryRuntime } from '../cri/memory-runtime.ts'
import { containerConfig, sandboxConfig } from '../cri/test-configs.ts'
import { ProbeTally } from '../probes/probe-tally.ts'
import { accessOf, reviewAccess } from './access.ts'
import { containerForLogs } from './find-container.ts'
import { streamOptions } from './streaming.ts'

const directory = mkdtempSync(join(tmpdir(), 'nami-agent-'))
const runtime = new MemoryRuntime({ clock: systemClock })
let pods: Pod[] = []
let agent: TestAgent

before(async () => {
  runtime.addImage('app:1')
  const config = sandboxConfig('web', { logDirectory: directory })
  const sandbox = await runtime.runPodSandbox(config)
  runtime.script({}, { exec: (command) => ({ stdout: `ran ${command.join('+')}`, stderr: '!' }) })
  const labels = { ...config.labels, 'io.kubernetes.container.name': 'app' }
  const container = containerConfig('app', { image: 'app:1', logPath: '0.log', labels })
  const id = await runtime.createContainer(sandbox, container, config)
  await runtime.startContainer(id)
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, '0.log'), '2026-01-01T00:00:00Z stdout F one\n2026-01-01T00:00:01Z stdout F two\n')
  pods = [podWith({ name: 'app', containerID: `memory://${id}`, state: { running: { startedAt: '2026-01-01T00:00:00Z' } } })]
  const authorize = async (user: { name: string }) => user.name === 'admin'
  const size = { capacityBytes: 9, availableBytes: 6, usedBytes: 3, inodes: 3, inodesFree: 2, inodesUsed: 1 }
  const volumes = async () => [{ name: 'data', claim: 'files', ...size }]
  writeFileSync(join(directory, '<a>.log'), 'x')
  const tally = new ProbeTally()
  const about = { type: 'Readiness', container: 'app' }
  for (const seconds of [0.003, 0.3]) tally.note(pods[0] as Pod, about, { ending: 'successful', seconds })
  tally.note(pods[0] as Pod, about, { ending: 'failed', seconds: 20 })
  const settings = {
    port: 10250,
    clusterDomain: 'x',
    clusterDns: ['1.2.3.4'],
    staticPodPath: '/m',
    containerRuntimeEndpoint: 'unix:///s',
  }
  const directories = { node: directory, images: directory }
  const machine = { cpus: 2, memoryBytes: 1024 }
  const more = { probes: () => tally.counts(), settings, machine, directories, systemLogs: directory }
  agent = await testAgent({ runtime, pods: () => pods, volumes, authorize, more })
})

after(async () => {
  await agent?.[Symbol.asyncDispose]()
  rmSync(directory, { recursive: true })
})

function podWith(status: object): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'default', uid: 'uid-web' },
    spec: { containers: [{ name: 'app', image: 'app:1' }] },
    status: { phase: 'Running', containerStatuses: [status] },
  } as unknown as Pod
}

test('the agent refuses nobody, and whom the cluster does not allow', async () => {
  assert.deepEqual(await agent.get('/pods'), { code: 401, body: 'Unauthorized' })
  assert.deepEqual(await agent.get('/exec/default/web/app', 'eve', 'POST'), {
    code: 403,
    body: 'Forbidden (user=eve, verb=create, resource=nodes, subresource(s)=[proxy])\n',
  })
})

const answers = [
  ['/healthz', 200, /^ok$/],
  ['/pods', 200, /^{"kind":"PodList","apiVersion":"v1"/],
  ['/containerLogs/default/web/app', 200, /^one\ntwo\n$/],
  ['/containerLogs/default/web/app?tailLines=1&timestamps=true', 200, /^2026-01-01T00:00:01.000000000Z two\n$/],
  ['/containerLogs/default/nope/app', 404, /^pod "nope" does not exist$/],
  ['/containerLogs/default/web/nope', 404, /^container "nope" not found in pod "web"$/],
  ['/containerLogs/default/web/app?previous=true', 400, /^previous terminated container "app" in pod "web" not found$/],
  ['/containerLogs/default/web/app?tailLines=x', 400, /^{"message": "Unable to decode query."}$/],
  ['/exec/default/web/app', 400, /^Upgrade request required$/],
  ['/nothing', 404, /^404 page not found\n$/],
  ['/stats/summary', 200, /"podRef":{"name":"web","namespace":"default","uid":"uid-web"}/],
  ['/metrics/resource', 200, /container_memory_working_set_bytes{container="app",namespace="default",pod="web"} 0 \d+\n/],
  ['/metrics', 200, /kubelet_running_containers{container_state="running"} 1\n/],
  [
    '/metrics',
    200,
    /# HELP kubelet_volume_stats_used_bytes \[ALPHA\] .*\n.*\nkubelet_volume_stats_used_bytes{namespace="default",persistentvolumeclaim="files"} 3\n/,
  ],
  [
    '/stats/summary',
    200,
    /"volume":\[{"time":"[^"]+","name":"data","capacityBytes":9,.*"pvcRef":{"name":"files","namespace":"default"}}\]/,
  ],
  ['/stats/summary?only_cpu_and_memory=true', 200, /^((?!"volume"|"fs").)*$/],
  [
    '/stats/summary',
    200,
    /"node":{"nodeName":"n1","startTime":"[^"]+",.*"fs":{"time":"[^"]+","availableBytes":\d+,.*"imageFs":{/,
  ],
  [
    '/metrics/probes',
    200,
    /prober_probe_total{container="app",namespace="default",pod="web",pod_uid="uid-web",probe_type="Readiness",result="failed"} 1\n/,
  ],
  [
    '/metrics/probes',
    200,
    /_bucket{container="app",namespace="default",pod="web",probe_type="Readiness",le="0.5"} 2\n(.*\n)*.*le="\+Inf"} 3\n.*_sum{.*} 20.303\n.*_count{.*} 3\n/,
  ],
  [
    '/metrics/cadvisor',
    200,
    /container_cpu_usage_seconds_total{container="app",id="\/[^"]+",image="",name="[^"]+",namespace="default",pod="web",cpu="total"} 0 \d+\n/,
  ],
  [
    '/metrics/cadvisor',
    200,
    /# HELP machine_cpu_cores Number of logical CPU cores\.\n# TYPE machine_cpu_cores gauge\nmachine_cpu_cores 2\n/,
  ],
  ['/metrics/none', 404, /^404 page not found\n$/],
  ['/configz', 200, /^{"kubeletconfig":{.*"staticPodPath":"\/m",.*"clusterDNS":\["1.2.3.4"\]/],
  [
    '/runningpods/',
    200,
    /"items":\[{"metadata":{"name":"web","namespace":"default","uid":"[^"]+","creationTimestamp":null},"spec":{"containers":\[{"name":"app","image":/,
  ],
  ['/logs/', 200, /<a href="%3Ca%3E.log">&#60;a&#62;.log<\/a>\n/],
  ['/logs/0.log', 200, /stdout F one/],
  ['/logs/none', 404, /^404 page not found\n$/],
  ['/logs/%2e%2e/%2e%2e/etc/passwd', 404, /^404 page not found\n$/],
] as const

for (const [path, code, body] of answers) {
  test(`GET ${path} answers ${code}`, async () => {
    const answer = await agent.get(path, 'admin')
    assert.equal(answer.code, code)
    assert.match(answer.body, body)
  })
}

test('POST /run runs a command', async () => {
  const { body } = await agent.get('/run/default/web/app?cmd=ls%20-l', 'admin', 'POST')
  assert.equal(body, 'ran ls+-l!')
})

test('a client of WebSocket v5 alone is refused, so that kubectl goes on with SPDY', async () => {
  const socket = await agent.dial('admin')
  const headers = ['Host: n1', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Protocol: v5.channel.k8s.io']
  socket.write(`GET /exec/default/web/app?output=1&command=ls HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`)
  const answer = Buffer.concat(await Array.fromAsync(socket as AsyncIterable<Buffer>)).toString()
  assert.match(answer, /^HTTP\/1.1 403 Forbidden\r\n/)
})

test('accessOf() names the subresources that allow a path', () => {
  assert.deepEqual(accessOf('GET', '/pods'), { verb: 'get', subresources: ['pods', 'proxy'] })
  assert.deepEqual(accessOf('POST', '/exec/a/b/c'), { verb: 'create', subresources: ['proxy'] })
  assert.deepEqual(accessOf('GET', '/metrics/resource'), { verb: 'get', subresources: ['metrics'] })
  assert.deepEqual(accessOf('GET', '/stats/summary'), { verb: 'get', subresources: ['stats'] })
})

test('reviewAccess() keeps what is allowed five minutes and what is not thirty seconds', async () => {
  const clock = new VirtualClock()
  const asked: string[] = []
  const create = async (_kind: unknown, { spec }: { spec: { user: string; resourceAttributes: { subresource: string } } }) => {
    asked.push(`${spec.user} ${spec.resourceAttributes.subresource}`)
    return { status: { allowed: spec.user === 'a' && spec.resourceAttributes.subresource === 'proxy' } }
  }
  const authorize = reviewAccess({ client: { create } as unknown as Client, clock, nodeName: 'n1' })
  const may = (name: string) => authorize({ name, groups: [] }, { ...accessOf('GET', '/pods'), path: '/pods' })
  assert.equal(await may('a'), true)
  assert.equal(await may('b'), false)
  assert.deepEqual(asked.splice(0), ['a pods', 'a proxy', 'b pods', 'b proxy'])
  await may('a')
  await may('b')
  assert.deepEqual(asked, [])
  clock.advanceTo(clock.now() + 30_000)
  await may('a')
  await may('b')
  assert.deepEqual(asked, ['a pods', 'b pods', 'b proxy'])
  assert(SubjectAccessReview)
})

const waiting = [
  [{ waiting: { reason: 'ContainerCreating' } }, 'is waiting to start: ContainerCreating'],
  [{ waiting: { reason: 'ErrImagePull' } }, `is waiting to start: image can't be pulled`],
  [{ waiting: { reason: 'ImagePullBackOff' } }, 'is waiting to start: trying and failing to pull image'],
  [{}, 'is waiting to start - no logs yet'],
] as const

for (const [state, text] of waiting) {
  test(`containerForLogs() says: ${text}`, () => {
    const message = `container "app" in pod "web" ${text}`
    assert.throws(() => containerForLogs(podWith({ name: 'app', state }), 'app', false), { code: 400, message })
  })
}

test('containerForLogs() takes the last run of a container that waits to be restarted', () => {
  const pod = podWith({
    name: 'app',
    state: { waiting: { reason: 'CrashLoopBackOff' } },
    lastState: { terminated: { containerID: 'containerd://old' } },
  })
  assert.equal(containerForLogs(pod, 'app', false), 'old')
  assert.equal(containerForLogs(pod, 'app', true), 'old')
})

test('streamOptions() drops stderr with a terminal and asks for at least one stream', () => {
  const options = streamOptions(new URLSearchParams('input=1&output=1&error=1&tty=1'))
  assert.deepEqual(options, { stdin: true, stdout: true, stderr: false, tty: true })
  assert.throws(() => streamOptions(new URLSearchParams('tty=1')), { code: 400 })
})
