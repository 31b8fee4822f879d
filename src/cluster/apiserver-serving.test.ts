import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { connect, createServer } from 'node:tls'
import { Pod } from '#api/core/v1/pod.ts'
import { defaultTolerationSecondsWith } from '#apiserver/admission/default-toleration-seconds.ts'
import { Certificates } from '#apiserver/http/certificates.ts'
import { sessionLimits } from '#apiserver/http/http2.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { decode } from '#schema/decode.ts'
import { readApiserverFlags } from './apiserver-flags.ts'
import { frontProxyFrom, servingFrom } from './apiserver-serving.ts'
import { ensurePki } from './pki.ts'

const folder = mkdtempSync(join(tmpdir(), 'nami-serving-'))
after(() => rmSync(folder, { recursive: true }))
const pki = await ensurePki(join(folder, 'pki'))
const log = { info: () => {}, error: () => {} }
const flagsOf = (line: Readonly<Record<string, string>>) => readApiserverFlags(undefined, line).flags

test('--tls-curve-preferences: the key exchange is one of those that are named', async () => {
  const clock = new VirtualClock()
  const { signal } = new AbortController()
  const { material } = servingFrom(flagsOf({ 'tls-curve-preferences': '24,23' }), pki, { clock, signal, log })
  const server = createServer({ ...new Certificates(material).options })
  server.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const exchanged = (curves?: string) =>
    new Promise<string>((resolve) => {
      const options = { host: '127.0.0.1', port, rejectUnauthorized: false, ...(curves && { ecdhCurve: curves }) }
      const socket = connect(options, () => {
        resolve((socket.getEphemeralKeyInfo() as { name?: string }).name ?? '')
        socket.destroy()
      })
      socket.on('error', () => resolve('refused'))
    })
  assert.deepEqual([await exchanged('P-384'), await exchanged('X25519')], ['secp384r1', 'refused'])
  server.close()
})

test('--proxy-client-cert-file: its pair is shown to extension servers, and read again when it changes', () => {
  const clock = new VirtualClock()
  const stop = new AbortController()
  const parts = { clock, signal: stop.signal, log }
  const own = pki.frontProxyClient
  assert.equal(frontProxyFrom(flagsOf({}), own, parts), own)
  const message = '--proxy-client-cert-file and --proxy-client-key-file go together'
  assert.throws(() => frontProxyFrom(flagsOf({ 'proxy-client-cert-file': '/x' }), own, parts), { message })
  const paths = [join(folder, 'proxy.crt'), join(folder, 'proxy.key')] as const
  const write = ({ certificate, key }: typeof own) => {
    writeFileSync(paths[0], certificate)
    writeFileSync(paths[1], key)
  }
  write(pki.admin)
  const line = { 'proxy-client-cert-file': paths[0], 'proxy-client-key-file': paths[1] }
  const shown = frontProxyFrom(flagsOf(line), own, parts)
  assert.equal(shown.certificate, pki.admin.certificate)
  write(pki.apiserver)
  clock.runNext()
  assert.deepEqual([shown.certificate, shown.key], [pki.apiserver.certificate, pki.apiserver.key])
  stop.abort()
})

test('--default-*-toleration-seconds and --http2-max-streams-per-connection say how long and how many', () => {
  const plugin = defaultTolerationSecondsWith({ notReady: 10, unreachable: 20 })
  const object = decode(Pod.schema, { metadata: { name: 'a' }, spec: { containers: [{ name: 'c' }] } }) as Pod
  plugin.mutate?.({ object } as never, {} as never)
  const shown = object.spec.tolerations?.map(({ key, tolerationSeconds }) => `${key} ${tolerationSeconds}`)
  assert.deepEqual(shown, ['node.kubernetes.io/not-ready 10', 'node.kubernetes.io/unreachable 20'])
  assert.equal(sessionLimits(100).settings.maxConcurrentStreams, 100)
  assert.equal(sessionLimits().settings.maxConcurrentStreams, 4_000)
})
