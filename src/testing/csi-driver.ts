/**
 * A CSI driver of folders: a volume is a folder below `store`, staged and published by bind mounts (or, without root, by links). It tells what it
 * was asked for, and fails as it is told. Runs in a test's own process, or as a program in a pod: `node csi-driver.ts NAME ROOT STORE`.
 */
import { execFileSync } from 'node:child_process'
import { appendFileSync, existsSync, lstatSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Message } from '#kubelet/cri/proto-wire.ts'
import { csiProtos } from '#kubelet/csi/csi-node-service.ts'
import { registrationProtos } from '#kubelet/csi/plugin-registry.ts'
import { type GrpcFailure, serveGrpc } from './grpc-server.ts'

export interface CsiDriverOptions {
  readonly name: string
  /** Of the agent: `plugins_registry` is in there. */
  readonly root: string
  /** Where volumes are kept. */
  readonly store: string
  readonly capabilities?: readonly string[]
  readonly topology?: Readonly<Record<string, string>>
  readonly maxVolumes?: number
  readonly versions?: readonly string[]
  readonly nodeId?: string
  /** Whether it mounts; else it makes links. */
  readonly mounts?: boolean
  /** One line of JSON for each call. */
  readonly log?: string | undefined
}

export interface CsiTestDriver extends AsyncDisposable {
  /** Method and request of each call that changes something. */
  readonly calls: { readonly method: string; readonly request: Message }[]
  /** What the agent said of the registration. */
  readonly registrations: { readonly registered: boolean; readonly error: string }[]
  /** By method: what it answers instead, while it stands here. */
  readonly failures: Map<string, GrpcFailure>
  close(): Promise<void>
}

export async function startCsiDriver(options: CsiDriverOptions): Promise<CsiTestDriver> {
  const { name, root, log } = options
  const plugin = join(root, 'plugins', name)
  const sockets = { csi: join(plugin, 'csi.sock'), registration: join(root, 'plugins_registry', `${name}-reg.sock`) }
  for (const socket of Object.values(sockets)) {
    mkdirSync(dirname(socket), { recursive: true })
    rmSync(socket, { force: true })
  }
  const driver = { calls: [] as CsiTestDriver['calls'], registrations: [] as CsiTestDriver['registrations'], failures: new Map() }
  const noted = Object.entries(methodsOf(options)).map(([method, serve]) => {
    const note = (request: Message) => {
      if (!/Get(Info|Capabilities)$/.test(method)) driver.calls.push({ method, request })
      if (log) appendFileSync(log, `${JSON.stringify({ method, request })}\n`)
      const failure = driver.failures.get(method)
      if (failure) throw failure
      return serve(request)
    }
    return [method, note] as const
  })
  const csi = await serveGrpc(sockets.csi, csiProtos(), Object.fromEntries(noted))
  const registration = await serveGrpc(sockets.registration, registrationProtos(), {
    GetInfo: () => ({ type: 'CSIPlugin', name, endpoint: sockets.csi, supported_versions: options.versions ?? ['1.0.0'] }),
    NotifyRegistrationStatus: ({ plugin_registered: registered, error }) => {
      driver.registrations.push({ registered, error })
      return {}
    },
  })
  const close = async () => {
    await registration.close()
    await csi.close()
    for (const socket of Object.values(sockets)) rmSync(socket, { force: true })
  }
  return { ...driver, close, [Symbol.asyncDispose]: close }
}

function methodsOf({ store, capabilities = ['STAGE_UNSTAGE_VOLUME'], ...options }: CsiDriverOptions) {
  const { nodeId = 'node-1', maxVolumes = 0, topology = {}, mounts = process.getuid?.() === 0 } = options
  const bind = mounts ? bindMount : link
  const remove = mounts ? unmount : unlink
  const volume = (id: string) => {
    mkdirSync(join(store, id), { recursive: true })
    return join(store, id)
  }
  return {
    NodeGetInfo: () => ({
      node_id: nodeId,
      max_volumes_per_node: maxVolumes,
      ...(Object.keys(topology).length > 0 && { accessible_topology: { segments: topology } }),
    }),
    NodeGetCapabilities: () => ({ capabilities: capabilities.map((type) => ({ rpc: { type } })) }),
    NodeStageVolume: ({ volume_id: id, staging_target_path: path, volume_capability: how }: Message) => {
      if (!how.block) bind(volume(id), path)
      return {}
    },
    NodeUnstageVolume: ({ staging_target_path: path }: Message) => {
      remove(path)
      return {}
    },
    NodePublishVolume: ({ volume_id: id, staging_target_path: staging, target_path: path, volume_capability: how }: Message) => {
      if (how.block) symlinkSync('/dev/null', path)
      else bind(staging || volume(id), path)
      return {}
    },
    NodeUnpublishVolume: ({ target_path: path }: Message) => {
      remove(path)
      return {}
    },
    NodeGetVolumeStats: () => ({
      usage: [
        { unit: 'BYTES', available: 60, total: 100, used: 40 },
        { unit: 'INODES', available: 6, total: 10, used: 4 },
      ],
    }),
    NodeExpandVolume: ({ capacity_range: range }: Message) => ({ capacity_bytes: range?.required_bytes ?? 0 }),
  }
}

function bindMount(source: string, target: string): void {
  mkdirSync(target, { recursive: true })
  if (execFileSync('mount').toString().includes(` on ${target} `)) return
  execFileSync('mount', ['--bind', source, target])
}

function unmount(target: string): void {
  if (execFileSync('mount').toString().includes(` on ${target} `)) execFileSync('umount', [target])
  unlink(target)
}

function link(source: string, target: string): void {
  if (existsSync(target) && lstatSync(target).isSymbolicLink()) return
  rmSync(target, { recursive: true, force: true })
  symlinkSync(source, target)
}

function unlink(target: string): void {
  rmSync(target, { recursive: true, force: true })
}

if (import.meta.main) {
  const [name = '', root = '', store = '', log] = process.argv.slice(2)
  await startCsiDriver({ name, root, store, log, topology: { 'topology.test/node': 'here' }, maxVolumes: 5 })
  process.on('SIGTERM', () => process.exit(0))
}
