/** Which of the real kubectl's commands are tried against this server, and where; those that no other file tries are tried here. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type ControlPlane, openControlPlane } from '#testing/control-plane.ts'
import { realClients } from '#testing/real-clients.ts'

const { kubectl, missing } = realClients()
const skip = missing
let plane: ControlPlane

before(async () => {
  if (!skip) plane = await openControlPlane()
})
after(async () => {
  await plane?.[Symbol.asyncDispose]()
})

const there = (file: string) => fileURLToPath(new URL(file, import.meta.url))
const own = there('./kubectl-commands.test.ts')
const controlPlane = there('./kubectl-control-plane.test.ts')
const streams = there('../../src/apiserver/registry/subresources/connect/streams.test.ts')

/** Command -> the file that runs it; null: it asks no server. */
const commands: Readonly<Record<string, string | null>> = {
  create: controlPlane,
  expose: controlPlane,
  run: controlPlane,
  set: controlPlane,
  explain: controlPlane,
  get: controlPlane,
  edit: controlPlane,
  delete: controlPlane,
  rollout: controlPlane,
  scale: controlPlane,
  'cluster-info': controlPlane,
  cordon: controlPlane,
  uncordon: controlPlane,
  drain: controlPlane,
  taint: controlPlane,
  describe: controlPlane,
  auth: controlPlane,
  debug: controlPlane,
  events: controlPlane,
  diff: controlPlane,
  apply: controlPlane,
  patch: controlPlane,
  replace: controlPlane,
  wait: controlPlane,
  label: controlPlane,
  annotate: controlPlane,
  'api-resources': controlPlane,
  'api-versions': controlPlane,
  config: controlPlane,
  version: controlPlane,
  logs: streams,
  attach: streams,
  exec: streams,
  'port-forward': streams,
  cp: streams,
  autoscale: own,
  certificate: own,
  top: own,
  proxy: own,
  kustomize: null,
  completion: null,
  kuberc: null,
  plugin: null,
}

test('every command of kubectl that talks to a server is tried', { skip }, () => {
  const help = execFileSync(kubectl, ['--help']).toString()
  const offered = [...help.matchAll(/^ {2}([a-z-]+) {2,}/gm)].map(([, name]) => name as string)
  assert.deepEqual(offered.sort(), Object.keys(commands).sort())
  for (const [command, file] of Object.entries(commands)) {
    if (file !== null) assert.match(readFileSync(file, 'utf8'), new RegExp(`[\`'"]${command}[ '"\`]`), `${command} in ${file}`)
  }
})

async function ok(line: string, stdin = ''): Promise<string> {
  const { code, stdout, stderr } = await plane.run(kubectl, line.split(' '), { stdin })
  assert.equal(code, 0, `kubectl ${line}: ${stderr}`)
  return stdout.trimEnd()
}

test('kubectl autoscale', { skip }, async () => {
  await ok('create deployment scaled --image=example/d')
  assert.equal(
    await ok('autoscale deployment scaled --min=1 --max=3 --cpu=80%'),
    'horizontalpodautoscaler.autoscaling/scaled autoscaled',
  )
  assert.equal(await ok('get hpa scaled -o jsonpath={.spec.maxReplicas}'), '3')
})

test('kubectl certificate approves and denies', { skip }, async () => {
  const args = [
    'req',
    '-new',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    '/dev/null',
    '-subj',
    '/CN=jane',
  ]
  const request = execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'ignore'] }).toString('base64')
  for (const name of ['good', 'bad']) {
    const spec = { request, signerName: 'example.com/s', usages: ['client auth'] }
    await ok(
      'create -f -',
      JSON.stringify({ apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest', metadata: { name }, spec }),
    )
  }
  assert.equal(await ok('certificate approve good'), 'certificatesigningrequest.certificates.k8s.io/good approved')
  assert.equal(await ok('certificate deny bad'), 'certificatesigningrequest.certificates.k8s.io/bad denied')
  assert.equal(await ok('get csr good bad -o jsonpath={.items[*].status.conditions[*].type}'), 'Approved Denied')
})

test('kubectl top asks the metrics API', { skip }, async () => {
  const { stderr } = await plane.run(kubectl, ['top', 'pods', '-n', 'kube-public'])
  assert.equal(stderr.trim(), 'No resources found in kube-public namespace.')
})

test('kubectl proxy passes on', { skip }, async () => {
  const proxy = plane.start(kubectl, ['proxy', '--port=0'])
  try {
    const [, address] = /Starting to serve on (\S+)/.exec(await proxy.until(/Starting to serve on \S+\n/)) ?? []
    const answer = await fetch(`http://${address}/api/v1/namespaces/default`)
    assert.equal(((await answer.json()) as any).metadata.name, 'default')
  } finally {
    await proxy.stop()
  }
})
