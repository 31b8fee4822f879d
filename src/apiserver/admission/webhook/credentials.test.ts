import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { ValidatingWebhookConfiguration } from '#api/admissionregistration/v1/validating-webhook-configuration.ts'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { issueAuthority, issueCertificate } from '#cluster/pki-certificate.ts'
import { systemClock } from '#lib/clock.ts'
import { testCluster } from '#testing/cluster.ts'
import { tlsBackend } from '#testing/tls-backend.ts'
import { admissionPlugins } from '../settings.ts'
import { credentialsFrom } from './credentials.ts'

const configuration = {
  apiVersion: 'apiserver.config.k8s.io/v1',
  kind: 'WebhookAdmissionConfiguration',
  kubeConfigFile: '/etc/hooks/kubeconfig',
}

/** A kubeconfig whose users have their own name as token. */
function named(names: readonly string[], rest: object = {}): (path: string) => string {
  return () => JSON.stringify({ users: names.map((name) => ({ name, user: { token: name } })), ...rest })
}

const users = ['a.b.svc:8443', 'a.b.svc', '*.b.svc', '*.svc:8443', '*.example.com', '*']
const chosen = [
  { target: 'a.b.svc:8443', user: 'a.b.svc:8443' },
  { target: 'a.b.svc:443', user: 'a.b.svc' },
  { target: 'c.b.svc:443', user: '*.b.svc' },
  { target: 'c.b.svc:8443', user: '*.svc:8443' },
  { target: 'x.y.example.com:443', user: '*.example.com' },
  { target: 'x.example.com:8443', user: '*' },
  { target: '[::1]:443', user: '*' },
]

for (const { target, user } of chosen) {
  test(`credentialsFrom() gives ${target} those of ${user}`, () => {
    const { headers } = credentialsFrom(configuration, named(users))?.(target) ?? {}
    assert.deepEqual(headers, { authorization: `Bearer ${user}` })
  })
}

test('credentialsFrom() falls back to the current context, and to none', () => {
  const current = { 'current-context': 'c', contexts: [{ name: 'c', context: { user: 'u' } }] }
  const headers = (rest: object) => credentialsFrom(configuration, named(['u'], rest))?.('a.b.svc:443').headers
  assert.deepEqual(headers(current), { authorization: 'Bearer u' })
  assert.deepEqual(headers({}), {})
  assert.equal(credentialsFrom(undefined, named([])), undefined)
})

test('credentialsFrom() reads what the kubeconfig names beside it, and sends whom to act for', () => {
  const files: Record<string, string> = { '/etc/hooks/token': 'one\n', '/etc/hooks/key.pem': 'K', '/etc/hooks/cert.pem': 'C' }
  const user = {
    ...{ tokenFile: 'token', 'client-certificate': 'cert.pem', 'client-key': '/etc/hooks/key.pem' },
    ...{ as: 'jane', 'as-groups': ['dev', 'ops'], 'as-user-extra': { 'a/b': ['x'] } },
  }
  files['/etc/hooks/kubeconfig'] = JSON.stringify({ users: [{ name: '*', user }] })
  const credentialsFor = credentialsFrom(configuration, (path) => files[path] as string)
  const impersonated = { 'Impersonate-User': 'jane', 'Impersonate-Group': ['dev', 'ops'], 'Impersonate-Extra-a%2Fb': ['x'] }
  assert.deepEqual(credentialsFor?.('a.b.svc:443'), {
    headers: { authorization: 'Bearer one', ...impersonated },
    identity: { cert: 'C', key: 'K' },
  })
  files['/etc/hooks/token'] = 'two'
  assert.equal(credentialsFor?.('a.b.svc:443').headers.authorization, 'Bearer two')
})

const refused = [
  {
    given: { ...configuration, kubeConfigFile: 'kubeconfig' },
    says: 'kubeConfigFile: Invalid value: "kubeconfig": must be an absolute file path',
  },
  {
    given: { ...configuration, staticManifestsDir: '/etc/x' },
    says: 'staticManifestsDir: Forbidden: staticManifestsDir requires the ManifestBasedAdmissionControlConfig feature gate to be enabled',
  },
  { given: { ...configuration, kind: 'Pod' }, says: 'no kind "Pod" is registered for version "apiserver.config.k8s.io/v1"' },
]

for (const { given, says } of refused) {
  test(`credentialsFrom() refuses: ${says}`, () => {
    assert.throws(() => credentialsFrom(given, named([])), { message: says })
  })
}

test('webhooks that ask for a certificate and a token get both', async () => {
  const validity = { now: systemClock.now(), days: 1 }
  const authority = await issueAuthority('webhook-clients', validity)
  const own = await issueCertificate(authority, { commonName: 'apiserver', usages: ['client'] }, validity)
  const seen: (string | undefined)[] = []
  await using hook = await tlsBackend(
    async (message, response) => {
      const subject = (message.socket as TLSSocket).getPeerCertificate().subject
      seen.push(String(subject.CN), message.headers.authorization)
      const { request, ...review } = JSON.parse(Buffer.concat(await Array.fromAsync(message as AsyncIterable<Buffer>)).toString())
      response.end(JSON.stringify({ ...review, response: { uid: request.uid, allowed: true } }))
    },
    { clientCa: authority.certificate },
  )
  const data = (pem: string) => Buffer.from(pem).toString('base64')
  const user = { token: 't', 'client-certificate-data': data(own.certificate), 'client-key-data': data(own.key) }
  const admission = admissionPlugins({
    configuration: JSON.stringify({
      apiVersion: 'apiserver.config.k8s.io/v1',
      kind: 'AdmissionConfiguration',
      plugins: [{ name: 'ValidatingAdmissionWebhook', configuration }],
    }),
    readFile: () => JSON.stringify({ users: [{ name: 'hook.default.svc', user }] }),
  }).filter(({ name }) => name === 'ValidatingAdmissionWebhook')
  await using cluster = await testCluster({ admission, serviceDialer: { dial: () => hook.dial() } })
  await cluster.client.create(ValidatingWebhookConfiguration, {
    metadata: { name: 'hook' },
    webhooks: [
      {
        name: 'hook.example.com',
        clientConfig: { service: { namespace: 'default', name: 'hook' }, caBundle: hook.caBundle },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['*'] }],
        ...{ sideEffects: 'None', admissionReviewVersions: ['v1'] },
      },
    ],
  } as never)
  await cluster.client.create(ConfigMap, { metadata: { name: 'a', namespace: 'default' } })
  assert.deepEqual(seen, ['apiserver', 'Bearer t'])
})
