/** A healthy machine with a healthy cluster, of memory: what a check of `nami doctor` finds there is nothing, until a test plants a fault. */
import type { Node } from '#api/core/v1/node.ts'
import { dataDirectory, defaultConfig } from '#cluster/data-directory.ts'
import type { Api, DoctorContext, FileFacts, Machine, Outcome } from '#cluster/doctor/check.ts'

export const now = Date.UTC(2026, 5, 1)

export interface Plant {
  /** Text by path; undefined takes a file away. */
  readonly files?: Readonly<Record<string, string | undefined>>
  readonly facts?: Readonly<Record<string, Partial<FileFacts>>>
  /** Outcomes by the beginning of the command line. */
  readonly programs?: Readonly<Record<string, Partial<Outcome>>>
  /** Programs that are not installed. */
  readonly without?: readonly string[]
  readonly machine?: Partial<Machine>
  readonly context?: Partial<DoctorContext>
  readonly api?: Partial<Api>
}

export const directory = dataDirectory('/var/lib/nami')

const kubeconfig = `
clusters: [{name: nami, cluster: {server: "https://127.0.0.1:6443", certificate-authority-data: QQ==}}]
contexts: [{name: nami, context: {cluster: nami, user: nami}}]
users: [{name: nami, user: {}}]
`

const files = {
  '/proc/filesystems': 'nodev\tproc\n\text4\nnodev\toverlay\n',
  '/proc/self/mountinfo': '30 24 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n',
  '/sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io memory pids\n',
  '/proc/sys/net/bridge/bridge-nf-call-iptables': '1\n',
  '/proc/sys/net/ipv4/ip_forward': '1\n',
  '/root/.kube/config': kubeconfig,
  [directory.kubeconfig]: kubeconfig,
  [directory.config]: '{}',
  [`${directory.path}/version`]: '1\n',
  [`${directory.pki}/ca.key`]: 'key',
}

const programs: Readonly<Record<string, Partial<Outcome>>> = {
  'containerd --version': { stdout: 'containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1+deb12u3\n' },
  'runc --version': { stdout: 'runc version 1.1.5+ds1\ncommit: 1.1.5\nspec: 1.0.2-dev\n' },
  'ip -o link show lo': { stdout: '1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 state UNKNOWN\n' },
  'nft list tables': { stdout: 'table ip nami\n' },
  'nft -j list chains': { stdout: '{"nftables": []}' },
}

const readyNode = {
  metadata: { name: 'n1' },
  status: { conditions: [{ type: 'Ready', status: 'True' }] },
} as unknown as Node

export function doctorContext(plant: Plant = {}): DoctorContext {
  const machine = { ...playedMachine(plant), ...plant.machine }
  return {
    machine,
    directory,
    config: { ...defaultConfig, nodeName: 'n1' },
    clusterExists: true,
    processes: { supervisor: 1, server: 2, agent: 3, containerd: 4 },
    now,
    userKubeconfig: '/root/.kube/config',
    api: { get: async () => ({ status: 200, text: 'ok' }), nodes: async () => [readyNode], ...plant.api },
    ...plant.context,
  }
}

function playedMachine(plant: Plant): Machine {
  const texts: Readonly<Record<string, string | undefined>> = { ...files, ...plant.files }
  const outcomes = { ...programs, ...plant.programs }
  const isThere = (path: string) =>
    texts[path] !== undefined || plant.facts?.[path] !== undefined || path === directory.path || path === directory.pki
  return {
    uid: 0,
    readText: (path) => texts[path],
    facts: (path) =>
      isThere(path)
        ? { mode: path === directory.path ? 0o700 : 0o600, uid: 0, modified: now - 1000, ...plant.facts?.[path] }
        : undefined,
    filesBelow: (path) => Object.keys(texts).filter((file) => file.startsWith(`${path}/`) && texts[file] !== undefined),
    find: (program) => (plant.without?.includes(program) ? undefined : `/usr/bin/${program}`),
    run: async (program, args) => {
      const line = [program, ...args].join(' ')
      const planted = Object.entries(outcomes).find(([beginning]) => line.startsWith(beginning))?.[1]
      return { code: 0, stdout: '', stderr: '', ...planted }
    },
    space: async () => ({ freeBytes: 50e9, free: 0.5, inodes: 0.9 }),
    isFree: async () => false,
    resolve: async () => ['10.96.0.1'],
  }
}
