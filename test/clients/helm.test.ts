import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type ControlPlane, openControlPlane } from '#testing/control-plane.ts'
import { realClients } from '#testing/real-clients.ts'

const { kubectl, helm, missing: skip } = realClients()
let plane: ControlPlane

before(async () => {
  if (!skip) plane = await openControlPlane()
})
after(async () => {
  await plane?.[Symbol.asyncDispose]()
})

async function ok(program: string, line: string): Promise<string> {
  const { code, stdout, stderr } = await plane.run(program, line.split(' '))
  assert.equal(code, 0, `${program} ${line}: ${stderr}`)
  return stdout.trimEnd()
}

const templates = `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
data:
  greeting: {{ .Values.greeting | quote }}
---
apiVersion: v1
kind: Secret
metadata:
  name: {{ .Release.Name }}
stringData:
  password: x
---
apiVersion: v1
kind: Service
metadata:
  name: {{ .Release.Name }}
spec:
  selector:
    app: {{ .Release.Name }}
  ports:
  - port: 80
`

function chart(): string {
  const path = join(plane.files, 'chart')
  mkdirSync(join(path, 'templates'), { recursive: true })
  writeFileSync(join(path, 'Chart.yaml'), 'apiVersion: v2\nname: demo\nversion: 0.1.0\n')
  writeFileSync(join(path, 'values.yaml'), 'greeting: hello\n')
  writeFileSync(join(path, 'templates/all.yaml'), templates)
  return path
}

test('helm installs, upgrades, rolls back and uninstalls a chart', { skip }, async () => {
  const path = chart()
  const greeting = 'get configmap r -o jsonpath={.data.greeting}'
  assert.match(await ok(helm, `template r ${path}`), /^ {2}greeting: "hello"$/m)
  await ok(helm, `install r ${path} --wait`)
  assert.equal(await ok(kubectl, greeting), 'hello')
  await ok(helm, `upgrade r ${path} --set greeting=bye`)
  assert.equal(await ok(kubectl, greeting), 'bye')
  await ok(helm, 'rollback r 1')
  assert.equal(await ok(kubectl, greeting), 'hello')
  const [release] = JSON.parse(await ok(helm, 'list -o json'))
  assert.deepEqual([release.name, release.revision, release.status], ['r', '3', 'deployed'])
  await ok(helm, 'uninstall r')
  assert.equal(await ok(kubectl, 'get configmap,secret,service -o name -l app.kubernetes.io/managed-by=Helm'), '')
})
