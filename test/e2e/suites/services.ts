/** The network as pods and the node see it: service addresses, spreading, affinity, node ports, names. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '#testing/bed.ts'
import { becomes, type Open, probePod, ready, type Space } from '../space.ts'
import { deployment, rolledOut, service } from './workloads.ts'

export function services(open: Open): void {
  test('requests spread over three pods, from the node and from a pod; NodePort on every address', async () => {
    const space = await open('spread')
    await space.apply(deployment(space), service({ type: 'NodePort' }), probePod('client', space))
    await rolledOut(space, 'web')
    await ready(space, 'client')
    const address = await space.path('service web', '{.spec.clusterIP}')
    const port = await space.path('service web', '{.spec.ports[0].nodePort}')
    const node = await space.path('nodes', '{.items[0].status.addresses[0].address}')
    const fromPod = await space.ask<string[]>('client', `/fetch?count=90&url=http://${address}/`)
    assertSpread(fromPod.map((body) => JSON.parse(body).pod))
    assertSpread(await podsAnswering(space, `http://${address}/`, 90))
    assertSpread(await podsAnswering(space, `http://127.0.0.1:${port}/`, 90))
    assert.equal((await podsAnswering(space, `http://${node}:${port}/`, 3)).length, 3)
    const named = await space.ask<string[]>('client', `/fetch?url=http://${node}:${port}/`)
    assert.equal(JSON.parse(named[0] as string).version, '1')
  })

  test('a pod reaches itself through its own service', async () => {
    const space = await open('hairpin')
    await space.apply(probePod('web', space), service())
    await ready(space, 'web')
    await endpointsAre(space, 1)
    const address = await space.path('service web', '{.spec.clusterIP}')
    const answers = await space.ask<string[]>('web', `/fetch?count=3&url=http://${address}/`)
    assert.deepEqual(
      answers.map((body) => JSON.parse(body).pod),
      ['web', 'web', 'web'],
    )
  })

  test('session affinity keeps a client at one pod', async () => {
    const space = await open('affinity')
    await space.apply(deployment(space), service({ sessionAffinity: 'ClientIP' }))
    await rolledOut(space, 'web')
    await endpointsAre(space, 3)
    const address = await space.path('service web', '{.spec.clusterIP}')
    assert.equal(new Set(await podsAnswering(space, `http://${address}/`, 20)).size, 1)
  })

  test('a pod that is not ready leaves the service, and comes back', async () => {
    const space = await open('unready')
    await space.apply(deployment(space, 2), service())
    await rolledOut(space, 'web')
    await endpointsAre(space, 2)
    const [one, other] = (await space.path('pods', '{.items[*].metadata.name}')).split(' ') as [string, string]
    await space.ask(one, '/ready?is=false')
    await space.kubectl('wait', `pod/${one}`, '--for=condition=Ready=false', '--timeout=30s')
    await endpointsAre(space, 1)
    const url = `http://${await space.path('service web', '{.spec.clusterIP}')}/`
    await eventually(async () => assert.deepEqual([...new Set(await podsAnswering(space, url, 8))], [other]))
    await space.ask(one, '/ready?is=true')
    await endpointsAre(space, 2)
    await eventually(async () => assert.equal(new Set(await podsAnswering(space, url, 12)).size, 2))
  })

  test('a service without endpoints refuses at once', async () => {
    const space = await open('refused')
    await space.apply(service())
    const url = `http://${await space.path('service web', '{.spec.clusterIP}')}/`
    await eventually(async () => {
      const { code, stderr } = await space.bed.run('curl', ['-sS', '--max-time', '3', url])
      assert.equal(code, 7, stderr)
    })
  })

  test('DNS: services, headless ones with their pods, named ports, other namespaces, what does not exist', async () => {
    const space = await open('names')
    const headless = { ...service({ clusterIP: 'None' }), metadata: { name: 'bare' } }
    const member = (name: string) =>
      probePod(name, space, {
        labels: { app: 'web' },
        spec: { hostname: name, subdomain: 'bare' },
      })
    await space.apply(service(), headless, member('one'), member('two'))
    await ready(space, 'one', 'two')
    const address = await space.path('service web', '{.spec.clusterIP}')
    const ips = (await space.path('pods', '{.items[*].status.podIP}')).split(' ').sort()
    const lookup = (name: string, more = '') => space.ask<string[]>('one', `/lookup?name=${name}${more}`)
    await eventually(async () => assert.deepEqual(await lookup('web'), [address]))
    assert.deepEqual(await lookup('web.names'), [address])
    assert.deepEqual(await lookup('web.names.svc.cluster.local', '&exact'), [address])
    assert.deepEqual(await lookup('kubernetes.default'), ['10.96.0.1'])
    await eventually(async () => assert.deepEqual(await lookup('bare'), ips))
    assert.deepEqual(await lookup('two.bare'), [await space.path('pod two', '{.status.podIP}')])
    const [record] = await space.ask<any[]>('one', '/services?name=_http._tcp.web.names.svc.cluster.local&exact')
    assert.deepEqual({ name: record.name, port: record.port }, { name: 'web.names.svc.cluster.local', port: 80 })
    await assert.rejects(lookup('nothing.names.svc.cluster.local', '&exact'), /is unknown/)
    const [body] = await space.ask<string[]>('one', '/fetch?url=http://two.bare:8080/')
    assert.equal(JSON.parse(body as string).pod, 'two')
  })

  test('pods reach the API through its service address with their own token', async () => {
    const space = await open('api')
    await space.apply(probePod('client', space))
    await space.kubectl('create', 'rolebinding', 'look', '--clusterrole=view', '--serviceaccount=api:default')
    await ready(space, 'client')
    await eventually(async () => {
      const list = JSON.parse(await space.ask<string>('client', '/api?path=/api/v1/namespaces/api/pods'))
      assert.deepEqual([list.kind, list.items?.[0].metadata.name], ['PodList', 'client'])
    })
    const refused = JSON.parse(await space.ask<string>('client', '/api?path=/api/v1/namespaces/default/secrets'))
    assert.equal(
      refused.message,
      'secrets is forbidden: User "system:serviceaccount:api:default" cannot list resource "secrets" in API group "" in the namespace "default"',
    )
  })
}

async function endpointsAre(space: Space, count: number): Promise<void> {
  await eventually(async () => {
    const { items } = await space.get('endpointslices')
    const endpoints = items.flatMap((slice: any) => slice.endpoints ?? []).filter((one: any) => one.conditions.ready)
    assert.equal(endpoints.length, count)
  })
  await becomes(space, 'endpoints web', ['{.subsets[*].addresses[*].ip}', count === 0 ? '' : new RegExp(`^(\\S+ ?){${count}}$`)])
}

/** Which pods answered so many requests from the node, each on a connection of its own. */
async function podsAnswering({ bed }: Space, url: string, count: number): Promise<string[]> {
  const script = 'for i in $(seq $0); do curl -sS --fail --max-time 5 "$1" || exit 1; done'
  const { stdout, stderr, code } = await bed.run('sh', ['-c', script, String(count), url])
  assert.equal(code, 0, stderr)
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).pod)
}

/** Chi squared with two degrees of freedom: more than 18.4 happens once in ten thousand times if all are equally likely. */
function assertSpread(pods: readonly string[]): void {
  const counts = Map.groupBy(pods, (pod) => pod)
  assert.equal(counts.size, 3, `answered by ${[...counts.keys()]}`)
  const expected = pods.length / 3
  const chi = [...counts.values()].reduce((sum, { length }) => sum + (length - expected) ** 2 / expected, 0)
  assert.ok(chi < 18.4, `${[...counts.values()].map(({ length }) => length)} of ${pods.length}`)
}
