/** What objects cost by themselves: the memory of pods that are held and never asked for, and the checks of one that arrives. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Pod } from '#api/core/v1/pod.ts'
import { decode } from '#schema/decode.ts'
import { applyDefaults } from '#schema/default.ts'
import type { KubeObject } from '#schema/kind.ts'
import { validateObject } from '#schema/validate.ts'
import { encodeStored } from '#store/splice.ts'
import { defineBench, type Figure } from './define-bench.ts'
import { type BenchServer, benchServer } from './load/bench-server.ts'

const many = 150_000
const size = 4096
const rounds = 81
const each = 500

export default defineBench({
  name: 'objects',
  async run(report) {
    report(checks())
    await using nami = await benchServer()
    report(await held(nami))
  },
})

/** Processor time of this thread for validation and defaults, the median of the later rounds, when all is compiled. */
function checks(): Figure {
  const text = JSON.stringify(typicalPod(0))
  const took: number[] = []
  for (let round = 0; round < rounds; round++) {
    const pods = Array.from({ length: each }, () => decode(Pod.schema, JSON.parse(text)) as KubeObject)
    const before = process.threadCpuUsage()
    for (const pod of pods) {
      applyDefaults(Pod, pod)
      const errors = validateObject(Pod, pod)
      if (errors.length > 0) throw new Error(String(errors[0]))
    }
    const { user, system } = process.threadCpuUsage(before)
    took.push((user + system) / each)
  }
  const later = took.slice(rounds >> 1).sort((a, b) => a - b)
  const value = later[later.length >> 1] as number
  return { what: 'validation and defaults of a pod', value, unit: 'us', limit: { what: 'aim', value: 50 } }
}

/** Of the second half: what is kept of decoded objects has its bound, and reaches it in the first. */
async function held({ server, client }: BenchServer): Promise<Figure> {
  const { store } = server.registry
  await client.list(Pod, { namespace: 'default' })
  const memory: number[] = []
  for (let i = 0; i < many; ) {
    const group = Array.from({ length: 1000 }, () => {
      const value = encodeStored(typicalPod(i, size))
      const put = { op: 'put' as const, key: `/registry/pods/default/pod-${i++}`, value }
      return store.txn({ compare: [], success: [put], cause: { user: 'bench', time: 0, request: 'bench' } })
    })
    await Promise.all(group)
    if (i !== many / 2 && i !== many) continue
    await store.compact((await store.status()).revision)
    await client.get(Pod, { namespace: 'default', name: 'pod-0' })
    memory.push(inUse())
  }
  const [half = 0, all = 0] = memory
  return {
    what: `memory of each of ${many.toLocaleString('en')} pods beyond its ${size} bytes`,
    value: (all - half) / (many / 2) - size,
    unit: 'bytes',
    limit: { what: 'aim', value: 1536 },
    note: `${(all / 1e6).toFixed(0)} MB of the process at the end`,
  }
}

const collect = (() => {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
})()

function inUse(): number {
  collect()
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** Two containers with all that people write, filled up to so many bytes. */
function typicalPod(i: number, wanted = 0): KubeObject {
  const container = (name: string) => ({
    ...{ name, image: `registry.example.com/${name}:1.2.3`, args: ['--verbose', '--port=8080'] },
    ports: [{ name: 'http', containerPort: 8080 }],
    env: [
      { name: 'LEVEL', value: 'info' },
      { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    ],
    resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } },
    volumeMounts: [{ name: 'data', mountPath: '/data' }],
    readinessProbe: { httpGet: { path: '/healthz', port: 'http' }, periodSeconds: 5 },
    securityContext: { allowPrivilegeEscalation: false, runAsNonRoot: true, capabilities: { drop: ['ALL'] } },
  })
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...{ name: `pod-${i}`, namespace: 'default', uid: `00000000-0000-0000-0000-${String(i).padStart(12, '0')}` },
      ...{ creationTimestamp: '2026-01-01T00:00:00Z', labels: { app: 'web', tier: 'front' }, annotations: { padding: '' } },
    },
    spec: {
      ...{ containers: [container('main'), container('helper')], volumes: [{ name: 'data', emptyDir: {} }] },
      ...{ nodeSelector: { 'kubernetes.io/os': 'linux' }, tolerations: [{ key: 'special', operator: 'Exists' }] },
    },
    status: { phase: 'Running' },
  }
  pod.metadata.annotations.padding = 'a'.repeat(Math.max(0, wanted - JSON.stringify(pod).length))
  return pod as unknown as KubeObject
}
