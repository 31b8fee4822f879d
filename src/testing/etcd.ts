/** Debian's etcd for tests: one member or several on this machine, which can be killed, stopped and started again. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { waitReferenced } from '#cluster/processes.ts'
import { systemClock } from '#lib/clock.ts'

/** Why there is no etcd here; false when there is. As node:test takes it for `skip`. */
export function missingEtcd(program: 'etcd' | 'etcdctl' = 'etcd'): string | false {
  if (spawnSync(program, [program === 'etcd' ? '--version' : 'version'], { env: etcdctlEnvironment() }).status === 0) return false
  return `needs ${program} (Debian: ${program === 'etcd' ? 'etcd-server' : 'etcd-client'})`
}

export function etcdctlEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, ETCDCTL_API: '3' }
}

export interface EtcdMember {
  readonly name: string
  readonly endpoint: string
  readonly pid: number | undefined
  start(): void
  /** kill -9, and waits for the end. */
  kill(): Promise<void>
  signal(signal: NodeJS.Signals): void
}

export interface TestEtcd extends AsyncDisposable {
  readonly members: readonly EtcdMember[]
  readonly endpoints: readonly string[]
  /** Resolves when every member that runs answers. */
  ready(): Promise<void>
}

export interface TestEtcdOptions {
  readonly size?: number
  readonly args?: readonly string[]
  /** Paths: what it shows to clients, and who signed the certificates that it asks them for. */
  readonly tls?: { readonly ca: string; readonly certificate: string; readonly key: string }
  /** Where each member lives; default 127.0.0.1. `enter` is what its command line begins with. */
  readonly places?: readonly { readonly address: string; readonly enter: readonly string[] }[]
}

export async function testEtcd({ size = 1, args = [], tls, places = [] }: TestEtcdOptions = {}): Promise<TestEtcd> {
  const folder = mkdtempSync(join(tmpdir(), 'nami-etcd-'))
  const ports = await freePorts(size * 3)
  const plans = Array.from({ length: size }, (_, i) => {
    const { address = '127.0.0.1', enter = [] } = places[i] ?? {}
    const name = `m${i}`
    return {
      name,
      enter,
      client: `${tls ? 'https' : 'http'}://${address}:${ports[i]}`,
      health: tls ? `http://${address}:${ports[2 * size + i]}` : undefined,
      peer: `http://${address}:${ports[size + i]}`,
      data: join(folder, name),
    }
  })
  const cluster = plans.map(({ name, peer }) => `${name}=${peer}`).join(',')
  const members = plans.map((plan) => {
    const { name, enter, client, peer, data, health } = plan
    const command = [
      ...enter,
      'etcd',
      ...['--name', name, '--data-dir', data, '--listen-client-urls', client, '--advertise-client-urls', client],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', cluster],
      ...['--heartbeat-interval', '50', '--election-timeout', '500', '--logger', 'zap', '--log-level', 'error'],
      ...(tls ? ['--cert-file', tls.certificate, '--key-file', tls.key, '--trusted-ca-file', tls.ca, '--client-cert-auth'] : []),
      ...(health ? ['--listen-metrics-urls', health] : []),
      ...args,
    ]
    return new Member({ name, endpoint: client, health: health ?? client }, command)
  })
  const ready = async () => {
    await Promise.all(members.filter(({ pid }) => pid !== undefined).map(untilHealthy))
  }
  const stop = async () => {
    await Promise.all(members.map((member) => member.kill()))
    rmSync(folder, { recursive: true, force: true })
  }
  for (const member of members) member.start()
  try {
    await ready()
  } catch (error) {
    await stop()
    throw error
  }
  return { members, endpoints: members.map(({ endpoint }) => endpoint), ready, [Symbol.asyncDispose]: stop }
}

class Member implements EtcdMember {
  readonly name: string
  readonly endpoint: string
  /** Where it tells how it is, to anybody. */
  readonly health: string
  #command: readonly string[]
  #child: ChildProcess | undefined

  constructor({ name, endpoint, health }: { name: string; endpoint: string; health: string }, command: readonly string[]) {
    this.name = name
    this.endpoint = endpoint
    this.health = health
    this.#command = command
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  start(): void {
    const [program = '', ...args] = this.#command
    const child = spawn(program, args, { stdio: 'ignore' })
    child.on('exit', () => {
      if (this.#child === child) this.#child = undefined
    })
    this.#child = child
  }

  async kill(): Promise<void> {
    const child = this.#child
    if (!child || child.exitCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal)
  }
}

const patience = 30_000

async function untilHealthy({ name, health }: Member): Promise<void> {
  const deadline = systemClock.monotonic() + patience
  while (!(await isHealthy(health))) {
    if (systemClock.monotonic() > deadline) throw new Error(`etcd member ${name} does not become healthy`)
    await waitReferenced(systemClock, 20)
  }
}

async function isHealthy(endpoint: string): Promise<boolean> {
  try {
    const answer = await fetch(`${endpoint}/health`, { signal: AbortSignal.timeout(1_000) })
    return ((await answer.json()) as { health: string }).health === 'true'
  } catch {
    return false
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
