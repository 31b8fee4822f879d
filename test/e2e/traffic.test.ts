import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { dataDirectory } from '#cluster/data-directory.ts'
import { findProcess } from '#cluster/processes.ts'
import { eventually, noBed } from '#testing/bed.ts'
import { realClients } from '#testing/real-clients.ts'
import { assertEven, openPeers, type Peers, peers, type Report, rolledOut, serves, serviceOf } from './peers.ts'

const clients = realClients()

/** One after the other on one cluster: three pods behind a service, and traffic that must not notice what happens to them. */
describe('traffic to a service', { skip: noBed() || clients.missing, timeout: 240_000 }, () => {
  let all: Peers
  let client = ''
  let clusterUrl = ''
  let nodeUrl = ''
  before(async () => {
    all = await openPeers(clients.kubectl)
    const { space } = all
    await space.apply(peers('web', space), serviceOf('web', { type: 'NodePort' }))
    await rolledOut(space, 'web')
    clusterUrl = await serves(all, 'web', 3)
    nodeUrl = `http://127.0.0.1:${await space.path('service web', '{.spec.ports[0].nodePort}')}/`
    client = await space.path('pods -l app=peer', '{.items[0].metadata.name}')
  })
  after(() => all?.[Symbol.asyncDispose]())

  const pods = async () => (await all.space.path('pods -l app=web', '{.items[*].metadata.name}')).split(' ')

  /** 200 requests a second through the node port, as many from a pod, and clients that keep their connections. */
  async function under<T>(body: () => Promise<T>): Promise<{ result: T; reports: Report[] }> {
    const { from, fromNode } = all
    const asking: ((page: string) => Promise<any>)[] = [
      fromNode,
      (page) => from(client, page),
      fromNode,
      (page) => from(client, page),
    ]
    const what = [
      `rate=200&url=${nodeUrl}`,
      `rate=200&url=${clusterUrl}`,
      `rate=50&keep&url=${nodeUrl}`,
      `rate=50&keep&url=${clusterUrl}`,
    ]
    const ids = await Promise.all(what.map((query, i) => asking[i]?.(`/load?${query}`)))
    const report = () => Promise.all(ids.map((id, i) => asking[i]?.(`/report?id=${id}`) as Promise<Report>))
    try {
      return { result: await body(), reports: await report() }
    } catch (error) {
      await report()
      throw error
    }
  }

  async function loses(body: () => Promise<unknown>): Promise<void> {
    const { reports } = await under(body)
    for (const [i, { sent, failed, answers }] of reports.entries()) {
      assert.ok(sent > 50, `${sent} sent`)
      assert.deepEqual(failed.slice(0, 10), [], `load ${i}: ${failed.length} of ${sent} failed`)
      assert.equal(answers.length, sent)
    }
  }

  test('spreads evenly over three pods, from the node and from a pod', async () => {
    const { from, fromNode } = all
    assertEven(await fromNode(`/many?count=1000&url=${nodeUrl}`), 1000)
    assertEven(await fromNode(`/many?count=1000&url=${clusterUrl}`), 1000)
    assertEven(await from(client, `/many?count=1000&url=${clusterUrl}`), 1000)
  })

  test('loses no request while an image is set, undone, and pods are restarted', async () => {
    const { space, bed } = all
    const second = space.image.replace(/:[^/]*$/, ':second')
    const tag = ['--address', bed.containerd, '-n', 'k8s.io', 'images', 'tag', '--force', space.image, second]
    assert.equal((await bed.run('ctr', tag)).code, 0)
    const rollOut = async (...words: string[]) => {
      await space.kubectl(...words)
      await rolledOut(space, 'web')
    }
    await loses(async () => {
      await rollOut('set', 'image', 'deployment/web', `main=${second}`)
      await rollOut('rollout', 'undo', 'deployment/web')
      await rollOut('rollout', 'restart', 'deployment/web')
      await eventually(async () => assert.equal((await pods()).length, 3))
    })
  })

  test('loses no request while a pod is deleted, and while there are more and fewer', async () => {
    const { space } = all
    await loses(async () => {
      const [victim] = await pods()
      await space.kubectl('delete', 'pod', victim as string)
      await rolledOut(space, 'web')
      await space.kubectl('scale', 'deployment/web', '--replicas=5')
      await rolledOut(space, 'web')
      await space.kubectl('scale', 'deployment/web', '--replicas=3')
      await eventually(async () => assert.equal((await pods()).length, 3))
    })
  })

  test('avoids a pod within 200 ms of its being called unready', async () => {
    const { space, from } = all
    const [victim] = (await pods()) as [string]
    const watch = space.start(
      'get',
      'pod',
      victim,
      '--watch-only',
      '-o',
      'jsonpath={.status.conditions[?(@.type=="Ready")].status} ',
    )
    const { result: saidAt, reports } = await under(async () => {
      await from(victim, '/ready?is=false')
      await watch.until(/False/)
      const at = Date.now()
      const sinceThen = async () => (await all.fromNode<Record<string, number>>(`/many?count=300&url=${clusterUrl}`))[victim]
      await eventually(async () => assert.equal(await sinceThen(), undefined))
      return at
    })
    await watch.stop()
    // Those who keep a connection stay where they are.
    for (const { answers, failed } of reports.slice(0, 2)) {
      assert.deepEqual(failed, [])
      const late = answers.filter(([sentAt, pod]) => pod === victim && sentAt > saidAt + 200)
      assert.equal(late.length, 0, `${late.length} late ones, up to ${Math.max(...late.map(([at]) => at - saidAt))} ms`)
    }
    await from(victim, '/ready?is=true')
    await serves(all, 'web', 3)
  })

  test('loses no request while the agent is killed and comes back', async () => {
    const { bed, space } = all
    const pid = () => findProcess(dataDirectory(bed.dataDir), 'agent')
    await loses(async () => {
      const before = pid()
      assert.ok(before)
      process.kill(before, 'SIGKILL')
      await eventually(() => assert.ok(pid() && pid() !== before))
      await space.kubectl('scale', 'deployment/web', '--replicas=4')
      await rolledOut(space, 'web')
    })
    await serves(all, 'web', 4)
    await space.kubectl('scale', 'deployment/web', '--replicas=3')
    await serves(all, 'web', 3)
  })

  test('flows again after somebody has flushed all rules', async () => {
    const { bed, fromNode } = all
    assert.equal((await bed.run('nft', ['flush', 'ruleset'])).code, 0)
    await assert.rejects(fromNode(`/many?count=1&url=${clusterUrl}`))
    await eventually(() => fromNode(`/many?count=10&url=${clusterUrl}`), { timeout: 30_000 })
    assert.match((await bed.run('sh', ['-c', `cat ${bed.dataDir}/logs/agent.log`])).stdout, /changed by somebody else/)
  })
})
