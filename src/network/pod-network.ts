/**
 * The pod network of a node: a bridge that carries the gateway's address, the CNI configuration that puts pods on it, and the
 * kernel settings that let packets through. Pods of one node share a bridge; other nodes are reached by routes.
 */
import { execFile } from 'node:child_process'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface PodNetwork {
  /** Name of the bridge. */
  readonly bridge: string
  /** The node's part of the pod range: `10.244.0.0/24`. */
  readonly podCidr: string
  /** The bridge's address: the first of the range. Pods see it as their gateway and DNS server. */
  readonly gateway: string
  readonly serviceCidr: string
}

export const bridgeName = 'nami0'

export const cniConfigName = '10-nami.conflist'

export function podNetwork(podCidr: string, serviceCidr: string): PodNetwork {
  const [base = '', bits = '24'] = podCidr.split('/')
  const parts = base.split('.').map(Number)
  const gateway = [...parts.slice(0, 3), (parts[3] ?? 0) + 1].join('.')
  return { bridge: bridgeName, podCidr: `${base}/${bits}`, gateway, serviceCidr }
}

/** The CNI configuration list; host ports are the proxy's work, not the portmap plugin's, which needs iptables. */
export function cniConfig({ bridge, podCidr }: PodNetwork, ipamDirectory: string): string {
  const list = {
    cniVersion: '0.4.0',
    name: 'nami',
    plugins: [
      {
        type: 'bridge',
        bridge,
        isGateway: true,
        isDefaultGateway: true,
        ipMasq: false,
        hairpinMode: true,
        ipam: { type: 'host-local', dataDir: ipamDirectory, ranges: [[{ subnet: podCidr }]] },
      },
    ],
  }
  return `${JSON.stringify(list, null, 2)}\n`
}

export interface SetUpOptions {
  readonly network: PodNetwork
  /** Where containerd looks for CNI configurations. */
  readonly cniConfDir: string
  /** Where addresses in use are remembered; on a file system that a reboot empties. */
  readonly ipamDirectory: string
  readonly onWarning: (line: string) => void
}

/** A network namespace begins with a loopback interface that is down, and nobody on the node could talk to another. */
export async function bringUpLoopback(): Promise<void> {
  if (!networkInterfaces().lo) await run('ip', ['link', 'set', 'lo', 'up'])
}

/** Idempotent: brings the node to the wanted state from whatever it finds. */
export async function setUpPodNetwork({ network, cniConfDir, ipamDirectory, onWarning }: SetUpOptions): Promise<void> {
  const { bridge, gateway, podCidr, serviceCidr } = network
  const bits = podCidr.split('/')[1]
  const defaultRoute = await runAll([
    `link add ${bridge} type bridge`,
    `addr replace ${gateway}/${bits} dev ${bridge}`,
    `link set ${bridge} up`,
    'route show default',
  ])
  for (const [setting, value] of settings(bridge)) await writeSetting(setting, value, onWarning)
  if (defaultRoute.trim() === '') await run('ip', ['route', 'replace', serviceCidr, 'dev', bridge, 'src', gateway])
  await mkdir(cniConfDir, { recursive: true })
  await mkdir(ipamDirectory, { recursive: true })
  const file = join(cniConfDir, cniConfigName)
  await writeFile(`${file}.new`, cniConfig(network, ipamDirectory))
  await rename(`${file}.new`, file)
}

/** Takes the bridge away, and with it its address and routes. */
export async function removePodNetwork(bridge = bridgeName): Promise<void> {
  await run('ip', ['link', 'delete', bridge]).catch(ignore(/Cannot find device/))
}

/** Routes to the pods of other nodes: `pods via node`. */
export async function routeTo(podCidr: string, nodeIp: string): Promise<void> {
  await run('ip', ['route', 'replace', podCidr, 'via', nodeIp])
}

export async function removeRoute(podCidr: string): Promise<void> {
  await run('ip', ['route', 'delete', podCidr]).catch(ignore(/No such process/))
}

/**
 * Forwarding between pods and the world; NodePorts on 127.0.0.1 (route_localnet); and the bridge's packets shown to the rules, without
 * which a pod's answer to a neighbour that asked through a service would come from the wrong address.
 */
function settings(bridge: string): readonly (readonly [string, string])[] {
  return [
    ['net/ipv4/ip_forward', '1'],
    ['net/ipv4/conf/all/route_localnet', '1'],
    [`net/ipv4/conf/${bridge}/route_localnet`, '1'],
    ['net/bridge/bridge-nf-call-iptables', '1'],
  ]
}

async function writeSetting(name: string, value: string, onWarning: (line: string) => void): Promise<void> {
  const file = `/proc/sys/${name}`
  try {
    if ((await readFile(file, 'utf8')).trim() !== value) await writeFile(file, value)
  } catch (error) {
    onWarning(`kernel setting ${name.replaceAll('/', '.')} cannot be set to ${value}: ${(error as Error).message}`)
  }
}

/** Commands of `ip` in one process, since each takes as long to start as to do all of them; answers what they print. What the first makes may be there. */
async function runAll(commands: readonly string[]): Promise<string> {
  const running = run('ip', ['-force', '-batch', '-'])
  running.child.stdin?.end(commands.map((command) => `${command}\n`).join(''))
  const { stdout } = await running.catch((error: Error & { stdout: string; stderr?: string }) => {
    if (/^[^\n]*File exists\s+Command failed -:1\s*$/.test(error.stderr ?? '')) return error
    throw error
  })
  return stdout
}

function ignore(pattern: RegExp): (error: Error & { stderr?: string }) => undefined {
  return (error) => {
    if (pattern.test(error.stderr ?? '')) return undefined
    throw error
  }
}
