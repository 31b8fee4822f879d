/** A real HTTPS road to a test's API server: a loopback socket with certificates of its own, made once per process. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { listen } from '#apiserver/http/listen.ts'
import type { ApiServer } from '#apiserver/server.ts'
import type { Transport } from '#client/client.ts'
import { httpsTransport } from '#client/https-transport.ts'
import { ensurePki, type Pki } from '#cluster/pki.ts'
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'

export interface Loopback {
  readonly server: ApiServer
  readonly clock: Clock
  readonly random: Random
}

let pki: Promise<Pki> | undefined

/** As `kubernetes-admin`; closing the transport closes the socket. Certificates live in real time. */
export async function openLoopback({ server, clock, random }: Loopback): Promise<Transport> {
  pki ??= makePki()
  const { ca, apiserver, admin } = await pki
  const { key, certificate } = apiserver
  const listening = await listen(server, {
    host: '127.0.0.1',
    port: 0,
    key,
    certificate,
    clientCa: ca.certificate,
    clock,
    random,
  })
  const transport = httpsTransport({
    server: `https://127.0.0.1:${listening.port}`,
    clock,
    ca: ca.certificate,
    certificate: admin.certificate,
    key: admin.key,
  })
  const close = async () => {
    await transport.close()
    await listening.close(0)
  }
  return { request: (call) => transport.request(call), watch: (call) => transport.watch(call), close }
}

async function makePki(): Promise<Pki> {
  const dir = mkdtempSync(join(tmpdir(), 'nami-test-pki-'))
  try {
    return await ensurePki(dir)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}
