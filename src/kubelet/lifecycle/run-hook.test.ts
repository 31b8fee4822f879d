import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import type { Pod } from '#api/core/v1/pod.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import type { Container } from '../containers/pod-names.ts'
import { MemoryRuntime } from '../cri/memory-runtime.ts'
import { networkDialer } from '../probes/dialer.ts'
import { runHook } from './run-hook.ts'

async function get(scheme: 'HTTP' | 'HTTPS', status: number) {
  const seen: (string | undefined)[] = []
  const server = createServer((request, response) => {
    seen.push(request.headers.authorization)
    response.writeHead(status).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const events: string[] = []
  const clock = new VirtualClock()
  const means = {
    ...{ clock, dialer: networkDialer, runtime: new MemoryRuntime({ clock }) },
    record: (_: Pod, { reason }: { reason: string }) => void events.push(reason),
  }
  const pod = { metadata: { name: 'web' }, spec: {} } as Pod
  const target = { pod, container: { name: 'main', resources: {} } as Container, containerId: 'c', podIp: '127.0.0.1' }
  const httpHeaders = [{ name: 'Authorization', value: 'Bearer x' }]
  const action = { path: '/', port, scheme, httpHeaders }
  try {
    await runHook({ httpGet: action }, { ...target, signal: new AbortController().signal }, means)
  } finally {
    server.close()
  }
  return { seen, events }
}

test('runHook() takes every answer for one', async () => {
  assert.deepEqual(await get('HTTP', 500), { seen: ['Bearer x'], events: [] })
})

test('runHook() asks again without TLS where there is none, and says so', async () => {
  assert.deepEqual(await get('HTTPS', 200), { seen: [undefined], events: ['LifecycleHTTPFallback'] })
})
