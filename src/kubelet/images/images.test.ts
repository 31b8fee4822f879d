import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Pod } from '#api/core/v1/pod.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { pod } from '#testing/make.ts'
import type { ImageRequest, ImageSource } from '../containers/image-source.ts'
import { MemoryRuntime } from '../cri/memory-runtime.ts'
import { containerConfig, sandboxConfig } from '../cri/test-configs.ts'
import { createImageGc } from './image-gc.ts'
import { createImageManager } from './image-manager.ts'
import { parseImageName } from './image-name.ts'
import { lookup, makeKeyring, type PullSecret } from './keyring.ts'

const names = [
  ['nginx', 'docker.io/library/nginx', 'latest', 'nginx:latest'],
  ['nginx:1.27', 'docker.io/library/nginx', '1.27', 'nginx:1.27'],
  ['team/app', 'docker.io/team/app', 'latest', 'team/app:latest'],
  ['localhost/app', 'localhost/app', 'latest', 'localhost/app:latest'],
  ['localhost:5000/a/b:v1', 'localhost:5000/a/b', 'v1', 'localhost:5000/a/b:v1'],
  ['index.docker.io/library/nginx', 'docker.io/library/nginx', 'latest', 'index.docker.io/library/nginx:latest'],
  [`app@sha256:${'a'.repeat(64)}`, 'docker.io/library/app', '', `app@sha256:${'a'.repeat(64)}`],
] as const

for (const [text, repository, tag, tagged] of names) {
  test(`parseImageName() reads ${text.slice(0, 40)}`, () => {
    const name = parseImageName(text)
    assert.deepEqual([name.repository, name.tag, name.tagged], [repository, tag, tagged])
  })
}

const badNames = [
  ['App', `couldn't parse image name "App": invalid reference format: repository name (library/App) must be lowercase`],
  ['a b', `couldn't parse image name "a b": invalid reference format`],
  ['', `couldn't parse image name "": invalid reference format`],
  ['app:', `couldn't parse image name "app:": invalid reference format`],
  [
    'a'.repeat(64),
    `couldn't parse image name "${'a'.repeat(64)}": invalid repository name (${'a'.repeat(64)}), cannot specify 64-byte hexadecimal strings`,
  ],
] as const

for (const [text, message] of badNames) {
  test(`parseImageName() refuses "${text.slice(0, 10)}"`, () => assert.throws(() => parseImageName(text), { message }))
}

function secret(auths: object): PullSecret {
  return { entries: new Map([['.dockerconfigjson', Buffer.from(JSON.stringify({ auths }))]]) }
}

test('lookup() finds credentials by host glob, port and path prefix, longest first', () => {
  const basic = (user: string) => ({ auth: Buffer.from(`${user}:p:w`).toString('base64') })
  const keyring = makeKeyring([
    secret({
      'https://index.docker.io/v1/': basic('hub'),
      'registry.example.com/team': basic('team'),
      'registry.example.com': basic('all'),
      '*.kube.io': basic('glob'),
      'localhost:5000': basic('local'),
    }),
  ])
  const users = (repository: string) => lookup(keyring, repository).map(({ auth }) => auth.username)
  assert.deepEqual(users('docker.io/library/nginx'), ['hub'])
  assert.deepEqual(users('registry.example.com/team/app'), ['team', 'all'])
  assert.deepEqual(users('registry.example.com/other'), ['all'])
  assert.deepEqual(users('a.kube.io/x'), ['glob'])
  assert.deepEqual(users('a.b.kube.io/x'), [])
  assert.deepEqual(users('localhost:5000/x'), ['local'])
  assert.deepEqual(users('localhost:5001/x'), [])
  assert.equal(lookup(keyring, 'localhost:5000/x')[0]?.auth.password, 'p:w')
})

function bed(pullable = (_image: string) => true) {
  const clock = new VirtualClock()
  const runtime = new MemoryRuntime({ clock, pullable })
  const events: string[] = []
  const manager = createImageManager({ runtime, clock })
  const ensure = (
    image: string,
    policy: ImageRequest['policy'] = 'IfNotPresent',
    secrets: PullSecret[] = [],
    by: ImageSource = manager,
  ) =>
    by
      .ensure({
        image,
        policy,
        pod: pod('p1') as Pod,
        sandbox: sandboxConfig('p1'),
        pullSecrets: secrets.map(({ entries }) => ({ entries: entries as Map<string, Buffer>, binary: new Set<string>() })),
        record: ({ type, reason, message }) => events.push(`${type} ${reason} ${message}`),
        signal: new AbortController().signal,
      })
      .then(({ id }) => id)
  return { clock, runtime, events, ensure }
}

test('ensure() pulls what is absent and then finds it', async () => {
  const { ensure, events, runtime } = bed()
  const id = await ensure('app')
  assert.equal(await ensure('app'), id)
  assert.deepEqual(events, [
    'Normal Pulling Pulling image "app"',
    'Normal Pulled Successfully pulled image "app" in 0s (0s including waiting). Image size: 1000000 bytes.',
    'Normal Pulled Container image "app" already present on machine and can be accessed by the pod',
  ])
  assert(runtime.calls.includes('pullImage app:latest'))
  await ensure('app', 'Always')
  assert.equal(runtime.calls.filter((call) => call.startsWith('pullImage')).length, 2)
})

test('ensure() with policy Never refuses an absent image', async () => {
  const { ensure, events } = bed()
  const message = 'Container image "app" is not present with pull policy of Never'
  await assert.rejects(ensure('app', 'Never'), { reason: 'ErrImageNeverPull', message })
  assert.deepEqual(events, [`Warning ErrImageNeverPull ${message}`])
})

test('ensure() names an invalid image', async () => {
  const { ensure, events } = bed()
  const why = `couldn't parse image name "Bad": invalid reference format: repository name (library/Bad) must be lowercase`
  const message = `Failed to apply default image tag "Bad": ${why}`
  await assert.rejects(ensure('Bad'), { reason: 'InvalidImageName', message })
  assert.deepEqual(events, [`Warning InspectFailed ${message}`])
})

test('ensure() backs off after failures: 10 s, 20 s, ... and says why', async () => {
  const { ensure, events, clock, runtime } = bed()
  runtime.fail('pullImage', 'no such host', { times: Number.POSITIVE_INFINITY })
  await assert.rejects(ensure('app'), { reason: 'ErrImagePull', message: 'no such host' })
  clock.advanceTo(clock.now() + 9_999)
  const message = 'Back-off pulling image "app": ErrImagePull: no such host'
  await assert.rejects(ensure('app'), { reason: 'ImagePullBackOff', message })
  clock.advanceTo(clock.now() + 1)
  await assert.rejects(ensure('app'), { reason: 'ErrImagePull' })
  clock.advanceTo(clock.now() + 19_999)
  await assert.rejects(ensure('app'), { reason: 'ImagePullBackOff' })
  clock.advanceTo(clock.now() + 1)
  await assert.rejects(ensure('app'), { reason: 'ErrImagePull' })
  assert.deepEqual(events.slice(0, 3), [
    'Normal Pulling Pulling image "app"',
    'Warning Failed Failed to pull image "app": no such host',
    'Normal BackOff Back-off pulling image "app"',
  ])
})

test('ensure() shows a gRPC code that says something', async () => {
  const { ensure } = bed(() => false)
  await assert.rejects(ensure('app:1'), {
    message: /^rpc error: code = NotFound desc = failed to pull and unpack image "app:1"/,
  })
})

test('ensure() asks again for credentials of a private image, also after a restart', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'nami-images-'))
  try {
    const { runtime, clock, ensure, events } = bed()
    const recordsFile = join(directory, 'records.json')
    const first = createImageManager({ runtime, clock, recordsFile })
    const good = secret({ 'private.example.com': { username: 'u', password: 'p' } })
    await ensure('private.example.com/app:1', 'IfNotPresent', [good], first)
    const second = createImageManager({ runtime, clock, recordsFile })
    runtime.fail('pullImage', 'denied')
    await assert.rejects(ensure('private.example.com/app:1', 'IfNotPresent', [], second), { message: 'denied' })
    events.length = 0
    await ensure('private.example.com/app:1', 'IfNotPresent', [good], second)
    assert.match(events.join(), /can be accessed by the pod/)
    await assert.rejects(ensure('private.example.com/app:1', 'Never', [], second), { reason: 'ErrImageNeverPull' })
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('ImageGc collect() frees unused old images down to the low threshold', async () => {
  const clock = new VirtualClock()
  const runtime = new MemoryRuntime({ clock })
  for (const name of ['a:1', 'b:1', 'used:1']) runtime.addImage(name, { size: 60 })
  runtime.addImage('pinned:1', { size: 60, pinned: true })
  const config = sandboxConfig('web')
  const sandbox = await runtime.runPodSandbox(config)
  await runtime.createContainer(sandbox, containerConfig('app', { image: 'used:1' }), config)
  let available = 200
  const gc = createImageGc({ runtime, clock, filesystem: async () => ({ capacity: 1000, available }) })
  await gc.collect()
  assert.equal((await runtime.listImages()).length, 4)
  clock.advanceTo(clock.now() + 120_000)
  available = 150
  await gc.collect()
  assert.deepEqual(
    (await runtime.listImages()).map(({ repoTags }) => repoTags[0]),
    ['b:1', 'used:1', 'pinned:1'],
  )
  available = 10
  await assert.rejects(gc.collect(), {
    message:
      'Failed to garbage collect required amount of images. Attempted to free 190 bytes, but only found 60 bytes eligible to free.',
  })
})
