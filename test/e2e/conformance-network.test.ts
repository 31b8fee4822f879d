/** What upstream's conformance suite asks of services and names (`test/e2e/network`), as far as no other test here has it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '#testing/bed.ts'
import { onOneCluster } from './one-cluster.ts'
import { probePod, ready, type Space } from './space.ts'

const service = (name: string, spec: object) => ({ apiVersion: 'v1', kind: 'Service', metadata: { name }, spec })
const soon = { timeout: 60_000, every: 500 }

onOneCluster('services, by the conformance suite', { concurrency: 4, timeout: 600_000 }, (open) => {
  test('a service becomes another type: a name, a node port, and a name again that leads to a service', async () => {
    const space = await open('types')
    await pods(space, 'a')
    await space.apply(
      service('target', { selector: { part: 'web' }, ports: [{ port: 80, targetPort: 8080 }] }),
      service('changing', { type: 'ExternalName', externalName: `target.${space.name}.svc.cluster.local` }),
    )
    const answers = () => eventually(async () => assert.deepEqual(await fetched(space, 'http://changing/'), ['a']), soon)
    await answers()
    const change = (spec: object) => space.kubectl('patch', 'service', 'changing', '-p', JSON.stringify({ spec }))
    await change({ type: 'NodePort', externalName: '', selector: { part: 'web' }, ports: [{ port: 80, targetPort: 8080 }] })
    await answers()
    const port = await space.path('service changing', '{.spec.ports[0].nodePort}')
    const node = await space.path('nodes', '{.items[0].status.addresses[0].address}')
    await eventually(async () => assert.deepEqual(await fetched(space, `http://${node}:${port}/`), ['a']), soon)
    const name = `target.${space.name}.svc.cluster.local`
    await change({ type: 'ExternalName', externalName: name, clusterIP: '', clusterIPs: null, ports: [] })
    await eventually(async () => assert.deepEqual(await lookup(space, 'changing'), await lookup(space, 'target')), soon)
    await answers()
    await change({ type: 'ClusterIP', externalName: '', ports: [{ port: 80, targetPort: 8080 }] })
    await eventually(async () => assert.notDeepEqual(await lookup(space, 'changing'), await lookup(space, 'target')), soon)
    await answers()
  })

  test('session affinity is switched on and off, by cluster address and by node port', async () => {
    const space = await open('affinity')
    await pods(space, 'a', 'b', 'c')
    const ports = [{ port: 80, targetPort: 8080 }]
    await space.apply(service('web', { type: 'NodePort', selector: { part: 'web' }, ports, sessionAffinity: 'ClientIP' }))
    const port = await space.path('service web', '{.spec.ports[0].nodePort}')
    const node = await space.path('nodes', '{.items[0].status.addresses[0].address}')
    for (const [affinity, isOne] of [
      ['ClientIP', true],
      ['None', false],
      ['ClientIP', true],
    ] as const) {
      await space.kubectl('patch', 'service', 'web', '-p', JSON.stringify({ spec: { sessionAffinity: affinity } }))
      for (const url of ['http://web/', `http://${node}:${port}/`]) {
        const check = async () => assert.equal(new Set(await fetched(space, url, 15)).size === 1, isOne, `${affinity} ${url}`)
        await eventually(check, soon)
      }
    }
  })

  test('pods share a host port that differs in its address or protocol', async () => {
    const space = await open('host-ports')
    const node = await space.path('nodes', '{.items[0].status.addresses[0].address}')
    const pod = (name: string, hostIP: string, protocol: string) => {
      return probePod(name, space, { container: { ports: [{ containerPort: 8080, hostPort: 54_323, hostIP, protocol }] } })
    }
    await space.apply(pod('local', '127.0.0.1', 'TCP'), pod('node', node, 'TCP'), pod('udp', node, 'UDP'))
    await ready(space, 'local', 'node', 'udp')
    const ask = async (url: string, ...args: string[]) => {
      const { stdout } = await space.bed.run('curl', ['-sS', '--max-time', '5', ...args, url])
      return JSON.parse(stdout || '{}').pod
    }
    // As upstream asks: from the node's own address to the loopback.
    await eventually(async () => assert.equal(await ask('http://127.0.0.1:54323/', '--interface', node), 'local'), soon)
    await eventually(async () => assert.equal(await ask(`http://${node}:54323/`), 'node'), soon)
  })

  test('slices that somebody else keeps: several addresses, several ports; Endpoints are mirrored', async () => {
    const space = await open('slices')
    await pods(space, 'a', 'b')
    const [a = '', b = ''] = await Promise.all(['a', 'b'].map((pod) => space.path(`pod ${pod}`, '{.status.podIP}')))
    const slice = (name: string, of: string, [port, address]: [string, string]) => ({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name, labels: { 'kubernetes.io/service-name': of } },
      addressType: 'IPv4',
      ports: [{ name: port, port: 8080, protocol: 'TCP' }],
      endpoints: [{ addresses: [address] }],
    })
    const port = (name: string, number: number) => ({ name, port: number, targetPort: 8080 })
    await space.apply(
      service('addresses', { ports: [port('http', 8090)] }),
      slice('one', 'addresses', ['http', a]),
      slice('two', 'addresses', ['http', b]),
      service('ports', { ports: [port('x', 9001), port('y', 9002)] }),
      slice('three', 'ports', ['x', a]),
      slice('four', 'ports', ['y', b]),
      service('mirrored', { ports: [port('http', 80)] }),
      {
        apiVersion: 'v1',
        kind: 'Endpoints',
        metadata: { name: 'mirrored' },
        subsets: [{ addresses: [{ ip: b }], ports: [{ name: 'http', port: 8080 }] }],
      },
    )
    const all = async () => assert.equal(new Set(await fetched(space, 'http://addresses:8090/', 20)).size, 2)
    await eventually(all, soon)
    for (const [url, want] of [
      ['http://ports:9001/', 'a'],
      ['http://ports:9002/', 'b'],
      ['http://mirrored/', 'b'],
    ] as const) {
      await eventually(async () => assert.deepEqual(await fetched(space, url), [want]), soon)
    }
  })
})

async function pods(space: Space, ...names: string[]): Promise<void> {
  await space.apply(
    ...[...names, 'client'].map((name) => probePod(name, space, { labels: { part: name === 'client' ? '' : 'web' } })),
  )
  await ready(space, ...names, 'client')
}

/** Names of the pods that answer the pod `client`. */
async function fetched(space: Space, url: string, count = 1): Promise<string[]> {
  const script = `for (let left = ${count}; left--; ) console.log(JSON.parse(await (await fetch('${url}')).text()).pod)`
  return (await inClient(space, script)).trim().split('\n')
}

/** As programs look names up, with the C library's resolver. */
async function lookup(space: Space, name: string): Promise<string> {
  return await inClient(space, `import { lookup } from 'node:dns/promises'; console.log((await lookup('${name}')).address)`)
}

async function inClient(space: Space, script: string): Promise<string> {
  return await space.kubectl('exec', 'client', '--', 'node', '--input-type=module', '-e', script)
}
