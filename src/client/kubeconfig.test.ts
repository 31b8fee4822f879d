import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { loadKubeconfig, mergeKubeconfigs, readKubeconfig } from './kubeconfig.ts'

const config = `
apiVersion: v1
kind: Config
current-context: one
clusters:
- name: c1
  cluster: { server: 'https://10.0.0.1:6443', certificate-authority-data: Q0E=, tls-server-name: kubernetes }
- name: c2
  cluster: { server: 'https://10.0.0.2:6443', certificate-authority: ca.crt }
contexts:
- name: one
  context: { cluster: c1, user: u1, namespace: team }
- name: two
  context: { cluster: c2, user: u2 }
- name: broken
  context: { cluster: none, user: u1 }
users:
- name: u1
  user: { client-certificate-data: Q0VSVA==, client-key-data: S0VZ, as: somebody, as-groups: [a, b] }
- name: u2
  user: { tokenFile: token }
`

const clock = new VirtualClock()

test('loadKubeconfig() reads the current context from text', () => {
  const access = loadKubeconfig(config)
  assert.equal(access.context, 'one')
  assert.equal(access.namespace, 'team')
  const options = access.transportOptions({ clock })
  assert.equal(options.server, 'https://10.0.0.1:6443')
  assert.equal(String(options.ca), 'CA')
  assert.equal(String(options.certificate), 'CERT')
  assert.equal(String(options.key), 'KEY')
  assert.equal(options.serverName, 'kubernetes')
  assert.deepEqual(options.headers, { 'impersonate-user': 'somebody', 'impersonate-group': ['a', 'b'] })
})

test('loadKubeconfig() finds files beside the kubeconfig and reads the token again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kubeconfig-'))
  try {
    writeFileSync(join(folder, 'config'), config)
    writeFileSync(join(folder, 'ca.crt'), 'CA2')
    writeFileSync(join(folder, 'token'), 'first\n')
    const options = loadKubeconfig(join(folder, 'config'), 'two').transportOptions({ clock })
    assert.equal(String(options.ca), 'CA2')
    assert(typeof options.token === 'function')
    assert.equal(await options.token({ refused: false }), 'first')
    writeFileSync(join(folder, 'token'), 'second\n')
    assert.equal(await options.token({ refused: false }), 'first')
    assert.equal(await options.token({ refused: true }), 'second')
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('loadKubeconfig() says what is missing, in words of upstream', () => {
  assert.throws(() => loadKubeconfig(config, 'three'), { message: 'context "three" does not exist' })
  assert.throws(() => loadKubeconfig(config, 'broken'), { message: 'cluster "none" does not exist' })
  assert.throws(() => loadKubeconfig('{}'), { message: 'invalid configuration: no configuration has been provided' })
})

test('mergeKubeconfigs() prefers what stands first', () => {
  const second = readKubeconfig(
    'current-context: other\nclusters:\n- name: c1\n  cluster: { server: "https://elsewhere" }\n- name: c3\n  cluster: {}\n',
  )
  const merged = mergeKubeconfigs([readKubeconfig(config), second])
  assert.equal(merged['current-context'], 'one')
  assert.deepEqual(
    merged.clusters?.map(({ name }) => name),
    ['c1', 'c2', 'c3'],
  )
  assert.equal(merged.clusters?.[0]?.cluster.server, 'https://10.0.0.1:6443')
})

test('exec plugins are run once, and again when they are refused', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'exec-'))
  try {
    const plugin = join(folder, 'plugin')
    const count = join(folder, 'count')
    const answer = '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t%s"}}'
    writeFileSync(plugin, `#!/bin/sh\necho x >> ${count}\nprintf '${answer}' "$(wc -l < ${count} | tr -d ' ')"\n`)
    chmodSync(plugin, 0o755)
    const text = JSON.stringify({
      'current-context': 'x',
      clusters: [{ name: 'c', cluster: { server: 'https://h' } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      users: [{ name: 'u', user: { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: plugin } } }],
    })
    const { token } = loadKubeconfig(text).transportOptions({ clock, environment: { PATH: '/usr/bin:/bin' } })
    assert(typeof token === 'function')
    assert.equal(await token({ refused: false }), 't1')
    assert.equal(await token({ refused: false }), 't1')
    assert.equal(await token({ refused: true }), 't2')
  } finally {
    rmSync(folder, { recursive: true })
  }
})
