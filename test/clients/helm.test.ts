import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { httpsTransport } from '#client/https-transport.ts'
import { createClient } from '#client/typed-client.ts'
import { systemClock as clock } from '#lib/clock.ts'
import { systemRandom as random } from '#lib/random.ts'
import { startSimulatedNodes } from '#simulate/simulated-nodes.ts'
import { type ControlPlane, openControlPlane } from '#testing/control-plane.ts'
import { realClients } from '#testing/real-clients.ts'

const { kubectl, helm, missing: skip } = realClients()
const chart = fileURLToPath(new URL('../../examples/charts/greeter', import.meta.url))
const stop = new AbortController()
let plane: ControlPlane
let client: ReturnType<typeof createClient>

/** Pods run on nodes that exist only at the API: jobs end, deployments become ready. */
before(async () => {
  if (skip) return
  plane = await openControlPlane()
  client = createClient(httpsTransport({ ...plane.administrator, clock }))
  const shapes = [{ count: 2, behaviour: { run: { least: 0, most: 0 } } }]
  await startSimulatedNodes({ client, clock, random, shapes, signal: stop.signal })
})
after(async () => {
  stop.abort()
  await client?.close()
  await plane?.[Symbol.asyncDispose]()
})

async function ok(program: string, line: string): Promise<string> {
  const { code, stdout, stderr } = await plane.run(program, line.split(' '))
  assert.equal(code, 0, `${program} ${line}: ${stderr}`)
  return stdout.trimEnd()
}

async function refused(program: string, line: string): Promise<string> {
  const { code, stderr } = await plane.run(program, line.split(' '))
  assert.notEqual(code, 0, `${program} ${line} succeeded`)
  return stderr.trimEnd()
}

const path = async (what: string, jsonpath: string) => ok(kubectl, `get ${what} -o jsonpath=${jsonpath}`)
const kept = '--reuse-values --wait --timeout=60s'

test('helm refuses values that the schema of a chart does not know, and renders the rest', { skip }, async () => {
  assert.match(await refused(helm, `install hi ${chart}`), /image.*minLength/s)
  const text = await ok(helm, `template hi ${chart} --set image=localhost/x --include-crds`)
  assert.match(text, /^kind: CustomResourceDefinition$[\s\S]*^kind: Greeting$[\s\S]*helm\.sh\/hook: pre-install,pre-upgrade$/m)
})

test('helm installs definitions before objects of them, and hooks around them, on the server', { skip }, async () => {
  const out = await ok(helm, `install hi ${chart} --set image=localhost/x --wait --timeout=60s`)
  assert.match(out, /STATUS: deployed\nREVISION: 1/)
  assert.equal(
    await path('greetings', '{.items[*].metadata.name}/{.items[*].spec}'),
    'hi-morning/{"language":"en","text":"Good morning"}',
  )
  assert.equal(await path('deployment hi', '{.status.readyReplicas}'), '2')
  assert.equal(await path('deployment hi', '{.metadata.managedFields[?(@.operation=="Apply")].manager}'), 'helm')
  assert.equal(await ok(kubectl, 'get jobs,roles,rolebindings -o name'), '', 'hooks that succeeded are deleted')
  const events = await path('events', '{.items[?(@.reason=="Completed")].involvedObject.name}')
  assert.deepEqual(events.split(' ').sort(), ['hi-announce', 'hi-check'])
  assert.match(await ok(helm, 'test hi'), /Phase: +Succeeded/)
})

test('helm upgrades; a hook that fails stops it before anything has changed', { skip }, async () => {
  const values = '--set replicas=3 --set env.GREETING=moon --set greetings.evening=Bye'
  assert.match(await ok(helm, `upgrade hi ${chart} ${values} ${kept}`), /REVISION: 2/)
  assert.equal(await path('configmap hi', '{.data}'), '{"GREETING":"moon"}')
  assert.equal(await path('deployment hi', '{.spec.replicas}/{.status.readyReplicas}/{.metadata.generation}'), '3/3/2')
  assert.equal(await path('greetings', '{.items[*].metadata.name}'), 'hi-evening hi-morning')
  const failing = join(plane.files, 'failing.yaml')
  writeFileSync(failing, 'check: { annotations: { simulate.nami/exit-code: "1" } }\n')
  const why = await refused(helm, `upgrade hi ${chart} --set replicas=9 -f ${failing} ${kept}`)
  assert.match(why, /pre-upgrade hooks failed/)
  assert.equal(await path('deployment hi', '{.spec.replicas}'), '3')
  assert.match(await ok(helm, 'history hi'), /2\s.*deployed[\s\S]*3\s.*failed/)
})

test('helm leaves a field that somebody else applied alone, until it is told to take it', { skip }, async () => {
  await ok(kubectl, 'scale deployment hi --replicas=1')
  const values = '--set replicas=4 --set-json check.annotations={}'
  const why = await refused(helm, `upgrade hi ${chart} ${values} ${kept}`)
  assert.match(
    why,
    /conflict occurred while applying object default\/hi apps\/v1, Kind=Deployment: .*conflict with "kubectl".*\.spec\.replicas/s,
  )
  assert.equal(await path('deployment hi', '{.spec.replicas}'), '1')
  assert.match(await ok(helm, `upgrade hi ${chart} ${values} ${kept} --force-conflicts`), /STATUS: deployed/)
  assert.equal(await path('deployment hi', '{.spec.replicas}'), '4')
})

test('helm rolls back and uninstalls; definitions stay', { skip }, async () => {
  assert.match(await ok(helm, 'rollback hi 1 --wait --timeout=60s'), /Rollback was a success/)
  assert.equal(await path('deployment hi', '{.spec.replicas}'), '2')
  assert.equal(await path('configmap hi', '{.data}'), '{"GREETING":"world"}')
  assert.equal(await path('greetings', '{.items[*].metadata.name}'), 'hi-morning')
  const [release] = JSON.parse(await ok(helm, 'list -o json'))
  assert.deepEqual([release.name, release.status], ['hi', 'deployed'])
  assert.match(await ok(helm, 'uninstall hi --wait --timeout=60s'), /release "hi" uninstalled/)
  const kinds = 'configmaps,services,deployments,pods,greetings,secrets'
  assert.equal(await ok(kubectl, `get ${kinds} -o name -l app.kubernetes.io/instance=hi`), '')
  assert.equal(await ok(kubectl, 'get secrets -o name'), '', 'nor its own records')
  assert.equal(await path('crd', '{.items[*].metadata.name}'), 'greetings.greeter.example.com')
  assert.deepEqual(plane.errors, [])
})
