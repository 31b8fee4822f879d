import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Node } from '#api/core/v1/node.ts'
import { directory, doctorContext, now, type Plant } from '#testing/doctor.ts'
import { pidFile } from '../containerd-process.ts'
import { issueAuthority } from '../pki-certificate.ts'
import { checks } from './checks.ts'
import { diagnose } from './diagnose.ts'

const day = 24 * 3600 * 1000
const crt = `${directory.pki}/apiserver.crt`
const serverLog = `${directory.logs}/server.log`
const certificate = async (from: number, days: number) => (await issueAuthority('x', { now: from, days })).certificate
const chain = (more: object) => ({
  stdout: JSON.stringify({ nftables: [{ chain: { family: 'ip', hook: 'forward', ...more } }] }),
})
/** What `nft list table` prints: a chain with its rules, then others. */
const listing = (name: string, rules: string, ...others: readonly [string, string][]) => ({
  stdout: `table ip filter {\n${[[name, rules], ...others].map(([one, text]) => `\tchain ${one} {\n${text}\n\t}`).join('\n')}\n}\n`,
})
const docker = chain({ table: 'filter', name: 'FORWARD', policy: 'drop' })
const node = (...conditions: object[]) => [{ metadata: { name: 'n1' }, status: { conditions } } as unknown as Node]
const ready = { type: 'Ready', status: 'True' }
const refused = async () => {
  throw new Error('connect ECONNREFUSED 127.0.0.1:6443')
}

interface Case extends Plant {
  readonly check: string
  readonly it: string
  /** Absent: the check must find nothing. */
  readonly says?: RegExp
  /** What must be among the things to type. */
  readonly type?: RegExp
}

const cases: readonly Case[] = [
  { check: 'programs', it: 'misses nft', without: ['nft'], says: /^nft, which leads/, type: /apt-get install -y nftables/ },
  {
    check: 'programs',
    it: 'misses both places of CNI',
    without: ['/usr/lib/cni/bridge', '/opt/cni/bin/bridge'],
    says: /^bridge,/,
  },
  { check: 'programs', it: 'is content with one place of CNI', without: ['/usr/lib/cni/bridge'] },
  { check: 'programs', it: 'misses ctr', without: ['ctr'], says: /without ctr/ },
  {
    check: 'versions',
    it: 'finds an old containerd',
    programs: { 'containerd --version': { stdout: 'containerd containerd.io 1.4.13 abc' } },
    says: /containerd is of version 1\.4; 1\.6 or newer/,
  },
  {
    check: 'versions',
    it: 'finds an old runc',
    programs: { 'runc --version': { stdout: 'runc version 0.1.1\nspec: 1.0.0' } },
    says: /runc is of version 0\.1/,
  },
  { check: 'versions', it: 'knows a v in front', programs: { 'containerd --version': { stdout: 'containerd x v2.1.0 abc' } } },
  {
    check: 'overlayfs',
    it: 'is missed where no module brings it',
    files: { '/proc/filesystems': '\text4\n' },
    programs: { modprobe: { code: 1 } },
    says: /no overlayfs/,
  },
  { check: 'overlayfs', it: 'may be a module that is not loaded yet', files: { '/proc/filesystems': '\text4\n' } },
  {
    check: 'loopback',
    it: 'finds it down',
    programs: { 'ip -o link show lo': { stdout: '1: lo: <LOOPBACK> mtu 65536 state DOWN\n' } },
    says: /lo is down/,
    type: /^ip link set lo up$/,
  },
  {
    check: 'interfaces',
    it: 'finds a kernel without veth',
    programs: { 'unshare --net ip link add nami-try type veth': { code: 2, stderr: 'Error: Unknown device type.\n' } },
    says: /type veth \(Error: Unknown device type\.\)/,
    type: /^modprobe veth$/,
  },
  {
    check: 'interfaces',
    it: 'finds that namespaces are forbidden',
    programs: { 'unshare --net true': { code: 1, stderr: 'unshare: unshare failed: Operation not permitted\n' } },
    says: /cannot be made here/,
    type: /--no-agent/,
  },
  {
    check: 'nftables',
    it: 'finds a kernel that refuses the rules',
    programs: {
      'unshare --net nft': { code: 1, stderr: 'Error: Could not process rule: No such file or directory\n  masquerade' },
    },
    says: /refuses the rules .*: Error: Could not process rule/,
    type: /modprobe/,
  },
  {
    check: 'cgroups',
    it: 'finds memory off in the unified hierarchy',
    files: { '/sys/fs/cgroup/cgroup.controllers': 'cpu pids\n' },
    says: /controllers memory are off/,
    type: /cgroup_enable=memory/,
  },
  {
    check: 'cgroups',
    it: 'finds pids missing in version 1',
    files: { '/proc/self/mountinfo': '1 2 0:1 / /cg/c rw - cgroup c rw,cpu\n1 2 0:1 / /cg/m rw - cgroup m rw,memory\n' },
    says: /controllers pids are off/,
  },
  {
    check: 'state',
    it: 'finds what the server says of it',
    files: { [`${directory.run}/store-problem`]: '{"message":"The disk is full.","next":["df -h"]}' },
    says: /^The disk is full\.$/,
    type: /^df -h$/,
  },
  {
    check: 'cgroups',
    it: 'finds none mounted',
    files: { '/proc/self/mountinfo': '' },
    says: /No control groups/,
    type: /^mount /,
  },
  {
    check: 'br_netfilter',
    it: 'finds the module missing',
    files: { '/proc/sys/net/bridge/bridge-nf-call-iptables': undefined },
    says: /not loaded/,
    type: /^modprobe br_netfilter$/,
  },
  {
    check: 'br_netfilter',
    it: 'finds it switched off',
    files: { '/proc/sys/net/bridge/bridge-nf-call-iptables': '0\n' },
    says: /is 0/,
    type: /sysctl -w net\.bridge\.bridge-nf-call-iptables=1/,
  },
  { check: 'ip_forward', it: 'finds it switched off', files: { '/proc/sys/net/ipv4/ip_forward': '0\n' }, says: /is 0/ },
  {
    check: 'ip_forward',
    it: 'leaves it to a node that is yet to start',
    files: { '/proc/sys/net/ipv4/ip_forward': '0\n' },
    context: { processes: {} },
  },
  {
    check: 'firewall',
    it: 'finds the policy that Docker sets',
    programs: { 'nft -j list chains': docker },
    says: /chain ip filter FORWARD drops/,
    type: /^iptables -I FORWARD -i nami0 -j ACCEPT$/,
  },
  {
    check: 'firewall',
    it: 'is content where a rule lets the bridge through',
    programs: { 'nft -j list chains': docker, 'nft list table ip filter': listing('FORWARD', 'iifname "nami0" accept') },
  },
  {
    check: 'firewall',
    it: 'finds a chain of nftables itself',
    programs: { 'nft -j list chains': chain({ family: 'inet', table: 'mine', name: 'fwd', policy: 'drop' }) },
    says: /chain inet mine fwd/,
    type: /^nft insert rule inet mine fwd iifname "nami0" accept$/,
  },
  {
    check: 'firewall',
    it: 'does not take a rule that drops our packets for one that lets them through',
    programs: {
      'nft -j list chains': docker,
      'nft list table ip filter': listing('FORWARD', 'ip saddr 10.244.0.0/16 drop'),
    },
    says: /chain ip filter FORWARD drops forwarded packets of pods by the rule "ip saddr 10\.244\.0\.0\/16 drop"/,
  },
  {
    check: 'firewall',
    it: 'finds a rule that drops in a chain that accepts',
    programs: {
      'nft -j list chains': chain({ family: 'inet', table: 'mine', name: 'fwd', policy: 'accept' }),
      'nft list table inet mine': listing(
        'fwd',
        'ct state established accept\ncounter packets 3 bytes 9 reject with icmp type admin-prohibited',
      ),
    },
    says: /inet mine fwd drops forwarded packets of pods by the rule "counter packets 3/,
    type: /^nft insert rule inet mine fwd oifname "nami0" accept$/,
  },
  {
    check: 'firewall',
    it: 'is content with rules that drop what is of others',
    programs: {
      'nft -j list chains': chain({ table: 'mine', name: 'fwd', policy: 'accept' }),
      'nft list table ip mine': listing('fwd', 'iifname "docker0" drop\nip saddr 192.0.2.0/24 jump rest', ['rest', 'drop']),
    },
  },
  {
    check: 'firewall',
    it: 'finds that what pods send to the node is dropped',
    programs: { 'nft -j list chains': chain({ table: 'filter', name: 'INPUT', hook: 'input', policy: 'drop' }) },
    says: /chain ip filter INPUT drops incoming packets .* neither the API server nor DNS/,
    type: /^iptables -I INPUT -i nami0 -j ACCEPT$/,
  },
  {
    check: 'firewall',
    it: 'is content where a chain that is jumped to lets the bridge through',
    programs: {
      'nft -j list chains': chain({ table: 'filter', name: 'INPUT', hook: 'input', policy: 'drop' }),
      'nft list table ip filter': listing('INPUT', 'counter packets 0 bytes 0 jump ufw-user-input', [
        'ufw-user-input',
        'iifname "nami0" accept',
      ]),
    },
  },
  {
    check: 'firewall',
    it: 'finds firewalld',
    programs: { 'nft -j list chains': chain({ family: 'inet', table: 'firewalld', name: 'filter_FORWARD', policy: 'accept' }) },
    says: /^firewalld does not know/,
  },
  {
    check: 'firewall',
    it: 'finds the older tables',
    files: { '/proc/net/ip_tables_names': 'nat\nfilter\n' },
    programs: { 'iptables-legacy -S FORWARD': { stdout: '-P FORWARD DROP\n' } },
    says: /iptables chain FORWARD/,
    type: /^iptables-legacy -I FORWARD/,
  },
  {
    check: 'firewall',
    it: 'leaves our own chains alone',
    programs: { 'nft -j list chains': chain({ table: 'nami', policy: 'drop' }) },
  },
  {
    check: 'disk',
    it: 'finds little space',
    machine: { space: async () => ({ freeBytes: 3e9, free: 0.04, inodes: 0.9 }) },
    says: /4\.0 % of the disk are free/,
  },
  {
    check: 'disk',
    it: 'finds few inodes',
    machine: { space: async () => ({ freeBytes: 3e12, free: 0.4, inodes: 0.01 }) },
    says: /1\.0 % of the inodes/,
  },
  {
    check: 'disk',
    it: 'wants room for a first start',
    context: { clusterExists: false },
    machine: { space: async () => ({ freeBytes: 200 * 1024 ** 2, free: 0.4, inodes: 1 }) },
    says: /only 200 MB/,
  },
  { check: 'clock', it: 'finds it far ahead', context: { now: Date.UTC(2077, 0, 1) }, says: /2077-01-01.*far ahead/ },
  {
    check: 'clock',
    it: 'finds that it runs ahead of the time that others know',
    programs: {
      'chronyc -n tracking': { stdout: 'Stratum         : 3\nSystem time     : 10800.000012 seconds fast of NTP time\n' },
    },
    says: /is 3h ahead of the time that chrony knows/,
    type: /^chronyc makestep$/,
  },
  {
    check: 'clock',
    it: 'is content with a small difference',
    programs: { 'chronyc -n tracking': { stdout: 'System time     : 0.000012 seconds slow of NTP time\n' } },
  },
  { check: 'clock', it: 'finds it in the past', context: { now: 0 }, says: /1970-01-01/ },
  {
    check: 'clock',
    it: 'finds that it went back',
    facts: { [directory.config]: { modified: now + day } },
    says: /was written later/,
  },
  {
    check: 'data directory',
    it: 'finds a newer format',
    files: { [`${directory.path}/version`]: '7\n' },
    says: /newer Nami \(format 7/,
  },
  {
    check: 'data directory',
    it: 'finds a damaged version',
    files: { [`${directory.path}/version`]: 'x' },
    says: /version is damaged/,
  },
  {
    check: 'data directory',
    it: 'finds a damaged configuration',
    files: { [directory.config]: '{"na' },
    says: /config\.json is damaged/,
  },
  {
    check: 'data directory',
    it: 'finds a key that others can read',
    facts: { [`${directory.pki}/ca.key`]: { mode: 0o644 } },
    says: /can read pki\/ca\.key/,
    type: /^chmod go= .*ca\.key$/,
  },
  {
    check: 'data directory',
    it: 'finds a foreign owner',
    facts: { [directory.path]: { uid: 1000 } },
    says: /belongs to the user 1000/,
  },
  { check: 'data directory', it: 'is content where there is none', machine: { facts: () => undefined } },
  { check: 'certificates', it: 'is content with a year', files: { [crt]: await certificate(now, 365) } },
  {
    check: 'certificates',
    it: 'finds an expired one',
    files: { [crt]: await certificate(now - 20 * day, 10) },
    says: /pki\/apiserver\.crt expired on 2026-05-22/,
    type: /^nami up/,
  },
  {
    check: 'certificates',
    it: 'finds one about to expire',
    files: { [crt]: await certificate(now, 5) },
    says: /expires in [45] days/,
  },
  {
    check: 'certificates',
    it: 'finds one of tomorrow',
    files: { [crt]: await certificate(now + 3 * day, 5) },
    says: /not valid before/,
  },
  { check: 'certificates', it: 'finds one that is none', files: { [crt]: 'garbage' }, says: /cannot be read/ },
  {
    check: 'ports',
    it: 'finds who holds the port of the API server',
    context: { processes: { agent: 3 } },
    programs: { 'ss -Hltnp': { stdout: 'LISTEN 0 511 *:6443 *:* users:(("k3s-server",pid=77,fd=3))\n' } },
    says: /Port 6443, which the API server wants, is in use by k3s-server \(pid 77\)/,
    type: /^nami up --port 6444$/,
  },
  { check: 'ports', it: 'finds the port of the agent taken', context: { processes: { server: 2 } }, says: /Port 10250/ },
  {
    check: 'ports',
    it: 'finds a DNS server on all addresses',
    programs: { 'ss -Hlutnp': { stdout: 'udp UNCONN 0 0 0.0.0.0:53 0.0.0.0:* users:(("dnsmasq",pid=9,fd=4))\n' } },
    says: /^dnsmasq \(pid 9\) answers DNS on all addresses; the node must answer on 10\.244\.0\.1:53/,
  },
  {
    check: 'ports',
    it: 'is content with a DNS server on one address',
    programs: { 'ss -Hlutnp': { stdout: 'udp UNCONN 0 0 127.0.0.53%lo:53 0.0.0.0:* users:(("systemd-resolve",pid=9,fd=4))\n' } },
  },
  {
    check: 'processes',
    it: 'finds a stopped cluster',
    context: { processes: {} },
    says: /^The cluster is stopped\.$/,
    type: /^nami up$/,
  },
  {
    check: 'processes',
    it: 'finds the server gone, with its last words',
    context: { processes: { supervisor: 1, agent: 3, containerd: 4 } },
    files: { [serverLog]: '{"msg":"component: no space left"}\nsupervisor: server ended, starting it again in 1 s\n' },
    says: /server is not running\. The last it said: component: no space left/,
  },
  {
    check: 'processes',
    it: 'finds the supervisor gone',
    context: { processes: { server: 2, agent: 3, containerd: 4 } },
    says: /supervisor is gone/,
  },
  {
    check: 'processes',
    it: 'finds a server that keeps ending',
    files: {
      [serverLog]: 'Error: boom\n    at start (a.ts:1:1)\nsupervisor: server ended, starting it again in 1 s\n'.repeat(4),
    },
    says: /keeps ending.*Error: boom/,
  },
  {
    check: 'processes',
    it: 'forgets what ended long ago',
    files: {
      [serverLog]: `{"time":"2026-05-31T10:00:00Z","msg":"a"}\nsupervisor: server ended, starting it again in 1 s\n`.repeat(4),
    },
  },
  {
    check: 'processes',
    it: 'is content with a server that has settled since',
    files: {
      [serverLog]: 'supervisor: server ended, starting it again in 1 s\n'.repeat(4),
      '/proc/uptime': '5000.00 100.00\n',
      '/proc/2/stat': '2 (node (x)) S 1 1 1 0 -1 0 0 0 0 0 1 1 0 0 20 0 11 0 100000 0 0\n',
    },
  },
  {
    check: 'leftovers',
    it: 'finds what a kill left',
    context: { processes: {} },
    facts: { [pidFile(directory.containerd)]: {}, [`${directory.run}/server.pid`]: {} },
    says: /gone are left \(server, containerd\)/,
    type: /^rm -f \/run\/nami-/,
  },
  {
    check: 'API',
    it: 'finds that it does not answer',
    api: { get: refused },
    says: /does not answer on port 6443: connect ECONNREFUSED/,
  },
  {
    check: 'API',
    it: 'finds what is not ready',
    api: { get: async () => ({ status: 500, text: '[+]ping ok\n[-]bootstrap failed: reason withheld\n' }) },
    says: /not ready: bootstrap\./,
  },
  { check: 'nodes', it: 'finds none', api: { nodes: async () => [] }, says: /No node has registered/ },
  {
    check: 'nodes',
    it: 'finds one that is not ready',
    api: { nodes: async () => node({ type: 'Ready', status: 'False', message: 'container runtime is down' }) },
    says: /n1 is not ready: container runtime is down/,
    type: /describe node n1/,
  },
  {
    check: 'nodes',
    it: 'finds pressure',
    api: { nodes: async () => node(ready, { type: 'DiskPressure', status: 'True', message: 'disk is full' }) },
    says: /n1 has DiskPressure: disk is full/,
  },
  {
    check: 'service rules',
    it: 'finds them flushed',
    programs: { 'nft list tables': { stdout: 'table ip filter\n' } },
    says: /table nami is gone/,
    type: /^kill 3 /,
  },
  {
    check: 'DNS',
    it: 'finds that nobody answers',
    machine: {
      resolve: async () => {
        throw new Error('queryA ETIMEOUT')
      },
    },
    says: /10\.96\.0\.10 does not answer .*ETIMEOUT/,
  },
  {
    check: 'DNS',
    it: 'finds a wrong answer',
    machine: { resolve: async () => ['1.2.3.4'] },
    says: /answers 1\.2\.3\.4 .* should be 10\.96\.0\.1/,
  },
  {
    check: 'kubeconfig',
    it: 'finds no file',
    files: { '/root/.kube/config': undefined },
    says: /no context "nami"/,
    type: /^nami up/,
  },
  {
    check: 'kubeconfig',
    it: 'finds another server',
    files: {
      '/root/.kube/config':
        'clusters: [{name: nami, cluster: {server: "https://10.0.0.9"}}]\ncontexts: [{name: nami, context: {cluster: nami}}]',
    },
    says: /leads to https:\/\/10\.0\.0\.9, not to https:\/\/127\.0\.0\.1:6443/,
  },
  { check: 'kubeconfig', it: 'finds a damaged file', files: { '/root/.kube/config': 'a: [' }, says: /cannot be read/ },
]

for (const { check: name, it, says, type, ...plant } of cases) {
  test(`doctor: ${name} ${it}`, async () => {
    const check = checks.find((one) => one.name === name)
    assert(check, `no check is named ${name}`)
    const found = await check.run(doctorContext(plant))
    assert.equal(found.length > 0, says !== undefined, JSON.stringify(found))
    if (says) assert.match(found[0]?.problem ?? '', says)
    if (type)
      assert(
        found.some(({ fix }) => fix.some((line) => type.test(line))),
        JSON.stringify(found),
      )
    for (const { fix } of found) assert(fix.length > 0, 'a problem comes with something to type')
  })
}

test('checks: each has a planted fault, and finds nothing on a healthy machine', async () => {
  const tested = new Set(cases.filter(({ says }) => says).map(({ check }) => check))
  assert.deepEqual(
    checks.map(({ name }) => name).filter((name) => !tested.has(name)),
    [],
  )
  const found = await diagnose(doctorContext(), checks)
  assert.deepEqual(
    found.filter(({ status }) => status !== 'fine'),
    [],
  )
})

test('diagnose() skips what cannot be looked at, and says why', async () => {
  const machine = { ...doctorContext().machine, uid: 1000 }
  const context = doctorContext({ context: { clusterExists: false, processes: {}, machine }, api: { get: refused } })
  const why = new Map((await diagnose(context, checks)).map(({ name, why }) => [name, why]))
  assert.equal(why.get('firewall'), 'only root can look')
  assert.equal(why.get('certificates'), 'there is no cluster yet')
  const stopped = await diagnose(doctorContext({ api: { get: refused } }), checks)
  assert.equal(stopped.find(({ name }) => name === 'nodes')?.why, 'the API server does not answer')
})

test('diagnose() reports a check that fails itself', async () => {
  const broken = { name: 'broken', about: '', run: () => Promise.reject(new Error('boom')) }
  const [found] = await diagnose(doctorContext(), [broken])
  assert.equal(found?.status, 'problem')
  assert.match(found?.problems[0]?.problem ?? '', /boom/)
})
