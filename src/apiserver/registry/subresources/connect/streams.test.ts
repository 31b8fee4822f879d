/** Real containers behind a real API server, and the real kubectl. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Pod } from '#api/core/v1/pod.ts'
import { kinds } from '#api/kinds.ts'
import { publishStages } from '#apiserver/publish/publish.ts'
import { containerConfig, sandboxConfig } from '#kubelet/cri/test-configs.ts'
import { type TestAgent, testAgent } from '#testing/agent-server.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { busybox, noContainerd, type TestContainerd, testContainerd } from '#testing/containerd.ts'
import { type LoopbackSocket, listenOnLoopback } from '#testing/loopback.ts'
import { olderKubectl, realClients } from '#testing/real-clients.ts'

const { kubectl, missing } = realClients()
const skip = noContainerd() || missing
let bed: TestContainerd
let agent: TestAgent
let cluster: TestCluster
let front: LoopbackSocket
let config: string

before(async () => {
  if (skip) return
  bed = await testContainerd({ network: 'host' })
  const publish = publishStages({ kinds: () => kinds, gitVersion: 'v1.36.0', platform: 'linux/amd64' })
  const nodeDialer = { dial: () => agent.dial('system:kube-apiserver') }
  cluster = await testCluster({ nodeDialer, publish })
  const draft = {
    metadata: { name: 'web', namespace: 'default' },
    spec: { nodeName: 'n1', containers: [{ name: 'app', image: busybox }] },
  }
  const created = await cluster.client.create(Pod, draft)
  const containerID = await startContainer(created)
  const status = { phase: 'Running', containerStatuses: [{ name: 'app', containerID, state: { running: {} } }] }
  const pod = await cluster.client.update(Pod, { ...created, status } as Pod, { subresource: 'status' })
  agent = await testAgent({ runtime: bed.runtime, pods: () => [{ ...pod, status } as Pod] })
  front = await listenOnLoopback(cluster, (error) => assert.fail(String(error)))
  config = join(bed.directory, 'kubeconfig')
  writeFileSync(config, kubeconfig(front))
})

async function startContainer({ metadata }: Pod): Promise<string> {
  const { runtime, directory } = bed
  const namespaces = { network: 'node', pid: 'container', ipc: 'pod' } as const
  const base = sandboxConfig('web', { hostname: '', namespaces, logDirectory: join(directory, 'logs') })
  const uid = metadata.uid as string
  const sandboxOf = { ...base, metadata: { ...base.metadata, uid }, labels: { ...base.labels, 'io.kubernetes.pod.uid': uid } }
  const sandbox = await runtime.runPodSandbox(sandboxOf)
  const app = containerConfig('app', { image: busybox })
  const security = { ...app.security, namespaces }
  const id = await runtime.createContainer(
    sandbox,
    { ...app, stdin: true, command: ['cat'], logPath: '0.log', security },
    sandboxOf,
  )
  await runtime.startContainer(id)
  return `containerd://${id}`
}

function kubeconfig({ port, pki }: LoopbackSocket): string {
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  const where = { server: `https://127.0.0.1:${port}`, 'certificate-authority-data': base64(pki.ca.certificate) }
  const who = { 'client-certificate-data': base64(pki.admin.certificate), 'client-key-data': base64(pki.admin.key) }
  return JSON.stringify({
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'a' },
    clusters: [{ name: 'a', cluster: where }],
    users: [{ name: 'a', user: who }],
    contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }],
  })
}

after(async () => {
  await front?.close(0)
  await agent?.[Symbol.asyncDispose]()
  await cluster?.[Symbol.asyncDispose]()
  await bed?.[Symbol.asyncDispose]()
})

/** Which program asks, and how it is told to. */
interface Asking {
  readonly program?: string
  readonly env?: Readonly<Record<string, string>>
}

function start(args: readonly string[], { program = kubectl, env = {} }: Asking = {}): ChildProcess {
  return spawn(program, ['--kubeconfig', config, ...args], { env: { HOME: bed.directory, ...env } })
}

async function run(
  args: readonly string[],
  { input = '', ...asking }: Asking & { readonly input?: string } = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = start(args, asking)
  child.stdin?.end(input)
  const collect = async (stream: AsyncIterable<Buffer>) => Buffer.concat(await Array.fromAsync(stream)).toString()
  const [stdout, stderr, [code]] = await Promise.all([collect(child.stdout!), collect(child.stderr!), once(child, 'close')])
  return { code, stdout, stderr }
}

/** The first match in what a process prints. */
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

/** WebSockets since 1.30 (exec) and 1.31 (port-forward), SPDY where they are turned off or unknown. */
const [v33, v20] = [olderKubectl(33), olderKubectl(20)]
const spdy = { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'false', KUBECTL_PORT_FORWARD_WEBSOCKETS: 'false' }
const roads: readonly (Asking & { readonly name: string; readonly missing?: string | false })[] = [
  { name: 'kubectl 1.36' },
  { name: 'kubectl 1.36 over SPDY', env: spdy },
  { name: 'kubectl 1.33', program: v33.kubectl, missing: v33.missing },
  { name: 'kubectl 1.20', program: v20.kubectl, missing: v20.missing },
]

// They mostly wait: for processes to start, and for each other.
describe('kubectl', { concurrency: true }, () => {
  for (const { name, missing = false, ...asking } of roads) {
    test(`${name} exec: output, exit code, and stdin to its end`, { skip: skip || missing }, async () => {
      const failed = await run(['exec', 'web', '--', 'sh', '-c', 'echo out; echo err >&2; exit 7'], asking)
      assert.equal(failed.code, 7, failed.stderr)
      assert.equal(failed.stdout, 'out\n')
      assert.match(failed.stderr, /^err\n/)
      const big = 'x'.repeat(1_000_000)
      assert.equal((await run(['exec', '-i', 'web', '--', 'cat'], { ...asking, input: big })).stdout, big)
    })

    test(`${name} port-forward carries bytes both ways`, { skip: skip || missing }, async () => {
      // The pod has the host's network, so this server is the pod's.
      const echo = createTcpServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1')
      await once(echo, 'listening')
      const child = start(['port-forward', 'pod/web', `:${(echo.address() as AddressInfo).port}`], asking)
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
  }

  test('kubectl attach, then logs, see what the container prints', { skip }, async () => {
    const child = start(['attach', '-i', 'web'])
    child.stdin?.write('ping\n')
    await printed(child, /ping/)
    child.kill()
    await once(child, 'close')
    assert.equal((await run(['logs', 'web'])).stdout, 'ping\n')
    const followed = start(['logs', '-f', 'web', '--tail=1'])
    await printed(followed, /ping/)
    followed.kill()
  })

  test('kubectl names what is wrong with a container', { skip }, async () => {
    const other = await run(['logs', 'web', '-c', 'other'])
    assert.equal(other.stderr, 'error: container other is not valid for pod web out of: app\n')
    assert.match((await run(['logs', 'none'])).stderr, /pods "none" not found/)
  })

  test('kubectl cp copies a file in and out', { skip }, async () => {
    const [there, back] = [join(bed.directory, 'there'), join(bed.directory, 'back')]
    writeFileSync(there, 'content')
    const copied = await run(['cp', there, 'web:/tmp/there'])
    assert.equal(copied.code, 0, copied.stderr)
    assert.equal((await run(['exec', 'web', '--', 'cat', '/tmp/there'])).stdout, 'content')
    assert.equal((await run(['cp', 'web:/tmp/there', back])).code, 0)
  })
})
