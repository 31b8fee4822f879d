/** Random nodes and pods, small in variety, so that they meet each other's rules often. */
import type { Node } from '#api/core/v1/node.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import type { Random } from '#lib/random.ts'

const zones = ['z1', 'z2', 'z3']
const apps = ['a', 'b', 'c']
const keys = ['zone', 'kubernetes.io/hostname', 'rack']

function pick<T>(random: Random, from: readonly T[]): T {
  return from[Math.floor(random.next() * from.length)] as T
}

export function randomNode(name: string, random: Random): Node {
  const often = (share: number) => random.next() < share
  const taints = [
    ...(often(0.15) ? [{ key: 'hard', value: pick(random, ['x', 'y']), effect: 'NoSchedule' }] : []),
    ...(often(0.2) ? [{ key: 'soft', effect: 'PreferNoSchedule' }] : []),
  ]
  const labels = {
    ...(often(0.95) && { 'kubernetes.io/hostname': name }),
    ...(often(0.85) && { zone: pick(random, zones) }),
    ...(often(0.5) && { rack: pick(random, ['r1', 'r2']) }),
    ...(often(0.3) && { disk: pick(random, ['ssd', 'hdd']) }),
  }
  const allocatable = {
    cpu: pick(random, ['1', '2', '4']),
    memory: pick(random, ['1Gi', '2Gi', '4Gi']),
    pods: pick(random, ['3', '10']),
  }
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, uid: `node-${name}`, labels },
    spec: { ...(often(0.1) && { unschedulable: true }), ...(taints.length > 0 && { taints }) },
    status: { allocatable },
  } as unknown as Node
}

/** With `nodeName` it runs there. */
export function randomPod(name: string, random: Random, nodeName?: string): Pod {
  const often = (share: number) => random.next() < share
  const requests = {
    ...(often(0.7) && { cpu: pick(random, ['100m', '500m', '1']) }),
    ...(often(0.6) && { memory: pick(random, ['100Mi', '512Mi', '1Gi']) }),
  }
  const ports = often(0.1) ? [{ containerPort: 1, hostPort: pick(random, [80, 81]), protocol: 'TCP' }] : undefined
  const affinity = randomAffinity(random)
  const spread = often(0.4) ? randomSpread(random) : undefined
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...{ name, uid: `pod-${name}`, namespace: pick(random, ['default', 'default', 'other']) },
      labels: { app: pick(random, apps) },
      ...(nodeName && often(0.05) && { deletionTimestamp: '2026-01-01T00:00:00Z' }),
    },
    spec: {
      containers: [{ name: 'main', image: 'a', resources: { requests }, ...(ports && { ports }) }],
      priority: Math.floor(random.next() * 4),
      ...(nodeName && { nodeName }),
      ...(often(0.2) && { nodeSelector: { disk: 'ssd' } }),
      ...(often(0.3) && { tolerations: [{ key: pick(random, ['hard', 'soft']), operator: 'Exists' }] }),
      ...(affinity && { affinity }),
      ...(spread && { topologySpreadConstraints: spread }),
    },
    status: {},
  } as unknown as Pod
}

function randomTerm(random: Random) {
  return {
    topologyKey: pick(random, keys),
    labelSelector: { matchLabels: { app: pick(random, apps) } },
    ...(random.next() < 0.2 && { namespaces: ['default', 'other'] }),
  }
}

function randomAffinity(random: Random) {
  const often = (share: number) => random.next() < share
  const weighted = () => [{ weight: 1 + Math.floor(random.next() * 100), podAffinityTerm: randomTerm(random) }]
  const side = (share: number) => {
    const needed = often(share) ? [randomTerm(random), ...(often(0.2) ? [randomTerm(random)] : [])] : undefined
    const wished = often(share) ? weighted() : undefined
    return {
      ...(needed && { requiredDuringSchedulingIgnoredDuringExecution: needed }),
      ...(wished && { preferredDuringSchedulingIgnoredDuringExecution: wished }),
    }
  }
  const preference = { matchExpressions: [{ key: 'zone', operator: 'In', values: [pick(random, zones)] }] }
  return {
    podAffinity: side(0.2),
    podAntiAffinity: side(0.2),
    ...(often(0.3) && {
      nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 10, preference }] },
    }),
  }
}

function randomSpread(random: Random) {
  const one = (topologyKey: string) => ({
    topologyKey,
    maxSkew: 1 + Math.floor(random.next() * 2),
    whenUnsatisfiable: pick(random, ['DoNotSchedule', 'ScheduleAnyway']),
    labelSelector: { matchLabels: { app: pick(random, apps) } },
    ...(random.next() < 0.3 && { nodeTaintsPolicy: 'Honor' }),
    ...(random.next() < 0.2 && { nodeAffinityPolicy: 'Ignore' }),
  })
  return random.next() < 0.3 ? [one('zone'), one('kubernetes.io/hostname')] : [one(pick(random, keys))]
}

/** As `randomNode`, with images and things of which there are few. */
export function richNode(name: string, random: Random): Node {
  const node = randomNode(name, random)
  const sizes = ['a', 'b', 'c'].filter(() => random.next() < 0.4)
  const images = sizes.map((image) => ({ names: [`${image}:latest`], sizeBytes: Math.floor(random.next() * 900) * 1024 * 1024 }))
  const allocatable = { ...node.status.allocatable, 'example.com/thing': pick(random, ['0', '2', '5']) }
  return { ...node, status: { ...node.status, allocatable, images } } as unknown as Node
}

export const claimNames = ['v1', 'v2', 'v3'] as const
export const deviceClaimNames = ['d1', 'd2'] as const

/** As `randomPod`, with init containers, sidecars, overhead, requests of the whole, images, volumes, and claims for devices where it does not run yet. */
export function richPod(name: string, random: Random, nodeName?: string): Pod {
  const pod = randomPod(name, random, nodeName)
  const often = (share: number) => random.next() < share
  const requests = () => ({
    ...(often(0.6) && { cpu: pick(random, ['100m', '500m', '1500m']) }),
    ...(often(0.5) && { memory: pick(random, ['100Mi', '700Mi']) }),
    ...(often(0.3) && { 'example.com/thing': pick(random, ['1', '2']) }),
  })
  const container = (kind: string) => ({ name: kind, image: pick(random, apps), resources: { requests: requests() } })
  const initContainers = [1, 2, 3].flatMap((i) => {
    if (!often(0.3)) return []
    return [{ ...container(`init-${i}`), ...(often(0.5) && { restartPolicy: 'Always' }) }]
  })
  const [main] = pod.spec.containers
  const volumes = claimNames
    .filter(() => often(0.15))
    .map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } }))
  const claims = nodeName ? [] : deviceClaimNames.filter(() => often(0.2))
  return {
    ...pod,
    spec: {
      ...pod.spec,
      containers: [{ ...main, image: pick(random, apps) }, ...(often(0.4) ? [container('second')] : [])],
      ...(initContainers.length > 0 && { initContainers }),
      ...(often(0.4) && { overhead: { cpu: '50m', memory: '64Mi' } }),
      ...(often(0.2) && {
        resources: { requests: { ...(often(0.7) && { cpu: '700m' }), ...(often(0.7) && { memory: '600Mi' }) } },
      }),
      ...(volumes.length > 0 && { volumes }),
      ...(claims.length > 0 && { resourceClaims: claims.map((name) => ({ name, resourceClaimName: name })) }),
    },
  } as unknown as Pod
}
