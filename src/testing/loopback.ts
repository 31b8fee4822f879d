/** A real HTTPS road to a test's API server: a loopback socket with certificates of its own, made once per process. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { listen } from '#apiserver/http/listen.ts'
import type { RequestMetrics } from '#apiserver/publish/metrics.ts'
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
  readonly metrics?: RequestMetrics
}

let pki: Promise<Pki> | undefined

export interface LoopbackSocket extends AsyncDisposable {
  readonly port: number
  readonly pki: Pki
  close(grace?: number): Promise<void>
}

/** The socket alone, for clients of the test's own. Certificates live in real time. */
export async function listenOnLoopback(
  { server, clock, random, metrics }: Loopback,
  onError?: (error: unknown) => void,
): Promise<LoopbackSocket> {
  pki ??= makePki()
  const own = await pki
  const { key, certificate } = own.apiserver
  const listening = await listen(server, {
    ...{ host: '127.0.0.1', port: 0, key, certificate, clientCa: own.ca.certificate },
    ...{ clock, random, ...(onError && { onError }), ...(metrics && { metrics }) },
  })
  const { port, close } = listening
  return { port, pki: own, close, [Symbol.asyncDispose]: () => close(0) }
}

/** As `kubernetes-admin`; closing the transport closes the socket. */
export async function openLoopback(loopback: Loopback): Promise<Transport> {
  const { port, pki, close } = await listenOnLoopback(loopback)
  const transport = httpsTransport({
    server: `https://127.0.0.1:${port}`,
    clock: loopback.clock,
    ca: pki.ca.certificate,
    certificate: pki.admin.certificate,
    key: pki.admin.key,
  })
  return {
    request: (call) => transport.request(call),
    watch: (call) => transport.watch(call),
    async close() {
      await transport.close()
      await close(0)
    },
  }
}

async function makePki(): Promise<Pki> {
  const dir = mkdtempSync(join(tmpdir(), 'nami-test-pki-'))
  try {
    return await ensurePki(dir)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}
