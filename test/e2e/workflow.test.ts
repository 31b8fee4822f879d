import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Bed, eventually, noBed, openBed } from '#testing/bed.ts'
import { realClients } from '#testing/real-clients.ts'
import { makeProject, type TestProject } from './workflow-project.ts'

const clients = realClients()
const peer = fileURLToPath(new URL('./peer/peer.ts', import.meta.url))

/** The whole life of two projects side by side, with git repositories, the cluster's own registry and real pods. */
describe('the application workflow', { skip: noBed() || clients.missing, timeout: 600_000 }, () => {
  let bed: Bed
  before(async () => {
    bed = await openBed({ kubectl: clients.kubectl })
  })
  after(() => bed?.[Symbol.asyncDispose]())

  /** Twice: what a life leaves behind must not disturb the next. */
  for (const round of [1, 2]) {
    test(`setup, push, create, deploy, promote, undo, rollback, review, delete: round ${round}`, async () => {
      const projects = await Promise.all(['shop', 'blog'].map((name) => makeProject(bed, `${name}-${round}`)))
      for (const project of projects) await begin(project, round)
      await Promise.all(projects.map(live))
      await Promise.all(projects.map(end))
    })
  }

  async function begin(project: TestProject, round: number): Promise<void> {
    const written = await project.nami('setup --registry localhost:5000')
    assert.match(written, /^hokusai\/staging\.yml$/m)
    // Both live in the same namespaces.
    if (round === 1 && project.name.startsWith('shop')) await project.nami('configure --here')
    const commit = await project.commit('one')
    assert.doesNotMatch(await project.nami('check'), /✘/)
    assert.match(await project.nami('registry push'), new RegExp(`^localhost:5000/${project.name}:${commit} sha256:`, 'm'))
  }

  async function live(project: TestProject): Promise<void> {
    assert.match(await project.nami('staging create -e COLOUR=red'), /staging is created: release v1 runs\./)
    assert.deepEqual(await answer(project, 'staging'), { version: '1', colour: 'red' })

    project.write('version', '2\n')
    const commit = await project.commit('two')
    await project.nami('registry push')
    assert.match(await project.nami(`staging deploy ${commit}`), /Release v2 runs on staging\./)
    assert.deepEqual(await answer(project, 'staging'), { version: '2', colour: 'red' })

    await project.nami('staging env set COLOUR=blue')
    const { stdout, stderr } = await project.tries('staging env set --secret TOKEN', { stdin: 'hunter2' })
    assert.doesNotMatch(stdout + stderr, /hunter2/)
    assert.deepEqual(await answer(project, 'staging'), { version: '2', colour: 'blue', token: 7 })
    assert.equal(await project.nami('staging env get'), 'COLOUR=blue\nTOKEN=(secret)\n')

    await project.nami('production create -e COLOUR=green')
    assert.match(await project.nami('pipeline promote --git-remote origin'), /Release v2 runs on production\./)
    assert.deepEqual(await answer(project, 'production'), { version: '2', colour: 'green' })
    const tags = await project.git('ls-remote', '--tags', 'origin')
    assert.match(tags, new RegExp(`${commit}\\s+refs/tags/production\\n`))
    assert.match(tags, /refs\/tags\/production--\d{4}-\d\d-\d\d--\d\d-\d\d-\d\d/)
    await failAndReturn(project)
    await review(project)
  }

  async function failAndReturn(project: TestProject): Promise<void> {
    project.write('version', 'bad\n')
    const commit = await project.commit('bad')
    await project.nami('registry push')
    const { code, stderr } = await project.fails(`staging deploy ${commit} --timeout 8`)
    assert.equal(code, 1)
    assert.match(stderr, /exit code 3[\s\S]*Release v5 failed: .* did not come up\. All Deployments are as they were before\./)
    assert.deepEqual(await answer(project, 'staging'), { version: '2', colour: 'blue', token: 7 })

    assert.match(await project.nami('staging rollback 1'), /Release v6 runs on staging: v1 again\./)
    assert.deepEqual(await answer(project, 'staging'), { version: '1', colour: 'red' })
    await project.nami('staging rollback')
    assert.deepEqual(await answer(project, 'staging'), { version: '2', colour: 'blue', token: 7 })
    const releases = await project.nami('staging releases')
    assert.match(releases, /v7\s+running\s+\S+\s+ann\s+\S+Z\s+rollback to v4\n/)
    assert.match(releases, /v5\s+failed/)
    assert.match(await project.nami('staging releases diff 2 3'), /^- COLOUR=red\n\+ COLOUR=blue$/m)
  }

  async function review(project: TestProject): Promise<void> {
    const name = `${project.name}-new`
    await project.nami(`review_app setup ${name}`)
    await project.nami(`registry push --tag ${name} --local-tag latest --skip-latest --no-build`)
    // What was built last is the bad one.
    await project.fails(`review_app create ${name} --timeout 4`)
    project.write('version', '3\n')
    await project.commit('three')
    await project.nami(`registry push --tag ${name} --overwrite --skip-latest`)
    await project.nami(`review_app deploy ${name} ${name}`)
    assert.deepEqual(await answer(project, name), { version: '3', colour: 'blue', token: 7 })
    assert.equal(await project.nami('review_app list'), `${name}\n`)
    await project.nami(`review_app delete ${name} --yes`)
    await eventually(async () => assert.equal((await bed.kubectl('get', 'namespace', name)).code, 1), { timeout: 60_000 })
  }

  async function end(project: TestProject): Promise<void> {
    await project.nami('staging delete --yes')
    await project.nami('production delete --yes')
    for (const namespace of ['staging', 'production']) {
      const left = () => bed.kubectl('get', 'all,cm,secret', '-n', namespace, '-o', 'name', '-l', `app=${project.name}`)
      await eventually(async () => assert.equal((await left()).stdout, ''), { timeout: 60_000 })
    }
  }

  async function answer(project: TestProject, namespace: string) {
    const { pod: _, ...rest } = (await project.ask(namespace)) as Record<string, unknown>
    return rest
  }

  describe('one environment', () => {
    let project: TestProject
    before(async () => {
      project = await makeProject(bed, 'web')
      await project.nami('setup --registry localhost:5000')
      const replicas = project.read('hokusai/staging.yml').replace('replicas: 1', 'replicas: 3')
      project.write('hokusai/staging.yml', replicas)
      await project.commit('one')
      await project.nami('registry push')
      await project.nami('staging create -e COLOUR=red')
    })
    after(() => project?.nami('staging delete --yes'))

    const releases = async (): Promise<{ number: number; state: string }[]> =>
      JSON.parse(await project.nami('staging releases --json --limit 100'))
    const config = (text: string) => project.write('hokusai/config.yml', `project-name: web\nregistry: localhost:5000\n${text}`)

    test('a deploy under load loses no request', async () => {
      project.write('version', '2\n')
      await project.commit('two')
      await project.nami('registry push')
      const background = bed.start(process.execPath, [peer, '18090'])
      const page = async (path: string) => JSON.parse(await bed.get(`http://127.0.0.1:18090${path}`))
      await eventually(() => page('/'))
      const url = await project.url('staging')
      const ids = [await page(`/load?rate=150&url=${url}`), await page(`/load?rate=30&keep&url=${url}`)]
      await project.nami('staging deploy latest')
      await project.nami('staging env set COLOUR=blue')
      await project.nami('staging refresh')
      for (const id of ids) {
        const { sent, failed } = await page(`/report?id=${id}`)
        assert.ok(sent > 50, `${sent} sent`)
        assert.deepEqual(failed.slice(0, 5), [], `${failed.length} of ${sent} failed`)
      }
      await background.stop()
    })

    test('hooks: the first failure stops with its own exit code and nothing is changed; the last one warns', async () => {
      const before = await releases()
      config('pre-deploy: node migrate.js 5\n')
      const failed = await project.fails('staging deploy latest')
      assert.deepEqual([failed.code, await releases()], [5, before])
      assert.match(failed.stderr, /The pre-deploy hook failed with exit code 5\. Nothing is deployed\./)
      const migration = await project.tries(`staging deploy latest --migration 'node migrate.js 9'`)
      assert.deepEqual([migration.code, await releases()], [9, before])
      assert.match(migration.stdout, /migrating as blue/)
      config('pre-deploy: node migrate.js\npost-deploy: node migrate.js 4\n')
      const warned = await project.tries('staging deploy latest')
      assert.equal(warned.code, 1)
      assert.match(warned.stdout, /Release v\d+ runs on staging\./)
      assert.match(warned.stderr, /warning: the post-deploy hook failed \(exit code 4\)/)
      config('')
    })

    test('run: exit code, values, and no pod is left, also after Ctrl-C', async () => {
      const ran = await project.tries(`staging run --env EXTRA=1 'sh -c "echo $COLOUR $EXTRA; exit 7"'`)
      assert.deepEqual([ran.code, ran.stdout], [7, 'blue 1\n'])
      const waiting = bed.start('env', [
        `--chdir=${project.directory}`,
        'USER=ann',
        process.execPath,
        ...project.command(`staging run 'sleep 60'`),
      ])
      const runs = async () => (await bed.kubectl('get', 'pods', '-n', 'staging', '-l', 'nami.dev/kind=run')).stdout
      await eventually(async () => assert.match(await runs(), /Running/), { timeout: 60_000 })
      waiting.process.kill('SIGINT')
      await eventually(async () => assert.equal(await runs(), ''), { timeout: 60_000 })
      assert.match(waiting.printed(), /interrupted/)
    })

    test('Ctrl-C in the middle of a deploy: the next command knows, and puts everything right', async () => {
      project.write('version', 'bad again\n')
      await project.commit('bad again')
      await project.nami('registry push')
      const deploying = bed.start('env', [
        `--chdir=${project.directory}`,
        'USER=ann',
        process.execPath,
        ...project.command('staging deploy latest'),
      ])
      await deploying.until(/new pods available|old pods? to end/)
      deploying.process.kill('SIGINT')
      await deploying.until(/Release v\d+ is interrupted/)
      assert.match(await project.nami('staging status'), /is interrupted/)
      await project.nami('staging rollback')
      assert.equal((await project.ask('staging')).version, '2')
    })

    test('killed in the middle of a deploy: the same', async () => {
      config('')
      const deploying = bed.start('env', [
        `--chdir=${project.directory}`,
        'USER=ann',
        process.execPath,
        ...project.command('staging deploy latest'),
      ])
      await deploying.until(/new pods available|old pods? to end/)
      await deploying.stop()
      const { stderr } = await project.tries('staging rollback')
      assert.match(stderr, /was never finished; it counts as interrupted/)
      assert.equal((await project.ask('staging')).version, '2')
    })

    test('secrets come from Vault; a rotation restarts what reads them and is never printed', async () => {
      config('')
      const vault = await serveVault()
      vault.hold({ TOKEN: 'abc' })
      config('staging-secrets: vault:secret/web\n')
      const env = { VAULT_ADDR: vault.address, VAULT_TOKEN: 's.test' }
      const first = await project.tries('staging secrets sync', { env })
      assert.match(first.stdout, /Release v\d+ runs on staging/, first.stderr)
      assert.equal((await project.ask('staging')).token, 3)
      vault.hold({ TOKEN: 'abcdef' })
      const second = await project.tries('staging secrets sync', { env })
      assert.equal((await project.ask('staging')).token, 6)
      assert.equal(await project.nami('staging secrets sync', { env }), 'Nothing changes.\n')
      assert.doesNotMatch(first.stdout + first.stderr + second.stdout + second.stderr, /abc/)
      const { code, stderr } = await project.tries('staging deploy latest', { env: { ...env, VAULT_ADDR: 'http://127.0.0.1:1' } })
      assert.equal(code, 1)
      assert.match(stderr, /Vault at http:\/\/127\.0\.0\.1:1 does not answer/)
      config('')
    })

    /** In the bed's network, where the command runs. */
    async function serveVault() {
      const file = `${bed.directory}/projects/vault.json`
      const script = `require('node:http').createServer((request, response) => {
        if (request.headers['x-vault-token'] !== 's.test') return response.writeHead(403).end('{"errors":["permission denied"]}')
        if (request.url === '/v1/secret/data/web') return response.end(require('node:fs').readFileSync(${JSON.stringify(file)}))
        response.writeHead(404).end('{"errors":[]}')
      }).listen(18200, '127.0.0.1', () => console.log('listening'))`
      await bed.start(process.execPath, ['-e', script]).until(/listening/)
      const hold = (data: object) => writeFileSync(file, JSON.stringify({ data: { data, metadata: { version: 1 } } }))
      return { address: 'http://127.0.0.1:18200', hold }
    }

    test('the shared configuration: who would feel a change is shown before anything is done', async () => {
      config('')
      const shared = (name: string, namespace: string) => ({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name, namespace, labels: { app: name } },
        spec: {
          replicas: 0,
          selector: { matchLabels: { app: name } },
          template: {
            metadata: { labels: { app: name } },
            spec: {
              containers: [{ name: 'main', image: 'x', envFrom: [{ configMapRef: { name: 'web-env' } }] }],
              volumes: [{ name: 'conf', projected: { sources: [{ configMap: { name: 'web-env' } }] } }],
            },
          },
        },
      })
      const objects = [shared('front', 'staging'), shared('payments', 'staging'), shared('elsewhere', 'default')]
      const map = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'web-env', namespace: 'staging' },
        data: { WORKERS: '4' },
      }
      const stdin = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [map, ...objects] })
      await bed.run(bed.kubectlPath, ['apply', '-f', '-'], { stdin })
      const users = await project.nami('uses configmap/web-env')
      assert.match(
        users,
        /default\s+deployment\/elsewhere[\s\S]*staging\s+deployment\/front[\s\S]*staging\s+deployment\/payments/,
      )
      assert.match(users, /deployment\/front\s+all variables of container main, volume conf/)

      const own = project.read('hokusai/staging.yml')
      project.write('hokusai/staging.yml', `${own}\n---\n${JSON.stringify({ ...map, data: { WORKERS: '0' } })}\n`)
      const { code, stderr } = await project.fails('staging update --skip-checks')
      assert.equal(code, 1)
      assert.match(stderr, /Others use what this changes:[\s\S]*deployment\/front[\s\S]*deployment\/payments/)
      assert.doesNotMatch(stderr, /elsewhere/)
      const workers = async () =>
        (await bed.kubectl('get', 'cm', 'web-env', '-n', 'staging', '-o', 'jsonpath={.data.WORKERS}')).stdout
      assert.equal(await workers(), '4')
      await project.nami('staging update --skip-checks --yes')
      assert.equal(await workers(), '0')
      project.write('hokusai/staging.yml', own)
    })

    test('what is wrong is said, with a place and what to type, and nothing is done', async () => {
      config('')
      const before = await releases()
      const own = project.read('hokusai/staging.yml')
      const broken = async (text: string) => {
        project.write('hokusai/staging.yml', text)
        return (await project.fails('staging update --skip-checks')).stderr
      }
      const lines = own.trimEnd().split('\n').length
      assert.match(
        await broken(`${own.trimEnd()}\n{{ nothing }}\n`),
        new RegExp(`hokusai/staging\\.yml:${lines + 1}:4: "nothing" is undefined`),
      )
      assert.match(
        await broken(`${own.trimEnd()}\n{% if %}\n`),
        new RegExp(`hokusai/staging\\.yml:${lines + 1}:7: unexpected '%}'`),
      )
      assert.match(await broken(`${own.trimEnd()}\n foo: [\n`), /hokusai\/staging\.yml:\d+:\d+: /)
      assert.match(await broken(own.replace('replicas: 3', 'replicsa: 3')), /deployment\/web-web: .*replicsa/)
      project.write('hokusai/staging.yml', own)

      project.write('untracked.js', '')
      assert.match((await project.fails('registry push')).stderr, /\?\? untracked\.js[\s\S]*--force/)
      await project.git('clean', '-fdq')
      assert.match((await project.fails('registry push')).stderr, /has the tag [0-9a-f]{40} already[\s\S]*--overwrite/)
      assert.match(
        (await project.fails('staging deploy nope')).stderr,
        /localhost:5000\/web has no tag nope\.\n {2}nami registry images/,
      )
      await project.git('checkout', '-q', '-b', 'other')
      assert.match((await project.fails('staging update')).stderr, /The branch is other, not main\./)
      await project.git('checkout', '-q', '--detach')
      assert.match((await project.fails('staging update')).stderr, /HEAD is detached/)
      await project.git('checkout', '-q', 'main')
      config('hokusai-required-version: ">=9"\n')
      assert.match((await project.fails('staging status')).stderr, /requires Hokusai >=9/)
      config('pre-deploy: 7\n')
      assert.match((await project.fails('staging status')).stderr, /pre-deploy must be a text, not 7/)
      project.write('hokusai/config.yml', 'project-name: web\nregistry: localhost:5999\n')
      assert.match((await project.fails('registry images')).stderr, /localhost:5999/)
      config('')
      assert.deepEqual(await releases(), before)
    })

    test('somebody without rights is told which', async () => {
      await bed.kubectl('create', 'serviceaccount', 'guest', '-n', 'staging')
      const { stdout: token } = await bed.kubectl('create', 'token', 'guest', '-n', 'staging')
      await bed.kubectl('config', 'set-credentials', 'guest', `--token=${token.trim()}`)
      const { stdout: cluster } = await bed.kubectl('config', 'view', '-o', 'jsonpath={.contexts[0].context.cluster}')
      await bed.kubectl('config', 'set-context', 'guest', '--user=guest', `--cluster=${cluster}`, '--namespace=staging')
      config('staging-context: guest\n')
      const { code, stderr } = await project.fails('staging env set A=1')
      assert.equal(code, 1)
      assert.match(stderr, /system:serviceaccount:staging:guest" cannot list resource/)
      config('')
    })
  })
})
