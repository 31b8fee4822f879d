/** Helm, as it comes: a chart of our own installed, upgraded, rolled back and removed. */
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { eventually } from '#testing/bed.ts'
import type { Open } from '../space.ts'

const chart = `apiVersion: v2
name: greeter
version: 0.1.0
appVersion: "1"
`

const manifests = `apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ .Release.Name }}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
  labels: {app: {{ .Release.Name }}, helm.sh/chart: {{ .Chart.Name }}}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: {{ .Release.Name }}}}
  template:
    metadata: {labels: {app: {{ .Release.Name }}}}
    spec:
      serviceAccountName: {{ .Release.Name }}
      terminationGracePeriodSeconds: 1
      containers:
        - name: web
          image: {{ .Values.image | quote }}
          env: [{name: VERSION, value: {{ .Values.version | quote }}}]
          ports: [{name: http, containerPort: 8080}]
          readinessProbe: {httpGet: {path: /readyz, port: http}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ .Release.Name }}
spec:
  selector: {app: {{ .Release.Name }}}
  ports: [{name: http, port: 80, targetPort: http}]
`

/** Helm 4 applies on the server by default, which Nami does not do yet. */
const clientSide = '--server-side=false'

export function helm(open: Open, program: string): void {
  test('helm install, upgrade, history, rollback, uninstall', async () => {
    const space = await open('helm')
    const folder = join(space.bed.directory, 'chart')
    mkdirSync(join(folder, 'templates'), { recursive: true })
    writeFileSync(join(folder, 'Chart.yaml'), chart)
    writeFileSync(join(folder, 'values.yaml'), 'replicas: 1\nversion: one\nimage: ""\n')
    writeFileSync(join(folder, 'templates/all.yaml'), manifests)
    const run = async (...args: string[]) => {
      const { code, stdout, stderr } = await space.bed.run(program, ['-n', 'helm', ...args], { timeout: 120_000 })
      assert.equal(code, 0, `helm ${args.join(' ')}: ${stderr}`)
      return stdout
    }
    const answer = async () =>
      JSON.parse(await space.bed.get(`http://${await space.path('service hi', '{.spec.clusterIP}')}/`)).version
    assert.match(
      await run('install', 'hi', folder, clientSide, '--set', `image=${space.image}`, '--wait', '--timeout=90s'),
      /STATUS: deployed\nREVISION: 1/,
    )
    // The pods are ready; the node's rules follow a moment later.
    await eventually(async () => assert.equal(await answer(), 'one'))
    assert.match(
      await run(
        'upgrade',
        'hi',
        folder,
        clientSide,
        '--reuse-values',
        '--set',
        'version=two,replicas=2',
        '--wait',
        '--timeout=90s',
      ),
      /REVISION: 2/,
    )
    assert.equal(await space.path('deployment hi', '{.status.readyReplicas}'), '2')
    await eventually(async () => assert.equal(await answer(), 'two'))
    assert.match(await run('history', 'hi'), /1\s.*superseded[\s\S]*2\s.*deployed/)
    assert.match(await run('rollback', 'hi', '1', clientSide, '--wait', '--timeout=90s'), /Rollback was a success/)
    assert.equal(await space.path('deployment hi', '{.spec.replicas}'), '1')
    assert.match(await run('list'), /^hi\s+helm\s+3\s/m)
    assert.match(await run('uninstall', 'hi', '--wait', '--timeout=90s'), /release "hi" uninstalled/)
    assert.equal((await space.get('deployments,services,serviceaccounts', '-l', 'app')).items.length, 0)
  })
}
