import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import type { Pod } from '#api/core/v1/pod.ts'
import type { Probe } from '#api/core/v1/probe.ts'
import { systemClock } from '#lib/clock.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import type { Container } from '../containers/pod-names.ts'
import { MemoryRuntime } from '../cri/memory-runtime.ts'
import { type GrpcHealth, type HttpAnswer, networkDialer, type ProbeDialer } from './dialer.ts'
import { runProbe } from './run-probe.ts'

const pod = { metadata: { name: 'web', namespace: 'ns', uid: 'u1' } } as Pod
const container = { name: 'main', ports: [{ name: 'http', containerPort: 8080 }] } as unknown as Container
const target = { pod, container, containerId: 'c1', podIp: '10.0.0.2' }
const runtime = new MemoryRuntime({ clock: new VirtualClock() })

interface Fake {
  http?: (url: URL) => HttpAnswer
  refuses?: boolean
  grpc?: GrpcHealth
}

function dialer({ http = () => ({ status: 200, body: '' }), refuses, grpc = { status: 'SERVING' } }: Fake): ProbeDialer {
  const refuse = ({ host, port }: { host: string; port: number }) => {
    throw new Error(`dial tcp ${host}:${port}: connect: connection refused`)
  }
  return {
    http: async ({ url }) => (refuses ? refuse({ host: url.hostname, port: Number(url.port) }) : http(url)),
    tcp: async (to) => void (refuses && refuse(to)),
    grpc: async () => grpc,
  }
}

const get = { httpGet: { path: '/ready', port: 'http' } } as Probe
const tcp = { tcpSocket: { port: 5432 } } as Probe
const grpc = { grpc: { port: 50051, service: '' } } as Probe

const cases: [it: string, probe: Probe, fake: Fake, result: string, output: string][] = [
  ['a page', get, {}, 'success', ''],
  ['an error page', get, { http: () => ({ status: 404, body: '' }) }, 'failure', 'HTTP probe failed with statuscode: 404'],
  [
    'a refused connection',
    get,
    { refuses: true },
    'failure',
    'Get "http://10.0.0.2:8080/ready": dial tcp 10.0.0.2:8080: connect: connection refused',
  ],
  [
    'a redirection to itself',
    get,
    {
      http: ({ pathname }) =>
        pathname === '/ready' ? { status: 302, body: '', location: '/other' } : { status: 200, body: 'x' },
    },
    'success',
    'x',
  ],
  [
    'a redirection elsewhere',
    get,
    { http: () => ({ status: 302, body: 'moved', location: 'http://example.com/' }) },
    'warning',
    'Probe terminated redirects, Response body: moved',
  ],
  [
    'an endless redirection',
    get,
    { http: () => ({ status: 302, body: '', location: '/ready' }) },
    'failure',
    'Get "http://10.0.0.2:8080/ready": stopped after 10 redirects',
  ],
  ['an open port', tcp, {}, 'success', ''],
  ['a closed port', tcp, { refuses: true }, 'failure', 'dial tcp 10.0.0.2:5432: connect: connection refused'],
  ['a healthy service', grpc, {}, 'success', 'service healthy'],
  [
    'an unhealthy service',
    grpc,
    { grpc: { status: 'NOT_SERVING' } },
    'failure',
    'service unhealthy (responded with "NOT_SERVING")',
  ],
  [
    'a silent service',
    grpc,
    { grpc: { error: 'timeout', message: '' } },
    'failure',
    'timeout: failed to connect service "10.0.0.2:50051" within 1s: context deadline exceeded',
  ],
]

for (const [it, probe, fake, result, output] of cases) {
  test(`runProbe() answers ${result} for ${it}`, async () => {
    const got = await runProbe(probe, target, { runtime, dialer: dialer(fake), clock: new VirtualClock() })
    assert.deepEqual(got, { result, output })
  })
}

test('networkDialer speaks HTTP and TCP, with errors in Go’s words', async () => {
  const server = createServer((request, response) => {
    response.end(`${request.headers['user-agent']} ${request.headers.host} ${request.headers['x-own']}`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const means = { runtime, dialer: networkDialer, clock: systemClock }
  const probe = { httpGet: { port, host: '127.0.0.1', httpHeaders: [{ name: 'X-Own', value: '1' }] } } as unknown as Probe
  assert.deepEqual(await runProbe(probe, target, means), { result: 'success', output: `kube-probe/1.36 127.0.0.1:${port} 1` })
  assert.equal((await runProbe({ tcpSocket: { port, host: '127.0.0.1' } } as Probe, target, means)).result, 'success')
  server.close()
  server.closeAllConnections()
  assert.deepEqual(await runProbe(probe, target, means), {
    result: 'failure',
    output: `Get "http://127.0.0.1:${port}/": dial tcp 127.0.0.1:${port}: connect: connection refused`,
    isRefused: true,
  })
})

test('networkDialer asks grpc.health.v1', async () => {
  const { Server, ServerCredentials } = await import('@grpc/grpc-js')
  const server = new Server()
  const identity = (bytes: Buffer) => bytes
  const check = {
    path: '/grpc.health.v1.Health/Check',
    requestStream: false,
    responseStream: false,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  }
  server.addService({ check } as never, {
    check: (call: { request: Buffer }, done: (error: null, answer: Buffer) => void) => {
      done(null, Buffer.from([0x08, call.request.includes('sick') ? 2 : 1]))
    },
  })
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, at) => (error ? reject(error) : resolve(at)))
  })
  const ask = (service: string) => {
    const probe = { grpc: { port, service }, timeoutSeconds: 5 } as Probe
    return runProbe(probe, { ...target, podIp: '127.0.0.1' }, { runtime, dialer: networkDialer, clock: systemClock })
  }
  assert.equal((await ask('')).result, 'success')
  assert.equal((await ask('sick')).output, 'service unhealthy (responded with "NOT_SERVING")')
  server.forceShutdown()
})
