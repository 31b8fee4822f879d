import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Deployment } from '#api/apps/v1/deployment.ts'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { Secret } from '#api/core/v1/secret.ts'
import { deploymentController } from '#controllers/deployment/deployment.ts'
import { replicaSetController } from '#controllers/replicaset/replicaset.ts'
import { testCluster } from '#testing/cluster.ts'
import { digestOf, repository, type TestTargetOptions, testTarget, webDeployment } from '#testing/workflow-target.ts'
import { changeValues, diffReleases, rollback } from './change-values.ts'
import { deploy, parseTimeout } from './deploy.ts'
import { createEnvironment, deleteEnvironment, refreshEnvironment } from './life.ts'
import { listReleases, markRunning, nextValues, writeRelease } from './releases.ts'
import { syncSecrets, watchSecrets } from './sync-secrets.ts'
import { noValues, withValues } from './values.ts'

const timeoutSeconds = 60

async function created(options: TestTargetOptions = {}) {
  const cluster = await testCluster({ controllers: [deploymentController, replicaSetController] })
  let isSpoilt = false
  const target = testTarget(cluster, { ...options, ready: (pod) => !isSpoilt || (options.ready?.(pod) ?? true) })
  const manifests = ['web-web', 'web-worker'].map((name) => ({
    kind: Deployment,
    object: { apiVersion: 'apps/v1', kind: 'Deployment', ...webDeployment(name) } as any,
  }))
  await createEnvironment(target, { manifests, values: { COLOUR: 'red' }, timeoutSeconds, isFile: false })
  isSpoilt = true
  return { cluster, target, manifests, [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose]() }
}

type Made = Awaited<ReturnType<typeof created>>

async function imagesOf({ cluster }: Made): Promise<(string | undefined)[]> {
  return (await cluster.list(Deployment)).map(({ spec }) => spec.template.spec?.containers[0]?.image)
}

async function valuesNames({ cluster }: Made): Promise<(string | undefined)[]> {
  return (await cluster.list(Deployment)).map(({ spec }) => spec.template.spec?.containers[0]?.envFrom?.[0]?.configMapRef?.name)
}

const states = async ({ target }: Made) => (await listReleases(target)).map(({ number, state }) => `v${number} ${state}`)

test('createEnvironment() makes release v1, by digest, with immutable values and their mirror', async () => {
  await using made = await created()
  assert.deepEqual(await imagesOf(made), Array(2).fill(`${repository}@${digestOf('1')}`))
  assert.deepEqual(await valuesNames(made), Array(2).fill('web-environment-v1'))
  const { client } = made.cluster
  const own = await client.get(ConfigMap, { name: 'web-environment-v1', namespace: 'default' })
  assert.deepEqual({ immutable: own.immutable, data: own.data }, { immutable: true, data: { COLOUR: 'red' } })
  assert.deepEqual((await client.get(ConfigMap, { name: 'web-environment', namespace: 'default' })).data, { COLOUR: 'red' })
  assert.deepEqual(await states(made), ['v1 running'])
})

test('deploy() keeps the order: migration, pre-deploy, rollout, post-deploy, tags', async () => {
  await using made = await created({ config: { 'pre-deploy': 'before "two words"', 'post-deploy': 'after' } })
  made.target.tags.set('2', digestOf('2'))
  assert.equal(await deploy(made.target, { tag: '2', migration: 'migrate', timeoutSeconds }), 0)
  const steps = made.target.noted.filter((line) => /^(Running|Deploying)/.test(line))
  assert.deepEqual(steps, [
    'Running the migration: migrate',
    'Running the pre-deploy hook: before "two words"',
    'Deploying 2 (222222222222) to staging',
    'Running the post-deploy hook: after',
  ])
  assert.deepEqual(await imagesOf(made), Array(2).fill(`${repository}@${digestOf('2')}`))
  assert.equal((await made.cluster.list(Deployment))[0]?.metadata.labels?.['app.kubernetes.io/version'], '2'.repeat(32))
  assert.equal(made.target.tags.get('staging'), digestOf('2'))
  assert([...made.target.tags.keys()].some((tag) => /^staging--\d{4}-\d\d-\d\d--\d\d-\d\d-\d\d$/.test(tag)))
  assert.equal((await made.cluster.list(Pod)).filter(({ metadata }) => /hokusai-run/.test(metadata.name)).length, 0)
  assert.deepEqual(await states(made), ['v1 superseded', 'v2 running'])
})

for (const [what, options, deployOptions] of [
  ['migration', { exitCodes: { migrate: 7 } }, { migration: 'migrate' }],
  ['pre-deploy hook', { exitCodes: { before: 7 }, config: { 'pre-deploy': 'before' } }, {}],
] as const) {
  test(`deploy() stops with the exit code of a failing ${what} and changes nothing`, async () => {
    await using made = await created(options)
    made.target.tags.set('2', digestOf('2'))
    const failing = deploy(made.target, { tag: '2', timeoutSeconds, ...deployOptions })
    await assert.rejects(failing, {
      exitCode: 7,
      message: new RegExp(`^The ${what} failed with exit code 7. Nothing is deployed.$`),
    })
    assert.deepEqual(await imagesOf(made), Array(2).fill(`${repository}@${digestOf('1')}`))
    assert.deepEqual(await states(made), ['v1 running'])
  })
}

test('deploy() refuses a tag that is not there', async () => {
  await using made = await created()
  await assert.rejects(deploy(made.target, { tag: 'none', timeoutSeconds }), /registry\.test\/web has no tag none\./)
})

test('deploy() runs nothing where there is no Deployment to change', async () => {
  await using made = await created({ config: { 'pre-deploy': 'before' } })
  const { client } = made.cluster
  for (const name of ['web-web', 'web-worker']) await client.delete(Deployment, { name, namespace: 'default' })
  const deploying = deploy(made.target, { tag: '1', migration: 'migrate', timeoutSeconds })
  await assert.rejects(deploying, /There is no Deployment with the labels app=web,layer=application in default/)
  assert(!made.target.noted.some((line) => /Running/.test(line)))
})

test('deploy() undoes all Deployments when one fails, also those that came up', async () => {
  const ready = (pod: Pod) => !(/worker/.test(pod.metadata.name) && pod.spec.containers[0]?.image?.endsWith('2'))
  await using made = await created({ ready })
  made.target.tags.set('2', digestOf('2'))
  await assert.rejects(
    deploy(made.target, { tag: '2', timeoutSeconds }),
    /Release v2 failed: web-worker did not come up\. All Deployments are as they were/,
  )
  assert.deepEqual(await imagesOf(made), Array(2).fill(`${repository}@${digestOf('1')}`))
  assert.deepEqual(await valuesNames(made), Array(2).fill('web-environment-v1'))
  assert.deepEqual(await states(made), ['v1 running', 'v2 failed'])
  assert.equal(made.target.tags.get('staging'), digestOf('1'))
})

test('deploy() warns of a failing post-deploy hook, and its exit code says so', async () => {
  await using made = await created({ exitCodes: { after: 3 }, config: { 'post-deploy': 'after' } })
  made.target.tags.set('2', digestOf('2'))
  assert.equal(await deploy(made.target, { tag: '2', timeoutSeconds }), 1)
  assert(made.target.noted.some((line) => /warning: the post-deploy hook failed \(exit code 3\)/.test(line)))
  assert.deepEqual(await states(made), ['v1 superseded', 'v2 running'])
})

test('a canary runs no hook, moves no tag, and is not what later releases go on from', async () => {
  await using made = await created({ exitCodes: { before: 1 }, config: { 'pre-deploy': 'before' } })
  made.target.tags.set('2', digestOf('2'))
  const manifests = made.manifests.slice(1)
  assert.equal(await deploy(made.target, { tag: '2', timeoutSeconds, isCanary: true, manifests }), 0)
  assert.equal(made.target.tags.get('staging'), digestOf('1'))
  const mixed = [`${repository}@${digestOf('1')}`, `${repository}@${digestOf('2')}`]
  assert.deepEqual(await imagesOf(made), mixed)
  const change = { description: 'env set', isStaged: false, timeoutSeconds }
  await changeValues(made.target, { ...change, change: (values) => withValues(values, { plain: { A: '1' } }) })
  assert.deepEqual(await imagesOf(made), mixed)
  await rollback(made.target, { number: 1, timeoutSeconds })
  assert.deepEqual(await imagesOf(made), Array(2).fill(`${repository}@${digestOf('1')}`))
})

test('deploy() of a canary that is not there says what to do', async () => {
  await using made = await created()
  const object = { apiVersion: 'apps/v1', kind: 'Deployment', ...webDeployment('web-canary') } as any
  const options = { tag: 'latest', timeoutSeconds, isCanary: true, manifests: [{ kind: Deployment, object }] }
  await assert.rejects(deploy(made.target, options), /There is no Deployment web-canary in default\./)
})

test('deploy() with the file: what it made is taken away when it fails, and all else is as before', async () => {
  const ready = (pod: Pod) => !/young/.test(pod.metadata.name)
  await using made = await created({ ready })
  const more = { ...webDeployment('web-worker'), spec: { ...webDeployment('web-worker').spec, replicas: 3 } }
  const declared = [made.manifests[0]?.object, { apiVersion: 'apps/v1', kind: 'Deployment', ...more }] as any[]
  declared.push({ apiVersion: 'apps/v1', kind: 'Deployment', ...webDeployment('web-young') })
  const manifests = declared.map((object) => ({ kind: Deployment, object }))
  made.target.tags.set('2', digestOf('2'))
  await assert.rejects(
    deploy(made.target, { tag: '2', timeoutSeconds, appliesFile: true, manifests }),
    /web-young did not come up/,
  )
  const deployments = await made.cluster.list(Deployment)
  assert.deepEqual(
    deployments.map(({ metadata, spec }) => `${metadata.name} ${spec.replicas}`),
    ['web-web 2', 'web-worker 2'],
  )
  assert.deepEqual(await imagesOf(made), Array(2).fill(`${repository}@${digestOf('1')}`))
})

test('deploy() with a file that the server refuses changes nothing', async () => {
  await using made = await created()
  const bad = { ...made.manifests[1]?.object, spec: { ...webDeployment('web-worker').spec, replicas: -1 } } as any
  const manifests = [made.manifests[0] as any, { kind: Deployment, object: bad }]
  made.target.tags.set('2', digestOf('2'))
  const failing = deploy(made.target, { tag: '2', timeoutSeconds, appliesFile: true, manifests })
  await assert.rejects(failing, /^WorkflowError: deployment\/web-worker: .*spec\.replicas: Invalid value: -1/)
  assert.deepEqual(await imagesOf(made), Array(2).fill(`${repository}@${digestOf('1')}`))
  assert.deepEqual(await states(made), ['v1 running'])
})

test('deploy() does not wait for containers that end again and again', async () => {
  const crashing = { waiting: { reason: 'CrashLoopBackOff' } }
  const { cluster, target } = await created({ ready: (pod) => !pod.spec.containers[0]?.image?.endsWith('2') })
  target.tags.set('2', digestOf('2'))
  const pause = target.around.pause
  const around = {
    ...target.around,
    async pause(milliseconds: number) {
      await pause(milliseconds)
      for (const pod of await cluster.list(Pod)) {
        if (!pod.spec.containers[0]?.image?.endsWith('2')) continue
        const own = { name: 'web', image: '', imageID: '', ready: false, restartCount: 5, state: crashing }
        const changed = { ...structuredClone(pod), status: { ...pod.status, containerStatuses: [own] } }
        await cluster.client.update(Pod, changed as never, { subresource: 'status' })
      }
    },
  }
  const before = cluster.clock.monotonic()
  await assert.rejects(deploy({ ...target, around }, { tag: '2', timeoutSeconds: 600 }), /did not come up/)
  assert(target.noted.some((line) => /container web ended \d times/.test(line)))
  assert(cluster.clock.monotonic() - before < 100_000)
  await cluster[Symbol.asyncDispose]()
})

test('secrets of an external store are part of every release; a rotation restarts what reads them', async () => {
  await using made = await created()
  const held: Record<string, string> = { TOKEN: 'one' }
  const target = { ...made.target, secrets: { name: 'vault:kv/web', read: async () => ({ ...held }) } }
  const set = { description: 'env set', isStaged: false, timeoutSeconds }
  await changeValues(target, { ...set, change: (values) => withValues(values, { secret: { OWN: 'mine' } }) })
  assert.deepEqual((await nextValues(target)).secret, { OWN: 'mine', TOKEN: 'one' })
  assert.equal(await syncSecrets(target, timeoutSeconds), false)
  held.TOKEN = 'two'
  assert.equal(await syncSecrets(target, timeoutSeconds), true)
  assert.deepEqual(await valuesNames(made), Array(2).fill('web-environment-v3'))
  assert.deepEqual((await nextValues(target)).secret, { OWN: 'mine', TOKEN: 'two' })
  delete held.TOKEN
  await syncSecrets(target, timeoutSeconds)
  assert.deepEqual((await nextValues(target)).secret, { OWN: 'mine' })
  assert(!target.noted.concat(target.printed).some((line) => /one|two/.test(line)))
  held.TOKEN = 'three'
  const foreign = changeValues(target, { ...set, change: (values) => withValues(values, { secret: { TOKEN: 'x' } }) })
  await assert.rejects(foreign, /TOKEN: vault:kv\/web says what it is/)
  await rollback(target, { number: 2, timeoutSeconds })
  assert.equal((await nextValues(target)).secret.TOKEN, 'one')
})

test('watchSecrets() tells of a store that does not answer, and goes on', async () => {
  await using made = await created()
  let asked = 0
  const read = async () => {
    if (++asked < 3) throw new Error('Vault does not answer')
    if (asked > 4) made.target.stop.abort(new Error('SIGINT'))
    return { TOKEN: 'one' }
  }
  const watching = watchSecrets({ ...made.target, secrets: { name: 'vault:kv/web', read } }, { timeoutSeconds, everySeconds: 60 })
  await assert.rejects(watching, /SIGINT/)
  assert.equal(made.target.noted.filter((line) => line === 'warning: Vault does not answer').length, 1)
  assert.deepEqual(await states(made), ['v1 superseded', 'v2 running'])
})

test('rollOut() that another one overtook neither claims nor undoes what runs now', async () => {
  let pauses = 0
  await using made = await created()
  made.target.tags.set('2', digestOf('2'))
  const other = testTarget(made.cluster)
  other.tags.set('3', digestOf('3'))
  const pause = async (milliseconds: number) => {
    if (++pauses === 2) await deploy(other, { tag: '3', timeoutSeconds })
    await made.target.around.pause(milliseconds)
  }
  const target = { ...made.target, around: { ...made.target.around, pause } }
  await assert.rejects(deploy(target, { tag: '2', timeoutSeconds }), /Release v2 was overtaken by another\./)
  assert.deepEqual(await imagesOf(made), Array(2).fill(`${repository}@${digestOf('3')}`))
  assert.deepEqual(await states(made), ['v1 superseded', 'v2 interrupted', 'v3 running'])
})

test('releases that nobody needs are forgotten, those that a Deployment still names are not', async () => {
  await using made = await created()
  const image = `${repository}@${digestOf('1')}`
  for (let number = 2; number <= 35; number++) {
    const record = { description: 'x', image, values: noValues, templates: {}, state: 'pending' } as const
    await markRunning(made.target, await writeRelease(made.target, number, record))
  }
  const numbers = (await listReleases(made.target)).map(({ number }) => number)
  assert.deepEqual(numbers, [1, ...Array.from({ length: 32 }, (_, i) => 4 + i)])
  assert.deepEqual(await valuesNames(made), Array(2).fill('web-environment-v1'))
})

test('Ctrl-C leaves an interrupted release, and rollback() brings back the one that ran', async () => {
  let pauses = 0
  let stop: AbortController | undefined
  const onPause = () => void (stop && ++pauses === 2 && stop.abort(new Error('SIGINT')))
  await using made = await created({ onPause })
  made.target.tags.set('2', digestOf('2'))
  stop = made.target.stop
  await assert.rejects(deploy(made.target, { tag: '2', timeoutSeconds }), /SIGINT/)
  assert.deepEqual(await states(made), ['v1 running', 'v2 interrupted'])
  const again = { ...testTarget(made.cluster), tags: made.target.tags }
  await rollback(again, { number: undefined, timeoutSeconds })
  assert.deepEqual(await imagesOf(made), Array(2).fill(`${repository}@${digestOf('1')}`))
  assert.deepEqual(await states(made), ['v1 superseded', 'v2 interrupted', 'v3 running'])
})

test('changeValues() makes a release, and stages it where it is told to', async () => {
  await using made = await created()
  const set = (plain: Record<string, string>, isStaged: boolean) =>
    changeValues(made.target, {
      change: (values) => withValues(values, { plain }),
      description: 'env set',
      isStaged,
      timeoutSeconds,
    })
  await set({ COLOUR: 'blue' }, false)
  assert.deepEqual(await valuesNames(made), Array(2).fill('web-environment-v2'))
  await set({ SIZE: 'xl' }, true)
  assert.deepEqual(await valuesNames(made), Array(2).fill('web-environment-v2'))
  assert.deepEqual(await states(made), ['v1 superseded', 'v2 running', 'v3 staged'])
  await refreshEnvironment(made.target, { deployment: undefined, timeoutSeconds })
  assert.deepEqual(await valuesNames(made), Array(2).fill('web-environment-v4'))
  assert.deepEqual((await nextValues(made.target)).plain, { COLOUR: 'blue', SIZE: 'xl' })
  assert.deepEqual(await diffReleases(made.target, 1, 4), ['- COLOUR=red', '+ COLOUR=blue', '+ SIZE=xl'])
  await rollback(made.target, { number: 1, timeoutSeconds })
  assert.deepEqual((await nextValues(made.target)).plain, { COLOUR: 'red' })
})

test('secrets are Secrets that containers read beside the values; a diff never tells them', async () => {
  await using made = await created()
  const change = { description: 'env set TOKEN', isStaged: false, timeoutSeconds }
  await changeValues(made.target, { ...change, change: (values) => withValues(values, { secret: { TOKEN: 'abc' } }) })
  const [deployment] = await made.cluster.list(Deployment)
  assert.deepEqual(deployment?.spec.template.spec?.containers[0]?.envFrom, [
    { configMapRef: { name: 'web-environment-v2' } },
    { secretRef: { name: 'web-secrets-v2' } },
  ])
  const secret = await made.cluster.client.get(Secret, { name: 'web-secrets-v2', namespace: 'default' })
  assert.equal(Buffer.from(secret.data?.TOKEN as any, 'base64').toString(), 'abc')
  const lines = await diffReleases(made.target, 1, 2)
  assert.deepEqual(lines.slice(0, 1), ['+ TOKEN=(secret)'])
  assert(!lines.join().includes('abc'))
})

test('deleteEnvironment() leaves neither objects nor values', async () => {
  await using made = await created()
  await deleteEnvironment(made.target, { manifests: made.manifests, isFile: false })
  assert.deepEqual(await made.cluster.list(Deployment), [])
  assert.deepEqual(await made.cluster.list(ConfigMap, 'default'), [])
})

test('parseTimeout() reads seconds and units', () => {
  assert.deepEqual(['600', '90s', '10m', '1h'].map(parseTimeout), [600, 90, 600, 3600])
  for (const text of ['', '0', 'ten', '5d']) assert.throws(() => parseTimeout(text), { exitCode: 2 })
})
