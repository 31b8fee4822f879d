import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { readManifests, withImage } from './application.ts'

function folder(files: Record<string, string>) {
  const path = mkdtempSync(join(tmpdir(), 'nami-app-'))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true })
    writeFileSync(join(path, name), text)
  }
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

const service = 'apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  ports:\n    - port: 80\n'

test('readManifests() reads kubernetes/ in order and fills in the namespace', () => {
  using app = folder({
    'kubernetes/b.yaml': service.replace('web', 'b'),
    'kubernetes/a.yaml': `${service}---\n${service.replace('web', 'c')}`,
  })
  const manifests = readManifests(app.path)
  assert.deepEqual(
    manifests.map(({ object }) => `${object.metadata.namespace}/${object.metadata.name}`),
    ['default/web', 'default/c', 'default/b'],
  )
})

const bad = [
  { it: 'a folder without manifests', files: {}, says: /has no manifests/ },
  { it: 'broken YAML', files: { 'a.yaml': 'a: [' }, says: /a\.yaml/ },
  {
    it: 'an unknown kind',
    files: { 'a.yaml': service.replace('kind: Service', 'kind: Servise') },
    says: /no kind "Servise" in version "v1"/,
  },
  {
    it: 'an object without a name',
    files: { 'a.yaml': service.replace('  name: web', '  labels: {}') },
    says: /metadata\.name is missing/,
  },
]

for (const { it, files, says } of bad) {
  test(`readManifests() refuses ${it}`, () => {
    using app = folder(files as Record<string, string>)
    assert.throws(() => readManifests(app.path), says)
  })
}

test('withImage() fills in the built image where the manifest names it without a tag', () => {
  using app = folder({
    'a.yaml': `apiVersion: v1
kind: Pod
metadata: { name: p }
spec:
  containers:
    - { name: a, image: localhost/hello }
    - { name: b, image: "localhost/hello:1" }
`,
  })
  const [manifest] = readManifests(app.path)
  assert(manifest)
  const { object } = withImage(manifest, 'localhost/hello:abc') as unknown as {
    object: { spec: { containers: { image: string }[] } }
  }
  assert.deepEqual(
    object.spec.containers.map(({ image }) => image),
    ['localhost/hello:abc', 'localhost/hello:1'],
  )
})
