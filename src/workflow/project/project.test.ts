import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { cleanName } from './clean-name.ts'
import { parseConfig, setting } from './config.ts'
import { findFile, renderedName, requireFile } from './find-file.ts'
import { parseManifests, readManifests } from './manifests.ts'
import { openProject } from './project.ts'
import { renderFile } from './template.ts'
import { isSpecifier, satisfies } from './version-specifier.ts'

const folders: string[] = []
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'nami-project-'))
  folders.push(folder)
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return folder
}

for (const [text, name] of [
  ['My_App', 'my-app'],
  ['feature/JIRA-12 x', 'feature-jira-12-x'],
  ['--a--', 'a'],
  ['x'.repeat(80), 'x'.repeat(63)],
  ['!!!', ''],
]) {
  test(`cleanName() makes ${JSON.stringify(name)} of ${JSON.stringify(text)}`, () =>
    assert.equal(cleanName(text as string), name))
}

for (const [specifier, version, holds] of [
  ['>=3.0', '3.4.0', true],
  ['>=3.0,<4', '3.4.0', true],
  ['<3.4', '3.4.0', false],
  ['~=3.2', '3.4.0', true],
  ['~=3.2.1', '3.4.0', false],
  ['==3.*', '3.4.0', true],
  ['!=3.4.*', '3.4.0', false],
  ['>=3.4.0rc1', '3.4.0', true],
  ['>3.4.0', '3.4.0.post1', true],
] as const) {
  test(`satisfies() holds ${version} against ${specifier}`, () => assert.equal(satisfies(version, specifier), holds))
}

test('isSpecifier() refuses what is none', () => {
  for (const text of ['3', 'latest', '=>1', '>=1.x']) assert.equal(isSpecifier(text), false, text)
})

test('parseConfig() names every fault, and leaves unknown keys alone', () => {
  const text = 'project-name: web\npre-deploy: 7\nrun-constraints: a=b\ntail-logs: x\nfollow-logs: "yes"\nunknown: 1\n'
  assert.throws(() => parseConfig(text, 'config.yml'), {
    message:
      'config.yml: pre-deploy must be a text, not 7; run-constraints must be a list of texts, not "a=b"; ' +
      'tail-logs must be a whole number, not "x"; follow-logs must be true or false, not "yes"',
  })
  assert.throws(() => parseConfig('registry: x\n', 'config.yml'), /project-name is missing/)
  assert.throws(() => parseConfig('- a\n', 'config.yml'), /must hold keys and values/)
  assert.throws(() => parseConfig('a: [\n', 'config.yml'), /config\.yml:/)
})

test('setting() asks the option, then config.yml, then the variable', () => {
  const env = { HOKUSAI_TAIL_LOGS: '3', HOKUSAI_RUN_TTY: 'false', HOKUSAI_RUN_CONSTRAINTS: 'a=b, c=d' }
  assert.equal(setting('tail-logs', { option: 1, config: { 'tail-logs': 2 }, env }), 1)
  assert.equal(setting('tail-logs', { option: undefined, config: { 'tail-logs': 2 }, env }), 2)
  assert.equal(setting('tail-logs', { option: undefined, config: {}, env }), 3)
  assert.equal(setting('run-tty', { option: undefined, config: {}, env }), false)
  assert.deepEqual(setting('run-constraints', { option: undefined, config: {}, env }), ['a=b', 'c=d'])
  assert.equal(setting('git-remote', { option: undefined, config: {}, env }), undefined)
  assert.throws(
    () => setting('run-tty', { option: undefined, config: {}, env: { HOKUSAI_RUN_TTY: 'maybe' } }),
    /neither true nor false/,
  )
})

test('findFile() looks for .yml.j2, .yaml.j2, .yml, .yaml in this order', () => {
  const folder = folderWith({ 'a.yaml': '', 'a.yml': '', 'b.yaml.j2': '', 'b.yml': '' })
  assert.equal(findFile(folder, 'a'), join(folder, 'a.yml'))
  assert.equal(findFile(folder, 'b'), join(folder, 'b.yaml.j2'))
  assert.equal(findFile(folder, 'c'), undefined)
  assert.throws(
    () => requireFile(folder, 'c', { given: undefined, cwd: folder }),
    /has none of c\.yml\.j2, c\.yaml\.j2, c\.yml, c\.yaml/,
  )
  assert.equal(renderedName('hokusai/2.yml.j2'), 'hokusai/2.yml')
})

test('openProject() finds the project from below, and what its templates know', () => {
  const folder = folderWith({
    'hokusai/config.yml': 'project-name: web\nregistry: registry.test/team/\ntemplate-config-files: [a.yml, hokusai/b.yml]\n',
    'a.yml': 'size: 1\ncolour: red\n',
    'hokusai/b.yml': 'size: 2\n',
    'src/deep/x': '',
  })
  const project = openProject(join(folder, 'src/deep'), {})
  assert.deepEqual(project.variables, { size: 2, colour: 'red', project_name: 'web', project_repo: 'registry.test/team/web' })
  assert.equal(project.directory, folder)
})

for (const [what, config, message] of [
  ['no project', undefined, /No project here/],
  ['a name that no cluster takes', 'project-name: My_App\n', /cannot be a name in a cluster/],
  [
    'another version of Hokusai',
    'project-name: a\nhokusai-required-version: ">=9"\n',
    /requires Hokusai >=9; this behaves as version/,
  ],
  ['a file of variables that is not there', 'project-name: a\ntemplate-config-files: [none.yml]\n', /none\.yml does not exist/],
  ['one that is far away', 'project-name: a\ntemplate-config-files: ["s3://b/c.yml"]\n', /is no file of this machine/],
] as const) {
  test(`openProject() says so: ${what}`, () => {
    const folder = folderWith(config === undefined ? {} : { 'hokusai/config.yml': config })
    assert.throws(() => openProject(folder, {}), { name: 'WorkflowError', message })
  })
}

/** Templates as projects of Hokusai's users have them: an own base, shared parts, values by environment. */
test('readManifests() reads an existing project: extends, include, macros, loops, filters', () => {
  const folder = folderWith({
    'hokusai/config.yml': 'project-name: web\nregistry: registry.test\ntemplate-config-files: [hokusai/shared.yml]\n',
    'hokusai/shared.yml':
      'workers: [mail, video]\nlimits:\n  memory: 256Mi\n  cpu: 100m\nhosts:\n  staging: staging.example.com\n',
    'hokusai/macros.j2': `{%- macro labels(component) -%}
{ app: {{ project_name }}, component: {{ component }}, layer: application }
{%- endmacro -%}`,
    'hokusai/resources.yml':
      'resources:\n  limits:\n{%- for name, value in limits|dictsort %}\n    {{ name }}: {{ value }}\n{%- endfor %}\n',
    'hokusai/base.yml.j2': `{% from 'macros.j2' import labels %}{% set environment = 'staging' %}
{%- for component in ['web'] + workers %}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ project_name }}-{{ component }}
  labels: {{ labels(component) }}
spec:
  replicas: {{ 2 if loop.first else 1 }}
  selector: { matchLabels: {{ labels(component) }} }
  template:
    metadata: { labels: {{ labels(component) }} }
    spec:
      containers:
        - name: {{ component }}
          image: {{ project_repo }}:{{ environment }}
          args: {{ ['node', component ~ '.js'] | tojson }}
          env:
            - { name: HOST, value: {{ hosts[environment] | default('localhost') | upper }} }
          {% filter indent(10) %}{% include 'resources.yml' %}{% endfilter %}
{%- endfor %}
{% block more %}{% endblock %}`,
    'hokusai/staging.yml.j2': `{% extends 'base.yml.j2' %}
{% block more %}
---
{# only here #}
apiVersion: v1
kind: ConfigMap
metadata: { name: {{ project_name }}-extra }
data:
  template: '{% raw %}{{ left.alone }}{% endraw %}'
{% endblock %}`,
  })
  const project = openProject(folder, {})
  const manifests = readManifests(project, { environment: 'staging', namespace: 'here', file: undefined, cwd: folder })
  assert.deepEqual(
    manifests.map(({ kind, object }) => `${kind.kind} ${object.metadata.name} ${object.metadata.namespace}`),
    ['Deployment web-web here', 'Deployment web-mail here', 'Deployment web-video here', 'ConfigMap web-extra here'],
  )
  const [container] = (manifests[1] as any).object.spec.template.spec.containers
  assert.deepEqual(container, {
    name: 'mail',
    image: 'registry.test/web:staging',
    args: ['node', 'mail.js'],
    env: [{ name: 'HOST', value: 'STAGING.EXAMPLE.COM' }],
    resources: { limits: { cpu: '100m', memory: '256Mi' } },
  })
  assert.deepEqual((manifests[3] as any).object.data, { template: '{{ left.alone }}' })
})

test('renderFile() names the included file, line and column of a fault', () => {
  const folder = folderWith({ 'a.yml': "x: 1\n{% include 'sub/b.yml' %}", 'sub/b.yml': 'y: 1\nz: {{ nothing }}\n' })
  assert.throws(() => renderFile(join(folder, 'a.yml'), { root: folder, variables: {}, cwd: folder }), {
    message: 'sub/b.yml:2:7: "nothing" is undefined',
    line: 2,
    column: 7,
  })
})

test('readManifests() takes a plain file as it is', () => {
  const folder = folderWith({
    'hokusai/config.yml': 'project-name: web\n',
    'hokusai/feature.yml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { t: "{{ x }}" }\n',
  })
  const options = { environment: 'feature', namespace: 'feature', file: undefined, cwd: folder, isPlain: true }
  assert.deepEqual((readManifests(openProject(folder, {}), options)[0] as any).object.data, { t: '{{ x }}' })
})

for (const [text, message] of [
  ['kind: Foo\napiVersion: v1\n', /^a\.yml:1: no kind "Foo" in version "v1"$/],
  ['---\napiVersion: v1\nkind: Pod\n', /^a\.yml:2: metadata\.name is missing$/],
  ['', /^a\.yml holds no object\.$/],
  ['a: [\n', /a\.yml:/],
] as const) {
  test(`parseManifests() refuses ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseManifests(text, 'a.yml', 'default'), { name: 'WorkflowError', message })
  })
}

test('parseManifests() opens Lists, and places nothing that has no namespace', () => {
  const list = { apiVersion: 'v1', kind: 'List', items: [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'a' } }] }
  assert.equal(parseManifests(JSON.stringify(list), 'a.yml', 'default')[0]?.object.metadata.namespace, undefined)
})

test('parseManifests() refuses a Deployment of another namespace, where nobody would look for it', () => {
  const text = JSON.stringify({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'other' } })
  const message = "a.yml:1: deployment/web is of namespace other, and the environment's is staging."
  assert.throws(() => parseManifests(text, 'a.yml', 'staging'), { name: 'WorkflowError', message })
})
