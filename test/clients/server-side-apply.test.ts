import assert from 'node:assert/strict'
import { join } from 'node:path'
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

interface Result {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The same command by kubectl itself, or by our own. */
type Kubectl = (line: string, stdin?: unknown) => Promise<Result>

const real: Kubectl = (line, stdin) =>
  plane.run(program, line.split(' '), { ...(stdin !== undefined && { stdin: JSON.stringify(stdin) }) })

async function ok(run: Kubectl, line: string, stdin?: unknown): Promise<string> {
  const { code, stdout, stderr } = await run(line, stdin)
  assert.equal(code, 0, `kubectl ${line}: ${stderr}${stdout}`)
  return stdout.trimEnd()
}

function deployment(name: string, spec: object = {}) {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      selector: { matchLabels: { app: 'a' } },
      template: { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
      ...spec,
    },
  }
}

const apply = 'apply --server-side -f -'

const advice = `Please review the fields above--they currently have other managers. Here
are the ways you can resolve this warning:
* If you intend to manage all of these fields, please re-run the apply
  command with the \`--force-conflicts\` flag.
* If you do not intend to manage all of the fields, please edit your
  manifest to remove references to the fields that should keep their
  current managers.
* You may co-own fields by updating your manifest to match the existing
  value; in this case, you'll become the manager if the other manager(s)
  stop managing the field (remove it from their configuration).
See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts`

async function journey(run: Kubectl, name: string): Promise<void> {
  const replicas = `get deployment ${name} -o jsonpath={.spec.replicas}`
  assert.equal(
    await ok(run, apply, deployment(name, { replicas: 2, paused: true })),
    `deployment.apps/${name} serverside-applied`,
  )
  assert.equal(
    await ok(run, apply, deployment(name, { replicas: 2, paused: true })),
    `deployment.apps/${name} serverside-applied`,
  )
  assert.equal(await ok(run, `get deployment ${name} -o jsonpath={.metadata.annotations}`), '')

  await ok(run, `scale deployment ${name} --replicas=3`)
  const refused = await run(apply, deployment(name, { replicas: 2, paused: true }))
  assert.equal(refused.code, 1)
  const conflict = 'Apply failed with 1 conflict: conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas'
  assert.equal(refused.stderr.trimEnd(), `error: ${conflict}\n${advice}`)
  await ok(run, `${apply} --force-conflicts`, deployment(name, { replicas: 2, paused: true }))
  assert.equal(await ok(run, replicas), '2')

  await ok(run, apply, deployment(name, { replicas: 2 }))
  assert.equal(await ok(run, `get deployment ${name} -o jsonpath={.spec.paused}`), '')
  await ok(run, `${apply} --field-manager=other`, { ...deployment(name), spec: { ...deployment(name).spec, minReadySeconds: 5 } })
  const managers = await ok(run, `get deployment ${name} -o jsonpath={.metadata.managedFields[*].manager} --show-managed-fields`)
  const people = managers.split(' ').filter((manager) => manager !== 'kube-controller-manager')
  assert.deepEqual(people.sort(), ['kubectl', 'other'])
  assert.doesNotMatch(await ok(run, `get deployment ${name} -o yaml`), /managedFields/)
  assert.match(await ok(run, `get deployment ${name} -o yaml --show-managed-fields`), /^ {4}manager: other$/m)
}

test('kubectl applies on the server: creation, conflict, force, removal', { skip }, async () => {
  await journey(real, 'web')
})

const own: Kubectl = (line, stdin) => {
  const nami = join(import.meta.dirname, '../../bin/nami.ts')
  const options = stdin === undefined ? {} : { stdin: JSON.stringify(stdin) }
  return plane.run(process.execPath, [nami, 'kubectl', ...line.split(' ')], options)
}

test('nami kubectl does and says the same', { skip }, async () => {
  await journey(own, 'own')
})

test('kubectl applies a status on the server', { skip }, async () => {
  await ok(real, apply, deployment('status'))
  const condition = { type: 'Checked', status: 'True', reason: 'r', message: 'm' }
  const times = { lastUpdateTime: '2026-01-01T00:00:00Z', lastTransitionTime: '2026-01-01T00:00:00Z' }
  const { apiVersion, kind, metadata } = deployment('status')
  const body = { apiVersion, kind, metadata, status: { conditions: [{ ...condition, ...times }] } }
  await ok(real, `${apply} --subresource=status --field-manager=watcher`, body)
  const path = '{.metadata.managedFields[?(@.manager=="watcher")].subresource}'
  assert.equal(await ok(real, `get deployment status -o jsonpath=${path} --show-managed-fields`), 'status')
  assert.equal(await ok(real, 'get deployment status -o jsonpath={.status.conditions[?(@.type=="Checked")].reason}'), 'r')
})

test('kubectl says what does not fit a schema, and shows dry runs', { skip }, async () => {
  const { code, stderr } = await real(`${apply} --validate=false`, deployment('odd', { size: 1 }))
  assert.equal(code, 1)
  assert.equal(
    stderr.trimEnd(),
    'Error from server: failed to create typed patch object (default/odd; apps/v1, Kind=Deployment): .spec.size: field not declared in schema',
  )
  assert.equal(
    await ok(real, `${apply} --dry-run=server`, deployment('odd')),
    'deployment.apps/odd serverside-applied (server dry run)',
  )
  assert.equal((await real('get deployment odd')).code, 1)
})

for (const [program, run] of Object.entries({ kubectl: real, 'nami kubectl': own })) {
  test(`${program} moves from client-side to server-side apply, and removes what the first had set`, { skip }, async () => {
    const name = `moved-by-${program.replace(' ', '-')}`
    await ok(run, 'apply -f -', deployment(name, { replicas: 1, paused: true, minReadySeconds: 5 }))
    await ok(run, apply, deployment(name, { replicas: 2, paused: true }))
    const spec = JSON.parse(await ok(run, `get deployment ${name} -o jsonpath={.spec}`))
    assert.deepEqual([spec.replicas, spec.paused, spec.minReadySeconds], [2, true, undefined])
    const managers = await ok(
      run,
      `get deployment ${name} -o jsonpath={.metadata.managedFields[*].manager} --show-managed-fields`,
    )
    const people = managers.split(' ').filter((manager) => manager !== 'kube-controller-manager')
    assert.deepEqual(people.sort(), ['kubectl', 'kubectl-last-applied'])
  })
}
