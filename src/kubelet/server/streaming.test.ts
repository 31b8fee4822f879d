/** Real containers, and the real kubectl. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net'
import { join as joinPath } from 'node:path'
import { after, before, test } from 'node:test'
import { WebSocket } from 'ws'
import type { Pod } from '#api/core/v1/pod.ts'
import { type TestAgent, testAgent } from '#testing/agent-server.ts'
import { busybox, noContainerd, type TestContainerd, testContainerd } from '#testing/containerd.ts'
import { realClients } from '#testing/real-clients.ts'
import { containerConfig, sandboxConfig } from '../cri/test-configs.ts'
import { join } from './upgrade.ts'

const skip = noContainerd()
const { kubectl, missing } = realClients()
const skipKubectl = skip || missing
let bed: TestContainerd
let agent: TestAgent
let front: Server
let pod: Pod

before(async () => {
  if (skip) return
  bed = await testContainerd({ network: 'host' })
  const { runtime, directory } = bed
  const namespaces = { network: 'node', pid: 'container', ipc: 'pod' } as const
  const config = sandboxConfig('web', { hostname: '', namespaces, logDirectory: joinPath(directory, 'logs') })
  const sandbox = await runtime.runPodSandbox(config)
  const base = containerConfig('app', { image: busybox })
  const id = await runtime.createContainer(
    sandbox,
    {
      ...base,
      stdin: true,
      command: ['cat'],
      logPath: '0.log',
      security: { ...base.security, namespaces },
    },
    config,
  )
  await runtime.startContainer(id)
  pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'default', uid: config.metadata.uid },
    spec: { containers: [{ name: 'app', image: busybox }] },
    status: { phase: 'Running', containerStatuses: [{ name: 'app', containerID: `containerd://${id}`, state: { running: {} } }] },
  } as unknown as Pod
  agent = await testAgent({ runtime, pods: () => [pod] })
  front = await frontServer()
})

after(async () => {
  front?.closeAllConnections()
  front?.close()
  await agent?.[Symbol.asyncDispose]()
  await bed?.[Symbol.asyncDispose]()
})

/** As much of an API server as kubectl needs: the pod, and its subresources passed on to the agent. */
async function frontServer(): Promise<Server> {
  const resources = [{ name: 'pods', singularName: 'pod', namespaced: true, kind: 'Pod', verbs: ['get'], shortNames: ['po'] }]
  const objects: Readonly<Record<string, object>> = {
    '/api': { kind: 'APIVersions', versions: ['v1'] },
    '/apis': { kind: 'APIGroupList', apiVersion: 'v1', groups: [] },
    '/api/v1': { kind: 'APIResourceList', groupVersion: 'v1', resources },
    '/api/v1/namespaces/default/pods/web': pod,
  }
  const server = createServer((request, response) => {
    const found = objects[request.url?.split('?')[0] ?? '']
    response.writeHead(found ? 200 : 404, { 'Content-Type': 'application/json' }).end(JSON.stringify(found ?? {}))
  })
  server.on('upgrade', async (request, socket, head) => {
    const url = new URL(request.url ?? '', 'http://front')
    const kind = url.pathname.split('/').at(-1)
    const names = [
      ['stdin', 'input'],
      ['stdout', 'output'],
      ['stderr', 'error'],
    ] as const
    for (const [ours, theirs] of names) if (url.searchParams.get(ours) === 'true') url.searchParams.set(theirs, '1')
    const path = kind === 'portforward' ? '/portForward/default/web' : `/${kind}/default/web/app`
    const upstream = await agent.dial('system:kube-apiserver')
    const headers = request.rawHeaders.flatMap((name, i) => (i % 2 === 0 ? `${name}: ${request.rawHeaders[i + 1]}` : []))
    upstream.write(`${request.method} ${path}${url.search} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`)
    upstream.write(head)
    join(socket, upstream)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

function start(...args: string[]): ChildProcess {
  const { port: frontPort } = front.address() as AddressInfo
  return spawn(kubectl, [`--server=http://127.0.0.1:${frontPort}`, ...args], { env: { HOME: bed.directory } })
}

async function run(args: string[], input = ''): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = start(...args)
  child.stdin?.end(input)
  const collect = async (stream: AsyncIterable<Buffer>) => Buffer.concat(await Array.fromAsync(stream)).toString()
  const [stdout, stderr, [code]] = await Promise.all([collect(child.stdout!), collect(child.stderr!), once(child, 'close')])
  return { code, stdout, stderr }
}

test('exec over WebSocket v4 passes output and status through', { skip }, async () => {
  const socket = await agent.dial('admin')
  const query = 'output=1&error=1&command=sh&command=-c&command=echo+hello%3B+exit+3'
  const client = new WebSocket(`wss://agent/exec/default/web/app?${query}`, 'v4.channel.k8s.io', {
    createConnection: () => socket,
  })
  const channels: Record<number, string> = {}
  client.on('message', (data: Buffer) => {
    channels[data[0]!] = (channels[data[0]!] ?? '') + data.subarray(1).toString()
  })
  await once(client, 'close')
  assert.equal(channels[1], 'hello\n')
  assert.match(channels[3] ?? '', /"reason":"ExitCode","message":"3"/)
})

test('kubectl exec: output, exit code, and stdin to its end', { skip: skipKubectl }, async () => {
  const failed = await run(['exec', 'web', '--', 'sh', '-c', 'echo out; echo err >&2; exit 7'])
  assert.equal(failed.code, 7, failed.stderr)
  assert.equal(failed.stdout, 'out\n')
  assert.match(failed.stderr, /^err\n/)
  const big = 'x'.repeat(1_000_000)
  assert.equal((await run(['exec', '-i', 'web', '--', 'cat'], big)).stdout, big)
})

test('kubectl attach sees what the container prints', { skip: skipKubectl }, async () => {
  const child = start('attach', '-i', 'web')
  child.stdin?.write('ping\n')
  await printed(child, /ping/)
  child.kill()
})

/** The first match in what a process prints. Its output is read on to the end, for a closed one would end the process. */
function printed(child: ChildProcess, pattern: RegExp): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    let text = ''
    child.stdout?.on('data', (chunk) => {
      text += chunk
      const match = pattern.exec(text)
      if (match) resolve(match)
    })
    child.on('close', () => reject(new Error(`ended after: ${text}`)))
  })
}

test('kubectl port-forward carries bytes both ways', { skip: skipKubectl }, async () => {
  // The pod has the host's network, so this server is the pod's.
  const echo = createTcpServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1')
  await once(echo, 'listening')
  const child = start('port-forward', 'pod/web', `:${(echo.address() as AddressInfo).port}`)
  try {
    const [, local] = await printed(child, /Forwarding from 127.0.0.1:(\d+)/)
    for (let round = 0; round < 3; round++) {
      const socket = connect(Number(local), '127.0.0.1')
      socket.write(`hello ${round}`)
      const [data] = await once(socket, 'data')
      assert.equal(data.toString(), `hello ${round}`)
      socket.destroy()
    }
  } finally {
    child.kill()
    echo.close()
  }
})
