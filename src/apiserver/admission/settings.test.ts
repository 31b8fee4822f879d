import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultPlugins, orderedPlugins } from './chain.ts'
import { admissionPlugins } from './settings.ts'

const names = (plugins: readonly { name: string }[]) => plugins.map(({ name }) => name)

test('orderedPlugins stand in upstream’s order, the policies before the webhooks of their kind, quotas last', () => {
  const all = names(orderedPlugins)
  assert.equal(new Set(all).size, all.length)
  assert.deepEqual(all.slice(-6), [
    ...['MutatingAdmissionPolicy', 'MutatingAdmissionWebhook', 'ValidatingAdmissionPolicy', 'ValidatingAdmissionWebhook'],
    ...['ResourceQuota', 'AlwaysDeny'],
  ])
})

test('admissionPlugins() turns plugins on and off in their places', () => {
  const found = names(admissionPlugins({ enable: ['AlwaysPullImages'], disable: ['ServiceAccount'] }))
  assert.equal(found.includes('ServiceAccount'), false)
  assert.ok(found.indexOf('AlwaysPullImages') < found.indexOf('PodSecurity'))
  assert.equal(found.at(-1), 'RBACEscalation')
  assert.equal(admissionPlugins({}), defaultPlugins)
})

test('admissionPlugins() tells every wrong name', () => {
  assert.throws(() => admissionPlugins({ enable: ['Nope', 'Priority'], disable: ['Neither', 'Priority'] }), {
    message: [
      'enable-admission-plugins plugin "Nope" is unknown',
      'disable-admission-plugins plugin "Neither" is unknown',
      '[Priority] in enable-admission-plugins and disable-admission-plugins overlapped',
    ].join('\n'),
  })
})

test('admissionPlugins() hands each plugin its configuration', () => {
  const file = (body: string) => `apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins:\n${body}`
  const inline = file('- name: PodSecurity\n  configuration:\n    defaults:\n      enforce: tough\n')
  const message =
    'couldn\'t init admission plugin "PodSecurity": defaults.enforce: Invalid value: "tough": must be one of privileged, baseline, restricted'
  assert.throws(() => admissionPlugins({ configuration: inline }), { message })
  const readFile = (path: string) => (path === 'p.yaml' ? 'defaults: {enforce: tough}' : '')
  const beside = file('- name: PodSecurity\n  path: p.yaml\n')
  assert.throws(() => admissionPlugins({ configuration: beside, readFile }), { message })
  assert.throws(() => admissionPlugins({ configuration: 'kind: Pod' }), /want apiVersion apiserver.config.k8s.io\/v1/)
  assert.throws(() => admissionPlugins({ enable: ['EventRateLimit'] }), /must have at least one limit/)
})
