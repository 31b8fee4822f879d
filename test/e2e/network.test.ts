import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { eventually, noBed } from '#testing/bed.ts'
import { realClients } from '#testing/real-clients.ts'
import { type Outside, openOutside } from './outside.ts'
import { openPeers, type Peers, peers, rolledOut, serves, serviceOf, type Timed } from './peers.ts'
import { probePod, ready } from './space.ts'

const clients = realClients()

/** All on one cluster, several at a time; each with services and pods of its own. */
describe('the network', { skip: noBed() || clients.missing, concurrency: 4, timeout: 240_000 }, () => {
  let all: Peers
  let outside: Outside
  /** The pod that asks. */
  let client = ''
  before(async () => {
    all = await openPeers(clients.kubectl)
    outside = await openOutside(all.bed)
    client = await all.space.path('pods -l app=peer', '{.items[0].metadata.name}')
  })
  after(async () => {
    await outside?.[Symbol.asyncDispose]()
    await all?.[Symbol.asyncDispose]()
  })

  const apply = (...objects: object[]) => all.space.apply(...objects)
  const from = <T = Timed>(pod: string, page: string) => all.from<T>(pod, page)
  const clusterIp = (name: string) => all.space.path(`service ${name}`, '{.spec.clusterIP}')
  const nodePortOf = (name: string) => all.space.path(`service ${name}`, '{.spec.ports[0].nodePort}')
  const ipOf = (pod: string) => all.space.path(`pod ${pod}`, '{.status.podIP}')
  const podsOf = async (app: string) => (await all.space.path(`pods -l app=${app}`, '{.items[*].metadata.name}')).split(' ')
  async function deployed(name: string, replicas: number, ...more: object[]): Promise<void> {
    await apply(peers(name, all.space, { replicas }), ...more)
    await rolledOut(all.space, name)
  }

  test('session affinity keeps each client at one pod until it was away for the timeout', async () => {
    const sessionAffinityConfig = { clientIP: { timeoutSeconds: 2 } }
    await deployed('sticky', 3, serviceOf('sticky', { sessionAffinity: 'ClientIP', sessionAffinityConfig }))
    const url = `http://${await clusterIp('sticky')}/`
    const pods = async () => Object.keys(await from<object>(client, `/many?count=40&url=${url}`))
    const [first] = await eventually(async () => {
      const answering = await pods()
      assert.equal(answering.length, 1)
      return answering
    })
    await eventually(async () => assert.notDeepEqual(await pods(), [first]), { every: 2200, timeout: 60_000 })
    assert.equal((await pods()).length, 1)
  })

  test('names: search domains, headless services with their pods, ports, outside names, what does not exist', async () => {
    const member = (name: string) =>
      probePod(name, all.space, {
        labels: { app: 'bare' },
        spec: { hostname: name, subdomain: 'bare' },
        container: { ports: [{ name: 'http', containerPort: 8080 }] },
      })
    const ports = [{ name: 'http', port: 8080, targetPort: 'http' }]
    const alias = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'alias' },
      spec: { type: 'ExternalName', externalName: 'db.example.com' },
    }
    await apply(
      serviceOf('bare', { clusterIP: 'None', ports }),
      serviceOf('named', { ports }),
      alias,
      member('one'),
      member('two'),
    )
    await ready(all.space, 'one', 'two')
    const [one, two, named] = [await ipOf('one'), await ipOf('two'), await clusterIp('named')]
    const name = async (text: string) => (await from(client, `/name?name=${text}`)).result
    const records = async (text: string, type = 'A') => (await from(client, `/records?name=${text}.&type=${type}`)).result
    for (const text of ['named', 'named.default', 'named.default.svc', 'named.default.svc.cluster.local']) {
      await eventually(async () => assert.deepEqual(await name(text), [named], text))
    }
    await eventually(async () => assert.deepEqual(await name('bare'), [one, two].sort()))
    assert.deepEqual(await name('two.bare'), [two])
    assert.deepEqual(await records(`${one.replaceAll('.', '-')}.default.pod.cluster.local`), [one])
    const targets = ((await records('_http._tcp.bare.default.svc.cluster.local', 'SRV')) as unknown as any[]).map(
      ({ name, port }) => `${name}:${port}`,
    )
    assert.deepEqual(targets.sort(), ['one.bare.default.svc.cluster.local:8080', 'two.bare.default.svc.cluster.local:8080'])
    assert.deepEqual(await records('alias.default.svc.cluster.local', 'CNAME'), ['db.example.com'])
    assert.equal((await from<Timed<number>>(client, '/records?tcp&name=bare.default.svc.cluster.local')).result, 2)
    for (const [text, code] of [
      ['nothing.default.svc.cluster.local', 'ENOTFOUND'],
      ['nothing.nowhere.svc.cluster.local', 'ENOTFOUND'],
      ['example.com', 'ESERVFAIL'],
    ]) {
      const { result, milliseconds } = await from(client, `/records?name=${text}.`)
      assert.equal(result, code, text)
      assert.ok(milliseconds < 500, `${text} after ${milliseconds} ms`)
    }
  })

  test('node ports answer on every address of the node, to the node, to pods and from outside', async () => {
    await deployed('door', 2, serviceOf('door', { type: 'NodePort' }))
    await serves(all, 'door', 2)
    const port = await nodePortOf('door')
    const asked = [
      all.fromNode(`/many?count=20&url=http://127.0.0.1:${port}/`),
      all.fromNode(`/many?count=20&url=http://${all.node}:${port}/`),
      from(client, `/many?count=20&url=http://${all.node}:${port}/`),
      outside.from(`/many?count=20&url=http://${outside.node}:${port}/`),
    ]
    for (const counts of await Promise.all(asked)) assert.equal(Object.keys(counts).length, 2)
  })

  test('externalTrafficPolicy Local keeps the source address; Cluster hides it behind the node', async () => {
    const names = ['shown', 'hidden'] as const
    const policies = { shown: 'Local', hidden: 'Cluster' }
    const more = names.map((name) =>
      serviceOf(name, { type: 'NodePort', selector: { app: 'seen' }, externalTrafficPolicy: policies[name] }),
    )
    await deployed('seen', 1, ...more)
    for (const name of names) await serves(all, name, 1)
    const source = async (ask: (page: string) => Promise<any>, address: string, name: string) =>
      (await ask(`/ask?url=http://${address}:${await nodePortOf(name)}/`)).from.replace('::ffff:', '')
    assert.equal(await source(outside.from, outside.node, 'shown'), outside.address)
    assert.equal(await source(outside.from, outside.node, 'hidden'), all.node)
    assert.equal(await source((page) => from(client, page), all.node, 'shown'), await ipOf(client))
    assert.equal(await source((page) => from(client, page), all.node, 'hidden'), all.node)
  })

  test('policies Local: what stands on this node answers; where all stand elsewhere, packets are dropped', async () => {
    const local = { type: 'NodePort', internalTrafficPolicy: 'Local', externalTrafficPolicy: 'Local' }
    await deployed('near', 1, serviceOf('near', local), serviceOf('far', { ...local, selector: undefined }))
    await apply({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'far-1', labels: { 'kubernetes.io/service-name': 'far' } },
      addressType: 'IPv4',
      ports: [{ name: 'http', port: 8080 }],
      endpoints: [
        { addresses: [await ipOf((await podsOf('near'))[0] as string)], nodeName: 'another', conditions: { ready: true } },
      ],
    })
    await serves(all, 'near', 1)
    const reach = (ask: (page: string) => Promise<any>, host: string, port: string | number) =>
      ask(`/connect?host=${host}&port=${port}`).then(({ result }) => result)
    const pod = (page: string) => from(client, page)
    assert.equal(await reach(outside.from, outside.node, await nodePortOf('near')), 'connected')
    await eventually(async () => assert.equal(await reach(pod, await clusterIp('far'), 80), 'timed out'))
    assert.equal(await reach(outside.from, outside.node, await nodePortOf('far')), 'timed out')
    assert.equal(await reach(pod, all.node, await nodePortOf('far')), 'connected')
  })

  test('external addresses lead to the service', async () => {
    await deployed('given', 1, serviceOf('given', { externalIPs: ['192.0.2.10'] }))
    await serves(all, 'given', 1)
    assert.match((await from<{ pod: string }>(client, '/ask?url=http://192.0.2.10/')).pod, /^given-/)
  })

  test('services without endpoints, and unknown ones, refuse at once', async () => {
    await apply(serviceOf('empty', { type: 'NodePort', externalIPs: ['192.0.2.11'] }))
    const port = await nodePortOf('empty')
    const targets = [`host=${await clusterIp('empty')}&port=80`, 'host=10.96.77.77&port=80', `host=${all.node}&port=${port}`]
    const refuses = (ask: (page: string) => Promise<any>) => async (target: string) => {
      const { result, milliseconds } = await ask(`/connect?${target}`)
      assert.equal(result, 'ECONNREFUSED', target)
      assert.ok(milliseconds < 500, `${target} after ${milliseconds} ms`)
    }
    const [node, pod, guest] = [refuses(all.fromNode), refuses((page) => from(client, page)), refuses(outside.from)]
    await eventually(() => pod('host=192.0.2.11&port=80'))
    await guest(`host=${outside.node}&port=${port}`)
    await node(`host=127.0.0.1&port=${port}`)
    for (const target of targets) {
      await node(target)
      await pod(target)
    }
  })

  test('host ports and pods on the host network', async () => {
    const hosting = (name: string, hostPort: object) =>
      probePod(name, all.space, { container: { ports: [{ containerPort: 8080, ...hostPort }] } })
    await apply(
      hosting('open', { hostPort: 8121 }),
      hosting('inward', { hostPort: 8122, hostIP: '127.0.0.1' }),
      probePod('bare-host', all.space, {
        container: {
          command: ['node', 'peer.ts', '8123'],
          ports: [{ containerPort: 8123 }],
          readinessProbe: { httpGet: { path: '/readyz', port: 8123 }, periodSeconds: 1 },
        },
        spec: { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' },
      }),
    )
    await ready(all.space, 'open', 'inward', 'bare-host')
    const pod = async (ask: (page: string) => Promise<any>, url: string) => (await ask(`/ask?url=http://${url}/`)).pod
    for (const address of ['127.0.0.1', all.node])
      await eventually(async () => assert.equal(await pod(all.fromNode, `${address}:8121`), 'open'))
    assert.equal(await pod(outside.from, `${outside.node}:8121`), 'open')
    await eventually(async () => assert.equal(await pod(all.fromNode, '127.0.0.1:8122'), 'inward'))
    const closed = await outside.from<Timed>(`/connect?host=${outside.node}&port=8122`)
    assert.equal(closed.result, 'ECONNREFUSED')
    assert.equal(await ipOf('bare-host'), all.node)
    await eventually(() => pod((page) => from(client, page), `${all.node}:8123`))
    const { result } = JSON.parse(await all.bed.get('http://127.0.0.1:8123/name?name=kubernetes.default'))
    assert.deepEqual(result, ['10.96.0.1'])
  })

  test('UDP: a client that never pauses leaves an endpoint that is taken away', async () => {
    const ports = [{ name: 'who', port: 53, protocol: 'UDP', targetPort: 8080 }]
    await deployed('talk', 2, serviceOf('talk', { type: 'NodePort', ports }))
    const [address, nodePort] = [await clusterIp('talk'), await nodePortOf('talk')]
    const routes: readonly (readonly [string, (page: string) => Promise<Timed>, string])[] = [
      ['pod', (page) => from(client, page), `host=${address}&port=53`],
      ['node', all.fromNode, `host=${address}&port=53`],
      ['door', all.fromNode, `host=127.0.0.1&port=${nodePort}`],
      ['outside', outside.from, `host=${outside.node}&port=${nodePort}`],
    ]
    const asked = (i: number) => routes[i]?.[1](`/datagram?as=${routes[i]?.[0]}&patience=300&${routes[i]?.[2]}`) as Promise<Timed>
    const answering = (i: number) => asked(i).then(({ result }) => result)
    const pods = await podsOf('talk')
    for (const i of routes.keys()) await eventually(async () => assert.ok(pods.includes(await answering(i)), routes[i]?.[0]))
    for (const round of [0, 1, 2]) {
      const [leaving, staying] = [pods[round % 2], pods[(round + 1) % 2]] as [string, string]
      await from(staying, '/ready')
      await all.space.kubectl('wait', `pod/${staying}`, '--for=condition=Ready', '--timeout=30s')
      await from(leaving, '/ready?is=false')
      for (const i of routes.keys()) {
        await eventually(async () => assert.equal(await answering(i), staying, `${routes[i]?.[0]}, round ${round}`))
        for (let again = 0; again < 5; again++) assert.equal(await answering(i), staying)
      }
    }
  })

  test('a pod reaches itself through its service, by TCP and by UDP', async () => {
    const ports = [
      { name: 'http', port: 80, targetPort: 8080 },
      { name: 'who', port: 53, protocol: 'UDP', targetPort: 8080 },
    ]
    await deployed('self', 1, serviceOf('self', { ports }))
    await serves(all, 'self', 1)
    const [pod] = (await podsOf('self')) as [string]
    const address = await clusterIp('self')
    assert.equal((await from<{ pod: string }>(pod, `/ask?url=http://${address}/`)).pod, pod)
    assert.equal((await from(pod, `/datagram?as=self&host=${address}&port=53`)).result, pod)
  })

  test('pods, node, API and the world reach each other; pods go out with the address of the node', async () => {
    const other = probePod('other', all.space)
    await apply(other)
    await ready(all.space, 'other')
    const direct = await from<{ pod: string; from: string }>(client, `/ask?url=http://${await ipOf('other')}:8080/`)
    assert.equal(direct.pod, 'other')
    assert.equal(direct.from.replace('::ffff:', ''), await ipOf(client))
    assert.equal((await from(client, `/connect?host=${all.node}&port=18080`)).result, 'connected')
    assert.equal((await all.fromNode<{ pod: string }>(`/ask?url=http://${await ipOf('other')}:8080/`)).pod, 'other')
    assert.equal((await from(client, '/connect?host=kubernetes.default.svc&port=443')).result, 'connected')
    const out = await from<{ from: string }>(client, `/ask?url=http://${outside.address}:${outside.port}/`)
    assert.equal(out.from.replace('::ffff:', ''), outside.node)
  })
})
