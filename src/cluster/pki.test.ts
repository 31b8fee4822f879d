import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect, createServer } from 'node:tls'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { ensureNodeCertificates, ensurePki, kubeconfigFor, readNodePki } from './pki.ts'

const day = 24 * 3600 * 1000

async function temporary(t: { after(f: () => Promise<void>): void }): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'pki-'))
  t.after(() => rm(dir, { recursive: true }))
  return dir
}

test('ensurePki() makes a chain that TLS accepts in both directions', async (t) => {
  const pki = await ensurePki(await temporary(t), { addresses: ['10.96.0.1'] })
  const server = createServer({
    ...{ key: pki.apiserver.key, cert: pki.apiserver.certificate, ca: pki.ca.certificate },
    requestCert: true,
    rejectUnauthorized: true,
  })
  t.after(() => void server.close())
  const shown = new Promise<string>((resolve) =>
    server.on('secureConnection', (socket) => resolve(socket.getPeerCertificate().subject.CN as string)),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const socket = connect({ port, host: '127.0.0.1', key: pki.admin.key, cert: pki.admin.certificate, ca: pki.ca.certificate })
  t.after(() => void socket.destroy())
  await new Promise((resolve, reject) => socket.on('secureConnect', resolve).on('error', reject))
  assert.equal(socket.authorized, true)
  assert.equal(await shown, 'kubernetes-admin')
})

test('ensurePki() names the API server as pods and people do', async (t) => {
  const pki = await ensurePki(await temporary(t), { dnsNames: ['box'], addresses: ['10.96.0.1', 'fd00::1'], domain: 'c.example' })
  const certificate = new X509Certificate(pki.apiserver.certificate)
  for (const name of [
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    'kubernetes.default.svc.c.example',
    'localhost',
    'box',
  ]) {
    assert.equal(certificate.checkHost(name), name)
  }
  for (const address of ['127.0.0.1', '::1', '10.96.0.1', 'fd00::1']) assert.equal(certificate.checkIP(address), address)
  assert.equal(new X509Certificate(pki.admin.certificate).subject, 'O=system:masters\nCN=kubernetes-admin')
})

test('ensurePki() keeps what is good and guards the keys', async (t) => {
  const dir = await temporary(t)
  const first = await ensurePki(dir, { addresses: ['fd00::1', '10.0.0.1'] })
  assert.deepEqual(await ensurePki(dir, { addresses: ['fd00::1', '10.0.0.1'] }), first)
  for (const name of ['ca', 'apiserver', 'sa', 'admin']) assert.equal((await stat(join(dir, `${name}.key`))).mode & 0o777, 0o600)
})

test('ensurePki() makes anew what does not fit, and nothing else', async (t) => {
  const dir = await temporary(t)
  const clock = new VirtualClock()
  const first = await ensurePki(dir, { clock })
  const renamed = await ensurePki(dir, { clock, dnsNames: ['new.example'] })
  assert.notEqual(renamed.apiserver.certificate, first.apiserver.certificate)
  assert.deepEqual({ ...renamed, apiserver: first.apiserver }, first)

  await writeFile(join(dir, 'admin.key'), first.scheduler.key)
  const repaired = await ensurePki(dir, { clock, dnsNames: ['new.example'] })
  assert.notEqual(repaired.admin.certificate, first.admin.certificate)
  assert.ok(new X509Certificate(repaired.admin.certificate).checkPrivateKey(createPrivateKey(repaired.admin.key)))

  clock.advanceTo(clock.now() + 340 * day)
  const renewed = await ensurePki(dir, { clock, dnsNames: ['new.example'] })
  assert.notEqual(renewed.scheduler.certificate, first.scheduler.certificate)
  assert.equal(renewed.ca.certificate, first.ca.certificate)
  assert.equal(renewed.serviceAccount.key, first.serviceAccount.key)

  clock.advanceTo(clock.now() + 3300 * day)
  const replaced = await ensurePki(dir, { clock, dnsNames: ['new.example'] })
  assert.notEqual(replaced.ca.certificate, first.ca.certificate)
  assert.ok(new X509Certificate(replaced.admin.certificate).checkIssued(new X509Certificate(replaced.ca.certificate)))
})

test('ensureNodeCertificates() gives a node its two identities', async (t) => {
  const pki = await ensurePki(await temporary(t))
  const options = { nodeName: 'n1', addresses: ['10.0.0.7'] }
  const node = await ensureNodeCertificates(pki, options)
  assert.equal(new X509Certificate(node.client.certificate).subject, 'O=system:nodes\nCN=system:node:n1')
  assert.equal(new X509Certificate(node.serving.certificate).checkIP('10.0.0.7'), '10.0.0.7')
  assert.deepEqual(await ensureNodeCertificates(pki, options), node)
  assert.equal(await readFile(join(pki.dir, 'nodes/n1/client.crt'), 'utf8'), node.client.certificate)
})

test('kubeconfigFor() writes a file of one context', () => {
  const text = kubeconfigFor({ server: 'https://127.0.0.1:6443', ca: 'CA', identity: { token: 't' } })
  assert.equal(
    text,
    `apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: Q0E=
    server: "https://127.0.0.1:6443"
  name: nami
contexts:
- context:
    cluster: nami
    user: nami-admin
  name: nami
current-context: nami
kind: Config
preferences: {}
users:
- name: nami-admin
  user:
    token: t
`,
  )
})

test('readNodePki() makes nothing, and answers what the server has made', async (t) => {
  const dir = await temporary(t)
  assert.equal(await readNodePki(dir), undefined)
  const { ca, proxy } = await ensurePki(dir)
  assert.deepEqual(await readNodePki(dir), { dir, ca, proxy })
})
