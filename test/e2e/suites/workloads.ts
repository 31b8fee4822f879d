/** Deployments as people drive them: created, exposed, scaled, rolled, undone; and pods that come back. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '#testing/bed.ts'
import { becomes, type Open, type Space } from '../space.ts'

export function workloads(open: Open): void {
  test('create deployment, expose, scale: three pods and as many endpoints', async () => {
    const space = await open('scale')
    assert.equal(
      await space.kubectl('create', 'deployment', 'web', `--image=${space.image}`, '--port=8080'),
      'deployment.apps/web created\n',
    )
    assert.equal(await space.kubectl('expose', 'deployment', 'web', '--port=80', '--target-port=8080'), 'service/web exposed\n')
    assert.equal(await space.kubectl('scale', 'deployment', 'web', '--replicas=3'), 'deployment.apps/web scaled\n')
    assert.match(await rolledOut(space, 'web'), /deployment "web" successfully rolled out/)
    await eventually(async () => {
      const [slice] = (await space.get('endpointslices', '-l', 'kubernetes.io/service-name=web')).items
      assert.equal(slice.endpoints.filter((one: any) => one.conditions.ready).length, 3)
    })
    assert.equal((await space.path('endpoints web', '{.subsets[0].addresses[*].ip}')).split(' ').length, 3)
    // Node has to have come far enough to hear SIGTERM.
    for (const pod of (await space.path('pods', '{.items[*].metadata.name}')).split(' '))
      await eventually(() => space.ask(pod, '/'))
    await space.kubectl('scale', 'deployment/web', '--current-replicas=3', '--replicas=1')
    await space.kubectl('wait', 'deployment/web', '--for=jsonpath={.status.replicas}=1', '--timeout=60s')
    await becomes(space, 'pods', ['{.items[*].metadata.name}', /^web-\S+$/])
    assert.match(
      await space.fails('scale', 'deployment/web', '--current-replicas=7', '--replicas=2'),
      /Expected replicas to be 7, was 1/,
    )
  })

  test('set image, rollout status, history, undo: the app goes on answering', async () => {
    const space = await open('rollout')
    await space.apply(deployment(space), service())
    await rolledOut(space, 'web')
    const url = `http://${await space.path('service web', '{.spec.clusterIP}')}/`
    const asked = keepAsking(space, url)
    const second = await secondImage(space)
    assert.equal(await space.kubectl('set', 'image', 'deployment/web', `web=${second}`), 'deployment.apps/web image updated\n')
    assert.match(await rolledOut(space, 'web'), /successfully rolled out/)
    await space.kubectl('set', 'env', 'deployment/web', 'VERSION=3')
    await rolledOut(space, 'web')
    assert.equal(JSON.parse(await space.bed.get(url)).version, '3')
    const history = await space.kubectl('rollout', 'history', 'deployment/web')
    assert.match(history, /REVISION\s+CHANGE-CAUSE\n1\s+<none>\n2\s+<none>\n3\s+<none>/)
    assert.match(await space.kubectl('rollout', 'history', 'deployment/web', '--revision=3'), /VERSION:\s+3/)
    assert.equal(await space.kubectl('rollout', 'undo', 'deployment/web', '--to-revision=1'), 'deployment.apps/web rolled back\n')
    await rolledOut(space, 'web')
    assert.equal(await space.path('deployment web', '{..image}'), space.image)
    assert.equal(JSON.parse(await space.bed.get(url)).version, '1')
    assert.equal(await space.path('deployment web', '{.metadata.annotations.deployment\\.kubernetes\\.io/revision}'), '4')
    const { answered, failed } = await asked.end()
    assert.deepEqual(failed, [])
    assert.ok(answered > 20, `${answered} answers`)
  })

  test('rollout restart, pause, resume', async () => {
    const space = await open('restart')
    await space.apply(deployment(space, 1))
    await rolledOut(space, 'web')
    const before = await space.path('pods', '{.items[0].metadata.uid}')
    assert.equal(await space.kubectl('rollout', 'restart', 'deployment/web'), 'deployment.apps/web restarted\n')
    await rolledOut(space, 'web')
    await eventually(async () => assert.notEqual(await space.path('pods', '{.items[*].metadata.uid}'), before))
    assert.equal(await space.kubectl('rollout', 'pause', 'deployment/web'), 'deployment.apps/web paused\n')
    await space.kubectl('set', 'env', 'deployment/web', 'VERSION=2')
    await space.kubectl('wait', 'deployment/web', '--for=jsonpath={.status.observedGeneration}=4', '--timeout=30s')
    assert.equal((await space.get('replicasets')).items.length, 2)
    assert.equal(await space.kubectl('rollout', 'resume', 'deployment/web'), 'deployment.apps/web resumed\n')
    await rolledOut(space, 'web')
    assert.equal((await space.get('replicasets')).items.length, 3)
  })

  test('a rollout that cannot succeed stalls, says so, and leaves the old pods answering', async () => {
    const space = await open('stalled')
    await space.apply(deployment(space, 2), service())
    await rolledOut(space, 'web')
    await space.kubectl('patch', 'deployment', 'web', '-p', '{"spec":{"progressDeadlineSeconds":3}}')
    await space.kubectl('set', 'image', 'deployment/web', 'web=localhost/nothing:1')
    const status = await space.fails('rollout', 'status', 'deployment/web', '--timeout=60s')
    assert.match(status, /deployment "web" exceeded its progress deadline/)
    const url = `http://${await space.path('service web', '{.spec.clusterIP}')}/`
    assert.equal(JSON.parse(await space.bed.get(url)).version, '1')
  })

  test('a deleted pod is replaced, and deleting the deployment takes everything along', async () => {
    const space = await open('replaced')
    await space.apply(deployment(space, 2))
    await rolledOut(space, 'web')
    const [first] = (await space.path('pods', '{.items[*].metadata.name}')).split(' ')
    assert.equal(await space.kubectl('delete', 'pod', first as string), `pod "${first}" deleted from replaced namespace\n`)
    await eventually(async () => {
      const { items } = await space.get('pods')
      assert.ok(!items.some((pod: any) => pod.metadata.name === first))
      assert.equal(items.filter(isReady).length, 2)
    })
    await space.kubectl('delete', 'deployment', 'web')
    await space.kubectl('wait', '--for=delete', 'pod', '-l', 'app=web', '--timeout=60s')
    assert.equal((await space.get('replicasets,pods')).items.length, 0)
  })

  test('a replication controller and a bare replica set keep their pods', async () => {
    const space = await open('replicas')
    const template = {
      metadata: { labels: { app: 'a' } },
      spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'a', image: space.image }] },
    }
    await space.apply(
      { apiVersion: 'v1', kind: 'ReplicationController', metadata: { name: 'a' }, spec: { replicas: 1, template } },
      {
        apiVersion: 'apps/v1',
        kind: 'ReplicaSet',
        metadata: { name: 'b' },
        spec: {
          replicas: 1,
          selector: { matchLabels: { app: 'b' } },
          template: { ...template, metadata: { labels: { app: 'b' } } },
        },
      },
    )
    await space.kubectl('wait', 'rc/a', 'rs/b', '--for=jsonpath={.status.readyReplicas}=1', '--timeout=60s')
    await space.kubectl('delete', 'rs/b', '--cascade=orphan')
    assert.equal(await space.path('pods -l app=b', '{.items[*].metadata.ownerReferences}'), '')
  })
}

export function rolledOut(space: Space, name: string): Promise<string> {
  return space.kubectl('rollout', 'status', `deployment/${name}`, '--timeout=90s')
}

function isReady(pod: any): boolean {
  return pod.status.conditions?.some((one: any) => one.type === 'Ready' && one.status === 'True')
}

/** Pods that end politely: they stay for a second after they were taken out of the service. */
export function deployment({ image }: Space, replicas = 3): object {
  const container = {
    name: 'web',
    image,
    ports: [{ name: 'http', containerPort: 8080 }],
    readinessProbe: { httpGet: { path: '/readyz', port: 'http' }, periodSeconds: 1 },
    lifecycle: { preStop: { sleep: { seconds: 1 } } },
  }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web' },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { terminationGracePeriodSeconds: 5, containers: [container] } },
    },
  }
}

export function service(spec: object = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web' },
    spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'http' }], ...spec },
  }
}

/** The probe's image under another name. */
async function secondImage({ bed, image }: Space): Promise<string> {
  const second = image.replace(/:.*/, ':second')
  const { code, stderr } = await bed.run('ctr', [
    '--address',
    bed.containerd,
    '-n',
    'k8s.io',
    'images',
    'tag',
    '--force',
    image,
    second,
  ])
  assert.equal(code, 0, stderr)
  return second
}

/** One request after the other, each on a connection of its own, until it is told to end. */
function keepAsking({ bed }: Space, url: string): { end(): Promise<{ answered: number; failed: string[] }> } {
  const script = 'while :; do curl -sS --fail --max-time 5 "$0" || echo "failed $?"; done'
  const background = bed.start('sh', ['-c', script, url])
  return {
    async end() {
      await background.stop()
      const lines = background.printed().trim().split('\n')
      // The last one was cut off.
      const whole = lines.slice(0, -1)
      return { answered: whole.length, failed: whole.filter((line) => !line.startsWith('{')) }
    },
  }
}
