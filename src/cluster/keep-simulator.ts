/**
 * Simulated nodes as a process of their own beside the server, which runs while the cluster wants such nodes.
 *
 * Guarantees: it never outlives the server, however that ends: the pipe between them closes. It is started again when it ends by itself.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Client } from '#client/client.ts'
import { type Clock, sleep } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import { watchWanted } from '#simulate/watch-wanted.ts'
import { type DataDirectory, replaceFile } from './data-directory.ts'
import { kubeconfigText } from './kubeconfig-text.ts'
import type { Log } from './log.ts'
import { ensureClientCertificate, type Pki } from './pki.ts'

export const simulatorUser = 'system:node-simulator'
/** Is served like nodes, so that heartbeats do not wait for pods in the server either; it gives no rights, since the user is no node. */
const simulatorGroup = 'system:nodes'

/** What all node agents together may do, without being any of them. */
export const simulatorRules = [
  { apiGroups: [''], resources: ['nodes'], verbs: ['create', 'delete', 'get', 'list', 'patch'] },
  { apiGroups: [''], resources: ['nodes/status', 'pods/status'], verbs: ['patch'] },
  { apiGroups: [''], resources: ['pods'], verbs: ['delete', 'get', 'list', 'watch'] },
  { apiGroups: [''], resources: ['configmaps'], resourceNames: ['simulated-nodes'], verbs: ['get', 'list', 'patch', 'watch'] },
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create', 'delete', 'get', 'list', 'update'] },
]

export interface SimulatorKeeping {
  readonly directory: DataDirectory
  readonly pki: Pki
  readonly port: number
  readonly client: Client
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly signal: AbortSignal
}

const shortestPause = 1_000
const longestPause = 16_000

/** Resolves when the signal is aborted and the process gone. */
export async function keepSimulator(keeping: SimulatorKeeping): Promise<void> {
  const { client, clock, random, log, signal } = keeping
  const onError = (error: unknown) => signal.aborted || log.error('simulated nodes', error)
  let change = Promise.withResolvers<void>()
  let isWanted = false
  const tell = (wanted: boolean) => {
    // What is not wanted any more is removed by who made it, which is over when the server ends.
    isWanted ||= wanted
    change.resolve()
  }
  signal.addEventListener('abort', () => change.resolve(), { once: true })
  await watchWanted({ client, clock, random, signal, onError }, tell).catch(onError)
  let pause = shortestPause
  while (!signal.aborted) {
    if (!isWanted) {
      await change.promise
      change = Promise.withResolvers()
      continue
    }
    const began = clock.monotonic()
    await run(keeping).catch(onError)
    if (signal.aborted) return
    if (clock.monotonic() - began > 60_000) pause = shortestPause
    log.error('simulated nodes', new Error(`the process ended; starting it again in ${pause / 1000} s`))
    await sleep(clock, pause, signal).catch(() => {})
    pause = Math.min(2 * pause, longestPause)
  }
}

/** Resolves when the process is gone. */
async function run({ directory, pki, port, clock, signal }: SimulatorKeeping): Promise<void> {
  const { key, certificate } = await ensureClientCertificate(pki, {
    name: 'simulator',
    user: simulatorUser,
    groups: [simulatorGroup],
    clock,
  })
  const kubeconfig = join(directory.run, 'simulator.kubeconfig')
  const server = `https://127.0.0.1:${port}`
  replaceFile(kubeconfig, kubeconfigText({ name: 'nami', server, ca: pki.ca.certificate, certificate, key }), 0o600)
  const bin = fileURLToPath(new URL('../../bin/nami.ts', import.meta.url))
  const output = openSync(join(directory.logs, 'simulator.log'), 'a')
  const words = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=32', bin]
  const child = spawn(process.execPath, [...words, 'simulate', 'run', '--kubeconfig', kubeconfig, '--with-parent'], {
    stdio: ['pipe', output, output],
    cwd: '/',
  })
  closeSync(output)
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
  child.stdin?.on('error', () => {})
  const stop = () => end(child, clock)
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  await gone
  signal.removeEventListener('abort', stop)
}

function end(child: ChildProcess, clock: Clock): void {
  child.kill('SIGTERM')
  clock.after(3_000, () => child.kill('SIGKILL'))
}
