import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseYaml } from '#schema/yaml.ts'
import { mergedText, withoutEntry } from './kubeconfig-file.ts'
import { kubeconfigText } from './kubeconfig-text.ts'

const entry = { name: 'nami', server: 'https://127.0.0.1:6443', ca: 'CA', certificate: 'CERT', key: 'KEY' }

const others = `# mine
apiVersion: v1
kind: Config
clusters:
  - name: work # do not touch
    cluster:
      server: https://work.example
contexts:
  - name: work
    context:
      cluster: work
      user: me
users:
  - name: me
    user:
      token: abc
current-context: work
`

test('mergedText() leaves other contexts, comments and the current context alone', () => {
  const text = mergedText(others, entry) ?? ''
  for (const line of [
    '# mine',
    '- name: work # do not touch',
    'token: abc',
    'current-context: work',
    'server: https://127.0.0.1:6443',
  ]) {
    assert(text.includes(line), line)
  }
})

test('mergedText() says that there is nothing to do the second time', () => {
  const once = mergedText(others, entry) ?? ''
  assert.equal(mergedText(once, entry), undefined)
  assert.notEqual(mergedText(once, { ...entry, server: 'https://127.0.0.1:7443' }), undefined)
})

test('mergedText() sets the current context where there was none', () => {
  assert.match(mergedText('', entry) ?? '', /current-context: nami/)
})

test('kubeconfigText() is what mergedText() makes of nothing', () => {
  assert.deepEqual(parseYaml(kubeconfigText(entry)), parseYaml(mergedText('', entry) ?? ''))
})

test('mergedText() refuses a file that is not YAML', () => {
  assert.throws(() => mergedText('a: [', entry))
})

test('withoutEntry() takes out ours and nothing else', () => {
  const merged = mergedText(others, entry) ?? ''
  assert.equal(withoutEntry(merged, 'nami'), others)
  assert.equal(withoutEntry(others, 'nami'), undefined)
})
