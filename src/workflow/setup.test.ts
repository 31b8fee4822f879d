import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { systemPrograms } from './programs.ts'
import { readManifests } from './project/manifests.ts'
import { openProject } from './project/project.ts'
import { backUp, type SetupOptions, setUp } from './setup.ts'
import type { Surroundings } from './surroundings.ts'

const folders: string[] = []
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

function scratch(files: Readonly<Record<string, string | Buffer>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'nami-setup-test-'))
  folders.push(folder)
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
  return folder
}

const env = { PATH: process.env.PATH, HOME: '/nonexistent' }
const noted: string[] = []
const around = {
  programs: systemPrograms({ env, signal: new AbortController().signal, onOutput: () => {} }),
  note: (line: string) => void noted.push(line),
} as unknown as Surroundings

function optionsFor(directory: string, more: Partial<SetupOptions> = {}): SetupOptions {
  const none = { name: undefined, registry: undefined, remote: undefined, templates: undefined }
  return { ...none, directory, variables: {}, allowMissing: false, ...more }
}

test('setUp() writes files that stay templates, and that the workflow reads', async () => {
  const directory = scratch()
  const written = await setUp(optionsFor(directory, { name: 'My_Shop', registry: 'registry.test/team' }), around)
  const names = ['build', 'config', 'development', 'production', 'staging', 'test'].map((name) => `hokusai/${name}.yml`)
  assert.deepEqual(written, ['.dockerignore', ...names])
  assert.match(readFileSync(join(directory, 'hokusai/staging.yml'), 'utf8'), /name: \{\{ project_name \}\}-web\n/)
  const project = openProject(directory, {})
  assert.equal(project.repository, 'registry.test/team/my-shop')
  for (const environment of ['staging', 'production']) {
    const manifests = readManifests(project, { environment, namespace: 'x', file: undefined, cwd: directory })
    const [deployment] = manifests.map(({ object }) => object as any)
    assert.equal(deployment.metadata.name, 'my-shop-web')
    assert.deepEqual(deployment.spec.selector.matchLabels, { app: 'my-shop', component: 'web', layer: 'application' })
    assert.equal(deployment.spec.template.spec.containers[0].image, `registry.test/team/my-shop:${environment}`)
  }
  await assert.rejects(setUp(optionsFor(directory), around), /hokusai\/config\.yml is here already/)
})

test('setUp() renders what ends in .j2, copies the rest, and leaves alone what is there', async () => {
  const templates = scratch({
    'Dockerfile.j2': 'FROM {{ base }}\n',
    'hokusai/staging.yml.j2': 'name: {{ project_name }} {% raw %}{{ later }}{% endraw %}\n',
    'docs/{{plain}}.md': '{{ untouched }}\n',
    'logo.bin': Buffer.from([0, 1, 2]),
    'README.md.j2': 'new\n',
  })
  const directory = scratch({ 'README.md': 'own\n' })
  await setUp(optionsFor(directory, { name: 'web', templates, variables: { base: 'node' } }), around)
  const read = (file: string) => readFileSync(join(directory, file), 'utf8')
  assert.equal(read('Dockerfile'), 'FROM node\n')
  assert.equal(read('hokusai/staging.yml'), 'name: web {{ later }}\n')
  assert.equal(read('docs/{{plain}}.md'), '{{ untouched }}\n')
  assert.equal(read('README.md'), 'own\n')
  assert(existsSync(join(directory, 'hokusai/production.yml')), 'what the templates lack comes from our own')
  assert(noted.some((line) => /README\.md is there already/.test(line)))
})

test('setUp() says which variable is missing, or leaves it empty', async () => {
  const templates = scratch({ 'Dockerfile.j2': 'FROM {{ base }}\n' })
  const missing = setUp(optionsFor(scratch(), { name: 'web', templates }), around)
  await assert.rejects(missing, /Dockerfile\.j2:1:9: "base" is undefined/)
  const directory = scratch()
  await setUp(optionsFor(directory, { name: 'web', templates, allowMissing: true }), around)
  assert.equal(readFileSync(join(directory, 'Dockerfile'), 'utf8'), 'FROM \n')
})

test('setUp() takes a folder of a branch of a repository', async () => {
  const remote = scratch({ 'node/Dockerfile.j2': 'FROM x\n', 'README.md': '' })
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b.c', ...args], { cwd: remote, stdio: 'pipe' })
  git('init', '-q', '-b', 'templates')
  git('add', '-A')
  git('commit', '-q', '-m', 'x')
  const directory = scratch()
  await setUp(optionsFor(directory, { name: 'web', remote: `${remote}#templates`, templates: 'node' }), around)
  assert.equal(readFileSync(join(directory, 'Dockerfile'), 'utf8'), 'FROM x\n')
  assert.equal(existsSync(join(directory, 'README.md')), false)
  const wrong = setUp(optionsFor(scratch(), { name: 'web', remote: `${remote}#none` }), around)
  await assert.rejects(wrong, /Remote branch none not found/)
  const folder = setUp(optionsFor(scratch(), { name: 'web', remote: `${remote}#templates`, templates: 'none' }), around)
  await assert.rejects(folder, /has no folder none/)
})

test('setUp() refuses a name of which nothing is left', async () => {
  await assert.rejects(setUp(optionsFor(scratch(), { name: '!!' }), around), /leaves no name/)
})

test('backUp() keeps what was there under its date', () => {
  const folder = scratch({ config: 'old' })
  const copy = backUp(join(folder, 'config'), Date.UTC(2026, 10, 21))
  assert.equal(copy, join(folder, 'config.backup.20261121'))
  assert.equal(readFileSync(copy as string, 'utf8'), 'old')
  assert.equal(backUp(join(folder, 'none'), 0), undefined)
})
