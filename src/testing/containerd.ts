/** A real containerd for tests, with busybox as application and as sandbox image, in directories and a network of its own. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ContainerdOptions, importImages, startContainerd } from '#cluster/containerd.ts'
import { deleteContainerd } from '#cluster/containerd-sweep.ts'
import { connectContainerd } from '#kubelet/cri/containerd.ts'
import type { Runtime } from '#kubelet/cri/runtime.ts'
import { systemClock } from '#lib/clock.ts'
import { writeTestImage } from './busybox-image.ts'

export const busybox = 'docker.io/library/busybox:test'
const pause = 'registry.invalid/pause:test'

/** Why tests with real containers cannot run here; false when they can. As node:test takes it for `skip`. */
export function noContainerd(): string | false {
  if (process.getuid?.() !== 0) return 'needs root'
  for (const program of ['containerd', 'runc', 'ctr', 'busybox', 'ip', 'nsenter']) {
    if (spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0) return `needs ${program}`
  }
  if (!existsSync('/usr/lib/cni/bridge')) return 'needs the CNI plugins in /usr/lib/cni'
  return false
}

export interface TestContainerd extends AsyncDisposable {
  readonly runtime: Runtime
  readonly options: ContainerdOptions
  readonly directory: string
  /** Name of the network namespace; '' with the host's network. */
  readonly network: string
}

let count = 0

/** With `network: 'own'` pods get addresses of a bridge inside a network namespace of the test's. */
export async function testContainerd({ network = 'own' }: { network?: 'own' | 'host' } = {}): Promise<TestContainerd> {
  const directory = mkdtempSync('/tmp/nami-cri-')
  const name = network === 'own' ? `nami-cri-${process.pid}-${++count}` : ''
  if (name) {
    spawnSync('ip', ['netns', 'add', name])
    spawnSync('ip', ['-n', name, 'link', 'set', 'lo', 'up'])
  }
  const options: ContainerdOptions = {
    root: join(directory, 'root'),
    state: join(directory, 'state'),
    socket: join(directory, 'containerd.sock'),
    cniConfDir: join(directory, 'cni'),
    sandboxImage: pause,
    configPath: join(directory, 'hosts'),
    clock: systemClock,
    ...(name && { networkNamespace: `/run/netns/${name}` }),
  }
  mkdirSync(options.cniConfDir)
  if (name) writeFileSync(join(options.cniConfDir, '10-test.conflist'), JSON.stringify(bridge(directory)))
  const dispose = async () => {
    await deleteContainerd(options, { clock: systemClock })
    if (name) spawnSync('ip', ['netns', 'delete', name])
    rmSync(directory, { recursive: true, force: true })
  }
  try {
    const containerd = await startContainerd(options)
    const archive = join(directory, 'image.tar')
    await writeTestImage({ file: archive, names: [busybox] })
    importImages(containerd, archive)
    await writeTestImage({ file: archive, names: [pause], command: ['sleep', '1000000'] })
    importImages(containerd, archive)
    const runtime = await connectContainerd({ socket: options.socket, clock: systemClock })
    const end = async () => {
      await runtime.close()
      await dispose()
    }
    return { runtime, options, directory, network: name, [Symbol.asyncDispose]: end }
  } catch (error) {
    await dispose()
    throw error
  }
}

function bridge(directory: string): object {
  const ipam = { type: 'host-local', dataDir: join(directory, 'ipam'), ranges: [[{ subnet: '10.88.7.0/24' }]] }
  const plugins = [
    { type: 'bridge', bridge: 'cni0', isGateway: true, ipam },
    { type: 'portmap', capabilities: { portMappings: true } },
  ]
  return { cniVersion: '0.4.0', name: 'test', plugins: plugins.slice(0, 1) }
}
