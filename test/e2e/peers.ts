/** A bed whose node and whose pods all run the peer: the network tests ask it to ask others. */
import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { type Bed, eventually, openBed } from '#testing/bed.ts'
import type { Report } from './peer/peer.ts'
import { type Space, spaceOf } from './space.ts'

export type { Report }

const application = fileURLToPath(new URL('./peer', import.meta.url))
const nodePort = 18_080

export interface Peers extends AsyncDisposable {
  readonly bed: Bed
  /** Namespace `default`, where one peer runs already. */
  readonly space: Space
  /** The node's own address. */
  readonly node: string
  /** A page of the peer that runs on the node, outside of all pods. */
  fromNode<T = any>(page: string): Promise<T>
  /** A page of the peer in this pod; the node asks it directly. */
  from<T = any>(pod: string, page: string): Promise<T>
}

export interface Timed<T = string> {
  /** A result, or the code of an error. */
  readonly result: T
  readonly milliseconds: number
}

export async function openPeers(kubectl: string): Promise<Peers> {
  const bed = await openBed({ kubectl, up: [application] })
  try {
    bed.start(process.execPath, [`${application}/peer.ts`, String(nodePort)])
    const { stdout: image } = await bed.kubectl('get', 'deployment', 'peer', '-o', 'jsonpath={..image}')
    const space = spaceOf(bed, { name: 'default', image })
    const get = (base: string, page: string) => pageOf(bed, `${base}${page}`)
    await eventually(() => get(`http://127.0.0.1:${nodePort}`, '/'))
    return {
      ...{ bed, space },
      node: await space.path('nodes', '{.items[0].status.addresses[?(@.type=="InternalIP")].address}'),
      fromNode: (page) => get(`http://127.0.0.1:${nodePort}`, page),
      from: async (pod, page) => get(`http://${await space.path(`pod ${pod}`, '{.status.podIP}')}:8080`, page),
      [Symbol.asyncDispose]: () => bed[Symbol.asyncDispose](),
    }
  } catch (error) {
    await bed[Symbol.asyncDispose]()
    throw error
  }
}

/** Longer than the requests that a peer makes for it. */
export async function pageOf(bed: Bed, url: string): Promise<any> {
  const { code, stdout, stderr } = await bed.run('curl', ['-sS', '--fail-with-body', '--max-time', '30', url])
  assert.equal(code, 0, `${url}: ${stderr.trim()} ${stdout}`)
  return JSON.parse(stdout)
}

/** Pods of the peer that are taken out of the service a while before they end. */
export function peers(name: string, { image }: Space, { replicas = 3, spec = {} }: PeerParts = {}): object {
  const container = {
    name: 'main',
    image,
    ports: [{ name: 'http', containerPort: 8080 }],
    readinessProbe: { httpGet: { path: '/readyz', port: 'http' }, periodSeconds: 1, failureThreshold: 1 },
    // Without a share of its own a pod gets next to nothing of a machine that is busy with other tests.
    resources: { requests: { cpu: '50m' } },
    lifecycle: { preStop: { sleep: { seconds: 2 } } },
  }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { terminationGracePeriodSeconds: 10, containers: [container], ...spec },
      },
    },
  }
}

export interface PeerParts {
  readonly replicas?: number
  /** Over the pods' spec. */
  readonly spec?: object
}

export function serviceOf(name: string, spec: object = {}, metadata: object = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, ...metadata },
    spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 8080 }], ...spec },
  }
}

export function rolledOut(space: Space, name: string): Promise<string> {
  return space.kubectl('rollout', 'status', `deployment/${name}`, '--timeout=60s')
}

/** Until so many ready endpoints stand behind the service, and the node's rules know them. */
export async function serves(peer: Peers, name: string, count: number): Promise<string> {
  const { space } = peer
  const url = `http://${await space.path(`service ${name}`, '{.spec.clusterIP}')}/`
  await eventually(async () => {
    const answering = await peer.fromNode<Record<string, number>>(`/many?count=40&url=${url}`)
    assert.equal(Object.keys(answering).length, count)
  })
  return url
}

/** Chi squared with two degrees of freedom: more than 18.4 happens once in ten thousand times if all three are equally likely. */
export function assertEven(counts: Readonly<Record<string, number>>, total: number): void {
  const values = Object.values(counts)
  assert.equal(values.length, 3, `answered by ${Object.keys(counts)}`)
  assert.equal(
    values.reduce((sum, one) => sum + one, 0),
    total,
  )
  const chi = values.reduce((sum, one) => sum + (one - total / 3) ** 2 / (total / 3), 0)
  assert.ok(chi < 18.4, `chi squared ${chi} of ${values}`)
}
