import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type ControlPlane, openControlPlane } from '#testing/control-plane.ts'
import { realClients } from '#testing/real-clients.ts'

const { kubectl: program, missing: skip } = realClients()
let plane: ControlPlane

before(async () => {
  if (!skip) plane = await openControlPlane()
})
after(async () => {
  await plane?.[Symbol.asyncDispose]()
})

async function ok(line: string, stdin?: string): Promise<string> {
  const { code, stdout, stderr } = await plane.run(program, line.split(' '), { ...(stdin !== undefined && { stdin }) })
  assert.equal(code, 0, `kubectl ${line}: ${stderr}${stdout}`)
  return stdout.trimEnd()
}

const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'main', image: 'example/app:1' }] } }
const selector = { matchLabels: { app: 'web' } }

/** There is no node, so that no pod is wanted and each rollout is complete at once. */
const workloads = [
  { kind: 'StatefulSet', name: 'db', spec: { replicas: 0, serviceName: 'db' } },
  { kind: 'DaemonSet', name: 'log', spec: {} },
]

for (const { kind, name, spec } of workloads) {
  test(`kubectl rolls a ${kind} out, shows its history and brings a revision back`, { skip }, async () => {
    const it = `${kind.toLowerCase()}/${name}`
    const manifest = { apiVersion: 'apps/v1', kind, metadata: { name }, spec: { ...spec, selector, template } }
    await ok('apply -f -', JSON.stringify(manifest))
    await ok(`rollout status ${it} --timeout 20s`)
    await ok(`annotate ${it} kubernetes.io/change-cause=second`)
    await ok(`set image ${it} main=example/app:2`)
    await ok(`rollout status ${it} --timeout 20s`)
    const history = (await ok(`rollout history ${it}`)).split('\n').map((line) => line.split(/\s{2,}/))
    assert.deepEqual(history.slice(1), [
      ['REVISION', 'CHANGE-CAUSE'],
      ['1', '<none>'],
      ['2', 'second'],
    ])
    assert.match(await ok(`rollout history ${it} --revision 1`), /Image:\s+example\/app:1/)
    assert.match(await ok(`rollout undo ${it}`), /rolled back$/)
    assert.equal(await ok(`get ${it} -o jsonpath={.spec.template.spec.containers[0].image}`), 'example/app:1')
    await ok(`rollout status ${it} --timeout 20s`)
    assert.match(await ok(`rollout history ${it}`), /\n2 +second\n3 +/)
    assert.match(await ok(`rollout undo ${it} --to-revision 2`), /rolled back$/)
    assert.equal(await ok(`get ${it} -o jsonpath={.spec.template.spec.containers[0].image}`), 'example/app:2')
    assert.match(await ok(`rollout restart ${it}`), /restarted$/)
    await ok(`delete ${it}`)
  })
}

test('kubectl makes a job out of a cron job, and deletes it with its pods', { skip }, async () => {
  await ok('create cronjob tick --image example/app:1 --schedule @yearly')
  await ok('create job now --from cronjob/tick')
  await ok('wait --for jsonpath={.status.active}=1 job/now --timeout 20s')
  assert.match(await ok('describe job now'), /SuccessfulCreate .* Created pod: now-/)
  await ok('delete job now')
  await ok('wait --for delete pod -l job-name=now --timeout 20s')
})
