/** Nami's kubectl says what the real one says: each command by both, against one server. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { after, before, test } from 'node:test'
import { kubectl as namiKubectl } from '#cli/kubectl/run.ts'
import { type ControlPlane, openControlPlane } from '#testing/control-plane.ts'
import { realClients } from '#testing/real-clients.ts'

const { kubectl: program, missing: skip } = realClients()
let plane: ControlPlane

const objects = [
  { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n9' } },
  { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c', namespace: 'default' }, data: { 'a.b': '1' } },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'plain', namespace: 'default' },
    spec: { ports: [{ port: 80 }], selector: { a: 'b' } },
  },
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'default', labels: { app: 'web' } },
    spec: {
      replicas: 0,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { containers: [{ name: 'web', image: 'x:1', ports: [{ containerPort: 80 }] }] },
      },
    },
  },
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'lone', namespace: 'default' },
    spec: { nodeName: 'n9', containers: [{ name: 'a', image: 'x' }], volumes: [{ name: 'v', emptyDir: {} }] },
  },
]

before(async () => {
  if (skip) return
  plane = await openControlPlane()
  const path = join(plane.files, 'objects.json')
  writeFileSync(path, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }))
  await plane.run(program, ['create', 'serviceaccount', 'default'])
  const { code, stderr } = await plane.run(program, ['create', '-f', path])
  assert.equal(code, 0, stderr)
})
after(async () => {
  await plane?.[Symbol.asyncDispose]()
})

interface Said {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

async function nami(words: readonly string[]): Promise<Said> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  stdin.end()
  const env = { KUBECONFIG: plane.kubeconfig, HOME: plane.files, PATH: process.env.PATH }
  const code = await namiKubectl(words, { stdin, stdout, stderr, env, cwd: plane.files, signal: new AbortController().signal })
  return { code, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') }
}

/** Without what differs from one request to the next. */
function masked({ code, stdout, stderr }: Said): Said {
  const mask = (text: string) =>
    text
      .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UID')
      .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
      .replace(/(resourceVersion"?:) "\d+"/g, '$1 N')
      .replace(/(clusterIPs?"?: |- |^ *")"?10\.[\d.]+"?/gm, '$1IP')
      .replace(/^\d+[smhd]\d*[smhd]? +/gm, 'AGE ')
  return { code, stdout: mask(stdout), stderr: mask(stderr) }
}

/** Words are parted by blanks; nothing that is compared this way changes the server. */
async function same(lines: readonly (string | readonly string[])[]): Promise<void> {
  for (const line of lines) {
    const words = typeof line === 'string' ? line.split(' ') : line
    const { code, stdout, stderr } = await plane.run(program, words)
    assert.deepEqual(masked(await nami(words)), masked({ code: code as number, stdout, stderr }), words.join(' '))
  }
}

test('kubectl set changes what the real one changes', { skip }, () =>
  same([
    'set env deploy/web A=b --dry-run=client',
    'set env deploy/web A=b --dry-run=client -o json',
    'set env deploy/web A=b --list',
    'set env --from=configmap/c deploy/web --dry-run=server -o yaml',
    'set env svc/plain A=b',
    'set env deploy/web 1=b deploy/x',
    'set resources deploy/web --limits=cpu=1 --requests=memory=1Gi --dry-run=client -o yaml',
    'set resources deploy/web',
    'set resources deploy/web --limits=cpu=zz',
    'set selector svc/plain a=c --dry-run=client',
    'set selector deploy/web a=b',
    'set sa deploy/web bot --dry-run=server',
  ]),
)

test('kubectl run and expose make the same objects', { skip }, () =>
  same([
    'run p --image=x --dry-run=client -o yaml',
    'run p --image=x --port=80 --expose --dry-run=client -o yaml',
    ['run', 'p', '--image=x', '--overrides={"spec":{"nodeName":"q"}}', '--dry-run=client', '-o', 'json', '--', 'a', 'b'],
    'run p --image=X',
    'run p --image=x --rm',
    'run p --image=x --env=ab',
    'expose deployment web --dry-run=client -o yaml',
    'expose svc plain --name=two --port=90 --target-port=web --type=NodePort --dry-run=client -o json',
    'expose configmap c --port=80',
    'expose deploy web --port=x',
  ]),
)

test('kubectl cordon and drain refuse and announce the same', { skip }, () =>
  same([
    'cordon',
    'cordon nope',
    'cordon n9 --dry-run=client',
    'uncordon n9',
    'drain n9 --dry-run=client',
    'drain n9 --force --delete-emptydir-data --dry-run=client',
    'drain n9 --force --delete-emptydir-data --dry-run=server',
  ]),
)

test('kubectl auth, cluster-info, events and explain print the same', { skip }, () =>
  same([
    'auth whoami',
    'auth whoami -o json',
    'auth can-i',
    'auth can-i get pods',
    'auth can-i get nodes',
    'auth can-i get nopes',
    'auth can-i zap pods/a --subresource=log',
    'auth can-i --list',
    'cluster-info',
    'events -n nowhere',
    'events --types=x',
    'explain',
    'explain nope',
    'explain deploy.spec.nope',
    'explain pods.spec.containers',
    'explain deployments.apps.spec --recursive',
  ]),
)

test('kubectl config reads the same and writes what the real one reads', { skip }, async () => {
  await same([
    'config view',
    'config view -o json',
    'config view --minify --raw',
    'config current-context',
    'config get-contexts',
    'config get-contexts -o name',
    'config use-context nope',
    'config set-context',
  ])
  const { stdout } = await nami(['config', 'set-context', 'other', '--cluster=q', '--namespace=shop'])
  assert.equal(stdout, 'Context "other" created.\n')
  await same(['config get-contexts', 'config view'])
  assert.equal((await nami(['config', 'delete-context', 'other'])).code, 0)
  await same(['config get-contexts'])
})

test('kubectl label, annotate, patch and wait say the same', { skip }, () =>
  same([
    'api-resources -o wide',
    'api-versions',
    'label cm c a=b --dry-run=server',
    'label cm c a-',
    'annotate cm c x=y --dry-run=client',
    ['patch', 'cm', 'c', '-p', '{"data":{"q":"r"}}', '--dry-run=server'],
    'patch cm c',
    ['wait', '--for=jsonpath={.data.a\\.b}=1', 'cm/c'],
    'wait --for=delete cm/nope',
  ]),
)

test('kubectl edit sends what the editor left', { skip }, async () => {
  const { code, stdout, stderr } = await plane.run(process.execPath, [
    ...['--input-type=module', '-e'],
    `import { kubectl } from '${import.meta.resolve('#cli/kubectl/run.ts')}'
    const { stdin, stdout, stderr } = process
    const env = { ...process.env, KUBE_EDITOR: "sed -i 's/a.b: .*/a.b: \\"2\\"/'", SHELL: '/bin/sh' }
    process.exitCode = await kubectl(['edit', 'configmap/c'], { stdin, stdout, stderr, env, cwd: '/', signal: new AbortController().signal })`,
  ])
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: 'configmap/c edited\n', stderr: '' })
  const { stdout: value } = await plane.run(program, ['get', 'configmap', 'c', '-o', 'jsonpath={.data.a\\.b}'])
  assert.equal(value, '2')
})
