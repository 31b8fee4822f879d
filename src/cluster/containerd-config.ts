/** The configuration of our private containerd, as text. Version 2 of the format: 1.6 writes it, 1.7 and 2.x read it. */

export interface ContainerdConfig {
  /** Images and snapshots; survives a reboot. */
  readonly root: string
  /** Sockets, bundles, network namespaces; may be lost at a reboot. */
  readonly state: string
  readonly socket: string
  readonly cniConfDir: string
  readonly cniBinDir: string
  /** The pause image; must be imported or pullable. */
  readonly sandboxImage: string
  /** Directory of `<registry>/hosts.toml` files. */
  readonly configPath: string
  readonly snapshotter: 'overlayfs' | 'native'
  /** Without CAP_SYS_RESOURCE a process cannot lower its OOM score, and runc fails when told to. */
  readonly restrictOomScoreAdj: boolean
}

export function containerdConfig(config: ContainerdConfig): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"'
  return `version = 2
root = ${quote(config.root)}
state = ${quote(config.state)}
disabled_plugins = [${unused.map(quote).join(', ')}]

[grpc]
  address = ${quote(config.socket)}

[${cri}]
  sandbox_image = ${quote(config.sandboxImage)}
  restrict_oom_score_adj = ${config.restrictOomScoreAdj}
  netns_mounts_under_state_dir = true
  enable_unprivileged_ports = true
  enable_unprivileged_icmp = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"

[${cri}.cni]
  bin_dir = ${quote(config.cniBinDir)}
  conf_dir = ${quote(config.cniConfDir)}
  max_conf_num = 1

[${cri}.containerd]
  snapshotter = ${quote(config.snapshotter)}
  default_runtime_name = "runc"

[${cri}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[${cri}.containerd.runtimes.runc.options]
  SystemdCgroup = false
  Root = ${quote(`${config.state}/runc`)}

[${cri}.registry]
  config_path = ${quote(config.configPath)}
`
}

/** Plugins that nothing here asks for; without them containerd starts faster and warns less. */
const unused = [
  'io.containerd.snapshotter.v1.aufs',
  'io.containerd.snapshotter.v1.btrfs',
  'io.containerd.snapshotter.v1.devmapper',
  'io.containerd.snapshotter.v1.zfs',
  'io.containerd.snapshotter.v1.blockfile',
  'io.containerd.internal.v1.restart',
  'io.containerd.internal.v1.tracing',
  'io.containerd.tracing.processor.v1.otlp',
  'io.containerd.nri.v1.nri',
]

/** TOML's basic strings are JSON's for all that a path can hold. */
function quote(text: string): string {
  return JSON.stringify(text)
}
