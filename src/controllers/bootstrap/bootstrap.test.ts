import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Secret } from '#api/core/v1/secret.ts'
import { testCluster } from '#testing/cluster.ts'
import { bootstrapSignerController } from './bootstrap-signer.ts'
import { tokenCleanerController } from './token-cleaner.ts'
import { hasExpired, signingToken } from './token-secret.ts'

const token = (id: string, over: Record<string, string> = {}) => ({
  metadata: { name: `bootstrap-token-${id}`, namespace: 'kube-system' },
  type: 'bootstrap.kubernetes.io/token',
  stringData: { 'token-id': id, 'token-secret': '0123456789abcdef', 'usage-bootstrap-signing': 'true', ...over },
})
const info = { metadata: { name: 'cluster-info', namespace: 'kube-public' }, data: { kubeconfig: 'KUBECONFIG' } }

test('bootstrap-signer signs cluster-info with each token that is for signing, until that ends', async () => {
  await using cluster = await testCluster({ controllers: [bootstrapSignerController, tokenCleanerController], policy: true })
  const { client, clock } = cluster
  await client.create(ConfigMap, info)
  await client.create(Secret, token('abcdef'))
  await client.create(Secret, token('nosign', { 'usage-bootstrap-signing': 'false' }))
  await client.create(Secret, token('shortl', { expiration: new Date(clock.now() + 60_000).toISOString() }))
  await cluster.settle()
  const keys = async () => Object.keys((await client.get(ConfigMap, info.metadata)).data ?? {}).sort()
  assert.deepEqual(await keys(), ['jws-kubeconfig-abcdef', 'jws-kubeconfig-shortl', 'kubeconfig'])
  const header = Buffer.from('{"alg":"HS256","kid":"abcdef"}').toString('base64url')
  const signature = createHmac('sha256', '0123456789abcdef').update(
    `${header}.${Buffer.from('KUBECONFIG').toString('base64url')}`,
  )
  const { data } = await client.get(ConfigMap, info.metadata)
  assert.equal(data?.['jws-kubeconfig-abcdef'], `${header}..${signature.digest('base64url')}`)
  await cluster.advance(61_000)
  assert.deepEqual(await keys(), ['jws-kubeconfig-abcdef', 'kubeconfig'])
  assert.deepEqual(
    (await cluster.list(Secret)).map(({ metadata }) => metadata.name),
    ['bootstrap-token-abcdef', 'bootstrap-token-nosign'],
  )
  await client.delete(Secret, token('abcdef').metadata)
  await cluster.settle()
  assert.deepEqual(await keys(), ['kubeconfig'])
  assert.deepEqual(cluster.errors, [])
})

test('signingToken() takes only what is complete and called by its id', () => {
  const of = (name: string, fields: Record<string, string>) => {
    const data = Object.fromEntries(Object.entries(fields).map(([key, text]) => [key, Buffer.from(text).toString('base64')]))
    return { metadata: { name, namespace: 'kube-system' }, type: 'bootstrap.kubernetes.io/token', data } as never as Secret
  }
  const whole = { 'token-id': 'abcdef', 'token-secret': 's', 'usage-bootstrap-signing': 'true' }
  assert.deepEqual(signingToken(of('bootstrap-token-abcdef', whole), 0), { id: 'abcdef', secret: 's' })
  assert.equal(signingToken(of('bootstrap-token-abcdeg', whole), 0), undefined)
  assert.equal(signingToken(of('bootstrap-token-abcdef', { ...whole, 'token-secret': '' }), 0), undefined)
  assert.equal(hasExpired(of('x', { expiration: 'tomorrow' }), 0), true)
  assert.equal(hasExpired(of('x', {}), 0), false)
})
