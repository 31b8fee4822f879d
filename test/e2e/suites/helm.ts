/** Helm, as it comes: the chart of the examples installed, tested, upgraded, rolled back and removed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { eventually } from '#testing/bed.ts'
import type { Open } from '../space.ts'

const chart = fileURLToPath(new URL('../../../examples/charts/greeter', import.meta.url))
const patiently = ['--wait', '--timeout=90s']

export function helm(open: Open, program: string): void {
  test('helm install, test, upgrade, a failing hook, history, rollback, uninstall', async () => {
    const space = await open('helm')
    const call = (...args: string[]) => space.bed.run(program, ['-n', 'helm', ...args], { timeout: 120_000 })
    const run = async (...args: string[]) => {
      const { code, stdout, stderr } = await call(...args)
      assert.equal(code, 0, `helm ${args.join(' ')}: ${stderr}`)
      return stdout
    }
    const upgrade = (...args: string[]) => ['upgrade', 'hi', chart, '--reuse-values', ...args, ...patiently]
    const answer = async () =>
      JSON.parse(await space.bed.get(`http://${await space.path('service hi', '{.spec.clusterIP}')}/`)).version
    const announced = () => space.path('greetings', '{range .items[*]}{.metadata.name}={.status.announcedRevision} {end}')

    const image = ['--set', `image=${space.image},readinessPath=/readyz,replicas=1`]
    const installed = await run('install', 'hi', chart, ...image, '--set', 'env.VERSION=one', ...patiently)
    assert.match(installed, /STATUS: deployed\nREVISION: 1/)
    // The pods are ready; the node's rules follow a moment later.
    await eventually(async () => assert.equal(await answer(), 'one'))
    assert.equal(await announced(), 'hi-morning=1 ', 'the job after it has told the API')
    assert.match(await run('test', 'hi'), /Phase: +Succeeded/)

    const changes = ['--set', 'env.VERSION=two,replicas=2,greetings.evening=Bye']
    assert.match(await run(...upgrade(...changes)), /REVISION: 2/)
    assert.equal(await space.path('deployment hi', '{.status.readyReplicas}'), '2')
    await eventually(async () => assert.equal(await answer(), 'two'))
    assert.equal(await announced(), 'hi-evening=2 hi-morning=2 ')

    const refused = await call(...upgrade('--set', 'env.VERSION=three,check.script=exit 3'))
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /pre-upgrade hooks failed/)
    assert.equal(await answer(), 'two')
    assert.match(await run('history', 'hi'), /1\s.*superseded[\s\S]*2\s.*deployed[\s\S]*3\s.*failed/)

    assert.match(await run('rollback', 'hi', '1', ...patiently), /Rollback was a success/)
    assert.equal(await space.path('deployment hi', '{.spec.replicas}'), '1')
    assert.equal(await announced(), 'hi-morning=1 ', 'the hooks of a rollback are those of the revision that it leads to')
    assert.match(await run('list'), /^hi\s+helm\s+4\s/m)
    assert.match(await run('uninstall', 'hi', ...patiently), /release "hi" uninstalled/)
    const left = await space.get('deployments,services,configmaps,greetings', '-l', 'app.kubernetes.io/instance=hi')
    assert.equal(left.items.length, 0)
    await space.kubectl('get', 'crd', 'greetings.greeter.example.com')
  })
}
