/** The server as a process of its own, as the supervisor starts it: no node, no root. A test may kill it, start it again and look inside. */
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { WebSocket } from 'ws'
import { type AdministratorIdentity, administratorIdentity } from '#cluster/administrator.ts'
import { type ClusterConfig, dataDirectory, defaultConfig, prepare, saveConfig } from '#cluster/data-directory.ts'
import { issueCertificate, type KeyAndCertificate } from '#cluster/pki-certificate.ts'
import { readPair } from '#cluster/pki-files.ts'
import { systemClock } from '#lib/clock.ts'
import { type Background, start } from './bed-run.ts'
import { freePort } from './free-port.ts'

export interface ServerProcess extends AsyncDisposable {
  readonly port: number
  /** Path; its user is the administrator. */
  readonly kubeconfig: string
  readonly administrator: AdministratorIdentity
  /** Of a client whom RBAC knows by this name. */
  identity(commonName: string, organizations?: readonly string[]): Promise<KeyAndCertificate>
  /** All that this run of the process has printed. */
  printed(): string
  /** Undefined while it runs. */
  ended(): string | undefined
  /** Bytes of the heap that are in use after a full collection. */
  heapUsed(): Promise<number>
  /** Evaluates an expression inside; what it gives must be JSON. */
  evaluate(expression: string): Promise<unknown>
  /** Resident set, bytes. */
  resident(): number
  /** SIGKILL, then a new process on the same state and port. */
  restart(): Promise<void>
}

const nami = fileURLToPath(new URL('../../bin/nami.ts', import.meta.url))

export async function openServerProcess(config: Partial<ClusterConfig> = {}): Promise<ServerProcess> {
  const root = mkdtempSync(join(tmpdir(), 'nami-server-process-'))
  const directory = dataDirectory(join(root, 'data'))
  const port = await freePort()
  prepare(directory)
  saveConfig(directory, { ...defaultConfig, nodeName: 'n1', agent: false, ...config, port })
  const clean = () => {
    for (const path of [root, directory.run]) rmSync(path, { recursive: true, force: true })
  }
  let running: Background
  const launch = async () => {
    const args = ['--disable-warning=ExperimentalWarning', '--inspect=127.0.0.1:0', '--max-semi-space-size=32']
    const env = { PATH: process.env.PATH ?? '', HOME: root }
    running = start(process.execPath, [...args, nami, 'server', '--data-dir', directory.path], { env })
    await running.until(/serving on port/)
  }
  try {
    await launch()
  } catch (error) {
    clean()
    throw error
  }
  const evaluate = async (expression: string) => {
    await using inspector = await openInspector(running.printed())
    const { result } = await inspector.call('Runtime.evaluate', { expression, returnByValue: true })
    return result.value
  }
  return {
    port,
    kubeconfig: directory.kubeconfig,
    administrator: administratorIdentity(directory) as AdministratorIdentity,
    async identity(commonName, organizations = []) {
      const ca = (await readPair(directory.pki, 'ca')) as KeyAndCertificate
      return issueCertificate(ca, { commonName, organizations, usages: ['client'] }, { now: systemClock.now(), days: 1 })
    },
    printed: () => running.printed(),
    ended() {
      const { exitCode, signalCode } = running.process
      return exitCode === null && signalCode === null ? undefined : `exit code ${exitCode}, signal ${signalCode}`
    },
    evaluate,
    async heapUsed() {
      await using inspector = await openInspector(running.printed())
      await inspector.call('HeapProfiler.collectGarbage', {})
      const { usedSize } = await inspector.call('Runtime.getHeapUsage', {})
      return usedSize
    },
    resident: () => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${running.process.pid}/status`, 'utf8'))?.[1]) * 1024,
    async restart() {
      await running.stop()
      await launch()
    },
    async [Symbol.asyncDispose]() {
      await running.stop()
      clean()
    },
  }
}

interface Inspector extends AsyncDisposable {
  call(method: string, params: object): Promise<any>
}

/** The process says on standard error where its inspector listens. */
async function openInspector(printed: string): Promise<Inspector> {
  const [, address] = /Debugger listening on (ws:\S+)/.exec(printed) ?? []
  const socket = new WebSocket(address as string, { maxPayload: 1 << 28 })
  await once(socket, 'open')
  return {
    async call(method, params) {
      socket.send(JSON.stringify({ id: 1, method, params }))
      for (;;) {
        const [data] = await once(socket, 'message')
        const answer = JSON.parse(String(data))
        if (answer.id === 1) return answer.result
      }
    },
    async [Symbol.asyncDispose]() {
      socket.close()
      await once(socket, 'close')
    },
  }
}
