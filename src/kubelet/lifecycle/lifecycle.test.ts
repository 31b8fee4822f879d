import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Node } from '#api/core/v1/node.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import type { Draft } from '#schema/words.ts'
import { memoryFiles, memoryVolumes } from '../containers/memory-files.ts'
import { MemoryRuntime } from '../cri/memory-runtime.ts'
import { containerConfig, sandboxConfig } from '../cri/test-configs.ts'
import { overgrown } from '../volumes/size-limits.ts'
import { collectDead, removeOrphans } from './housekeeping.ts'
import { graceOf } from './kill-pod.ts'
import { admit, requestsOf } from './node-admission.ts'

const c = (name: string, over = {}) => ({ name, image: 'app:1', resources: {}, ...over })
const asks = (cpu: string, over = {}) => c('main', { resources: { requests: { cpu } }, ...over })

function pod(spec: Draft<Pod['spec']> = {}, metadata = {}): Pod {
  return {
    metadata: { name: 'web', uid: 'u1', ...metadata },
    spec: { containers: [c('main')], ...spec },
    status: {},
  } as unknown as Pod
}

function node(over: { labels?: object; taints?: object[] } = {}): Node {
  return {
    metadata: { name: 'n1', labels: { zone: 'a', size: '4', ...over.labels } },
    spec: { taints: over.taints ?? [] },
    status: { allocatable: { cpu: '2', memory: '4Gi', pods: '2' } },
  } as unknown as Node
}

const affinity = (key: string, operator: string, values: string[] = []) =>
  ({
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key, operator, values }] }],
        },
      },
    },
  }) as Draft<Pod['spec']>

const sysctl = (name: string): Draft<Pod['spec']> => ({ securityContext: { sysctls: [{ name, value: '1' }] } })
const port = { ports: [{ containerPort: 80, hostPort: 80, protocol: 'TCP' }] }
const strict: Draft<Pod['spec']> = { securityContext: { supplementalGroupsPolicy: 'Strict' } }
const taints = [{ key: 'k', effect: 'NoExecute' }]

const admissions: [it: string, spec: Draft<Pod['spec']>, others: Pod[], node: Node, want: string | undefined][] = [
  ['a pod that fits', { containers: [asks('1')] }, [pod({ containers: [asks('1')] })], node(), undefined],
  ['a pod beyond the CPUs', { containers: [asks('1500m')] }, [pod({ containers: [asks('1')] })], node(), 'OutOfcpu'],
  ['a pod beyond the number', {}, [pod(), pod()], node(), 'OutOfpods'],
  [
    'a resource that is not counted on the node',
    { containers: [c('main', { resources: { requests: { 'example.com/gpu': '1' } } })] },
    [],
    node(),
    undefined,
  ],
  ['a selector that matches', { nodeSelector: { zone: 'a' } }, [], node(), undefined],
  ['a selector that does not', { nodeSelector: { zone: 'b' } }, [], node(), 'NodeAffinity'],
  ['affinity In', affinity('zone', 'In', ['a', 'b']), [], node(), undefined],
  ['affinity NotIn', affinity('zone', 'NotIn', ['a']), [], node(), 'NodeAffinity'],
  ['affinity Gt', affinity('size', 'Gt', ['3']), [], node(), undefined],
  ['affinity DoesNotExist', affinity('size', 'DoesNotExist'), [], node(), 'NodeAffinity'],
  ['a host port in use', { containers: [c('main', port)] }, [pod({ containers: [c('main', port)] })], node(), 'NodePorts'],
  ['a safe sysctl', sysctl('net/ipv4/tcp_rmem'), [], node(), undefined],
  ['an unsafe sysctl', sysctl('kernel.msgmax'), [], node(), 'SysctlForbidden'],
  ["a sysctl of the node's network", { ...sysctl('net.ipv4.tcp_rmem'), hostNetwork: true }, [], node(), 'SysctlForbidden'],
  ['strict groups', strict, [], node({}), 'SupplementalGroupsPolicyNotSupported'],
  ['a taint', {}, [], node({ taints }), 'TaintToleration'],
  ['a tolerated taint', { tolerations: [{ key: 'k', operator: 'Exists' }] }, [], node({ taints }), undefined],
]

for (const [it, spec, others, on, want] of admissions) {
  test(`admit() answers ${want ?? 'nothing'} for ${it}`, () => assert.equal(admit(pod(spec), others, on)?.reason, want))
}

test('requestsOf() takes the larger of init and regular containers, sidecars always', () => {
  const sidecar = (cpu: string) => c('s', { restartPolicy: 'Always', resources: { requests: { cpu } } })
  const subject = pod({ initContainers: [sidecar('100m'), asks('2')], containers: [asks('500m')], overhead: { cpu: '10m' } })
  assert.equal(requestsOf(subject).get('cpu'), 2110)
})

const probe = { terminationGracePeriodSeconds: 3 }
for (const [it, subject, reason, want] of [
  ['the pod', pod({ terminationGracePeriodSeconds: 30 }), undefined, 30],
  ['the deletion', pod({ terminationGracePeriodSeconds: 30 }, { deletionGracePeriodSeconds: 5 }), 'liveness', 5],
  ['a forced deletion', pod({}, { deletionGracePeriodSeconds: 0 }), undefined, 1],
  ['the probe', pod({ terminationGracePeriodSeconds: 30, containers: [c('main', { livenessProbe: probe })] }), 'liveness', 3],
  [
    'the pod for another probe',
    pod({ terminationGracePeriodSeconds: 30, containers: [c('main', { livenessProbe: probe })] }),
    'startup',
    30,
  ],
] as const) {
  test(`graceOf() follows ${it}`, () => assert.equal(graceOf(subject, subject.spec.containers[0], reason), want))
}

test('overgrown() measures emptyDirs that have a limit', async () => {
  const root = await mkdtemp(join(tmpdir(), 'size-'))
  try {
    const folder = join(root, 'pods/u1/volumes/kubernetes.io~empty-dir/data')
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'f'), Buffer.alloc(100_000, 1))
    const at = { rootDirectory: root, logDirectory: root, layers: new Map([['main', 50_000]]) }
    const volumes = (sizeLimit: string) => pod({ volumes: [{ name: 'data', emptyDir: { sizeLimit } }] })
    assert.equal(await overgrown(volumes('1Mi'), at), undefined)
    assert.equal(await overgrown(volumes('64Ki'), at), 'Usage of EmptyDir volume "data" exceeds the limit "64Ki". ')
    const stored = (limit: string, over = {}) =>
      pod({ containers: [c('main', { resources: { limits: { 'ephemeral-storage': limit } } })], ...over })
    assert.equal(await overgrown(stored('64Ki'), at), undefined)
    const text = 'Pod ephemeral local storage usage exceeds the total limit of containers 16Ki. '
    assert.equal(await overgrown(stored('16Ki'), at), text)
    const volume = { volumes: [{ name: 'data', emptyDir: {} }] }
    assert.match((await overgrown(stored('64Ki', volume), at)) ?? '', /^Pod ephemeral local storage usage exceeds/)
    const limits = ['16Ki', '1Mi'].map((limit, i) =>
      c(i ? 'b' : 'main', { resources: { limits: { 'ephemeral-storage': limit } } }),
    )
    const own = 'Container main exceeded its local ephemeral storage limit "16Ki". '
    assert.equal(await overgrown(pod({ containers: limits }), at), own)
  } finally {
    await rm(root, { recursive: true })
  }
})

test('removeOrphans() ends pods that nobody knows, and collectDead() keeps one dead container', async () => {
  const clock = new VirtualClock()
  const runtime = new MemoryRuntime({ clock })
  runtime.addImage('app:1')
  const run = async (name: string, attempts: number) => {
    const config = sandboxConfig(name)
    const sandbox = await runtime.runPodSandbox(config)
    for (let attempt = 0; attempt < attempts; attempt++) {
      const labels = { 'io.kubernetes.pod.uid': config.metadata.uid, 'io.kubernetes.container.name': 'main' }
      const container = containerConfig('main', { image: 'app:1', metadata: { name: 'main', attempt }, labels })
      const id = await runtime.createContainer(sandbox, container, config)
      await runtime.startContainer(id)
      runtime.exit(id, 1)
      clock.advanceTo(clock.now() + 1000)
    }
    return config.metadata.uid
  }
  const kept = await run('kept', 3)
  await run('orphan', 1)
  const means = { runtime, clock, volumes: memoryVolumes(), files: memoryFiles(), known: () => new Set([kept]) }
  await removeOrphans(means)
  assert.deepEqual(
    (await runtime.listPodSandboxes()).map(({ metadata }) => metadata.name),
    ['kept'],
  )
  clock.advanceTo(clock.now() + 120_000)
  await collectDead(means)
  assert.deepEqual(
    (await runtime.listContainers()).map(({ metadata }) => metadata.attempt),
    [2],
  )
})
