import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '#api/core/v1/pod.ts'
import type { Draft } from '#schema/words.ts'
import { containerConfig } from './container-config.ts'
import { parseResolvConf, podDns } from './dns.ts'
import { hostsFile, kernelHostname, podHostname } from './hosts-file.ts'
import { lastLines } from './pod-files.ts'
import type { Container } from './pod-names.ts'
import { cpuShares, linuxResources, oomScoreAdj } from './resources.ts'
import { sandboxConfig } from './sandbox-config.ts'
import { containerSecurity, namespacesOf, verifyNonRoot } from './security.ts'

function pod(spec: Draft<Pod['spec']> = {}): Pod {
  const metadata = {
    name: 'web',
    namespace: 'ns',
    uid: 'u1',
    labels: { app: 'web' },
    resourceVersion: '1',
    creationTimestamp: '',
  }
  const containers = [{ name: 'main', image: 'app:1', resources: {} }]
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers, ...spec }, status: {} } as unknown as Pod
}

const main = (over: Draft<Container> = {}) => ({ name: 'main', image: 'app:1', resources: {}, ...over }) as Container
const facts = {
  clusterDns: ['10.96.0.10'],
  clusterDomain: 'cluster.local',
  resolver: { servers: ['192.168.0.1'], searches: ['lan'], options: ['edns0'] },
  logDirectory: '/var/log/pods',
}

const resolvers: [it: string, spec: Draft<Pod['spec']>, want: object][] = [
  [
    'ClusterFirst',
    {},
    {
      servers: ['10.96.0.10'],
      searches: ['ns.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'lan'],
      options: ['ndots:5'],
    },
  ],
  ['Default', { dnsPolicy: 'Default' }, { servers: ['192.168.0.1'], searches: ['lan'], options: ['edns0'] }],
  ['ClusterFirst in the host’s network', { hostNetwork: true }, { servers: ['192.168.0.1'] }],
  ['ClusterFirstWithHostNet', { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' }, { servers: ['10.96.0.10'] }],
  [
    'None with its own configuration',
    {
      dnsPolicy: 'None',
      dnsConfig: { nameservers: ['1.1.1.1'], searches: ['x.y'], options: [{ name: 'ndots', value: '2' }, { name: 'rotate' }] },
    },
    { servers: ['1.1.1.1'], searches: ['x.y'], options: ['ndots:2', 'rotate'] },
  ],
  [
    'an option of the pod over the same one',
    { dnsConfig: { options: [{ name: 'ndots', value: '1' }] } },
    { options: ['ndots:1'] },
  ],
]

for (const [it, spec, want] of resolvers) {
  test(`podDns() answers ${it}`, () => {
    const got = podDns(pod(spec), facts)
    assert.deepEqual(Object.fromEntries(Object.keys(want).map((key) => [key, got[key as 'servers']])), want)
  })
}

test('podDns() keeps three servers and warns', () => {
  const { servers, warnings } = podDns(pod({ dnsConfig: { nameservers: ['1.1.1.1', '2.2.2.2', '3.3.3.3'] } }), facts)
  assert.equal(servers.length, 3)
  assert.equal(warnings[0]?.reason, 'DNSConfigForming')
})

test('parseResolvConf() reads servers, the last search line and options', () => {
  const text = '# x\nnameserver 1.1.1.1\nsearch a\nsearch b. c\noptions ndots:2 rotate\n'
  assert.deepEqual(parseResolvConf(text), { servers: ['1.1.1.1'], searches: ['b', 'c'], options: ['ndots:2', 'rotate'] })
})

test('hostsFile() names the pod, its subdomain and its aliases', () => {
  const subject = pod({ hostname: 'db', subdomain: 'dbs', hostAliases: [{ ip: '1.2.3.4', hostnames: ['foo', 'bar'] }] })
  const lines = hostsFile(subject, { ips: ['10.0.0.2'], nodeHosts: '', clusterDomain: 'cluster.local' }).split('\n')
  assert.equal(lines[0], '# Kubernetes-managed hosts file.')
  assert(lines.includes('10.0.0.2\tdb.dbs.ns.svc.cluster.local\tdb'))
  assert.deepEqual(lines.slice(-4), ['', '# Entries added by HostAliases.', '1.2.3.4\tfoo\tbar', ''])
})

test('podHostname() shortens long names and kernelHostname() refuses a long FQDN', () => {
  const long = pod({})
  long.metadata.name = `${'a'.repeat(62)}.b`
  assert.equal(podHostname(long, 'cluster.local').hostname, 'a'.repeat(62))
  const fqdn = pod({ setHostnameAsFQDN: true, hostname: 'h'.repeat(50), subdomain: 'sub' })
  assert.throws(
    () => kernelHostname(fqdn, podHostname(fqdn, 'cluster.local')),
    /64 characters is the max, 75 characters requested/,
  )
})

const root = { uid: 0 }
const refusals: [it: string, spec: Draft<Pod['spec']>, image: { uid?: number; username?: string }, want: string | undefined][] = [
  ['allows anything without runAsNonRoot', {}, root, undefined],
  ['allows a user of the pod', { securityContext: { runAsNonRoot: true, runAsUser: 5 } }, root, undefined],
  [
    'refuses user 0',
    { securityContext: { runAsNonRoot: true, runAsUser: 0 } },
    {},
    'container\'s runAsUser breaks non-root policy (pod: "web_ns(u1)", container: main)',
  ],
  [
    'refuses an image of root',
    { securityContext: { runAsNonRoot: true } },
    root,
    'container has runAsNonRoot and image will run as root (pod: "web_ns(u1)", container: main)',
  ],
  [
    'refuses an image with a named user',
    { securityContext: { runAsNonRoot: true } },
    { username: 'app' },
    'container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root (pod: "web_ns(u1)", container: main)',
  ],
]

for (const [it, spec, image, want] of refusals) {
  test(`verifyNonRoot() ${it}`, () => assert.equal(verifyNonRoot(pod(spec), main(), image), want))
}

test('containerSecurity() lays the container over the pod', () => {
  const subject = pod({
    securityContext: {
      runAsUser: 1,
      runAsGroup: 2,
      fsGroup: 3,
      supplementalGroups: [4],
      seccompProfile: { type: 'RuntimeDefault' },
    },
  })
  const securityContext = {
    runAsUser: 9,
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] },
    procMount: 'Unmasked' as const,
    seccompProfile: { type: 'Localhost' as const, localhostProfile: 'p.json' },
  }
  const got = containerSecurity(subject, main({ securityContext }), { image: {}, seccompRoot: '/s' })
  assert.equal(got.runAsUser, 9)
  assert.equal(got.runAsGroup, 2)
  assert.deepEqual(got.supplementalGroups, [3, 4])
  assert.equal(got.noNewPrivs, true)
  assert.equal(got.readonlyRootfs, true)
  assert.deepEqual(got.addCapabilities, ['NET_ADMIN'])
  assert.deepEqual(got.maskedPaths, [])
  assert.deepEqual(got.seccomp, { type: 'Localhost', localhostRef: '/s/p.json' })
  const plain = containerSecurity(pod(), main(), { image: {}, seccompRoot: '/s' })
  assert(plain.maskedPaths.includes('/proc/kcore'))
  assert.deepEqual(plain.seccomp, { type: 'Unconfined' })
  assert.equal(plain.noNewPrivs, false)
})

const modes: [spec: Draft<Pod['spec']>, want: object][] = [
  [{}, { network: 'pod', ipc: 'pod', pid: 'container' }],
  [
    { hostNetwork: true, hostIPC: true, hostPID: true },
    { network: 'node', ipc: 'node', pid: 'node' },
  ],
  [{ shareProcessNamespace: true }, { network: 'pod', ipc: 'pod', pid: 'pod' }],
]
for (const [spec, want] of modes) {
  test(`namespacesOf() answers ${JSON.stringify(spec)}`, () => assert.deepEqual(namespacesOf(pod(spec)), want))
}

for (const [milli, want] of [
  [0, 2],
  [1, 2],
  [100, 102],
  [1000, 1024],
  [1_000_000, 262_144],
] as const) {
  test(`cpuShares() of ${milli}m is ${want}`, () => assert.equal(cpuShares(milli), want))
}

test('linuxResources() turns limits into quota and bytes', () => {
  const resources = { requests: { cpu: '250m' }, limits: { cpu: '500m', memory: '64Mi', 'hugepages-2Mi': '4Mi' } }
  const got = linuxResources(pod(), main({ resources }), { memoryCapacity: 2 ** 30, cgroupVersion: 2 })
  assert.equal(got.cpuShares, 256)
  assert.equal(got.cpuQuota, 50_000)
  assert.equal(got.memoryLimitBytes, 64 * 2 ** 20)
  assert.deepEqual(got.hugepageLimits, [{ pageSize: '2MB', limit: 4 * 2 ** 20 }])
  assert.deepEqual(got.unified, { 'memory.oom.group': '1' })
})

const capacity = 4_000_000_000
const scores: [it: string, container: Draft<Container>, want: number][] = [
  ['best effort', {}, 1000],
  ['guaranteed', { resources: { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' } } }, -997],
  ['burstable without memory', { resources: { requests: { cpu: '1' } } }, 999],
  ['burstable with half the memory', { resources: { requests: { memory: '2G' } } }, 500],
  ['burstable with all the memory', { resources: { requests: { memory: '4G' } } }, 3],
]
for (const [it, over, want] of scores) {
  test(`oomScoreAdj() of a ${it} container is ${want}`, () => {
    const container = main(over)
    assert.equal(oomScoreAdj(pod({ containers: [container] }), container, capacity), want)
  })
}

test('sandboxConfig() names, labels and places the sandbox', () => {
  const ports = [
    { containerPort: 80, hostPort: 8080, protocol: 'TCP' as const },
    { containerPort: 81, protocol: 'TCP' as const },
  ]
  const subject = pod({
    containers: [main({ ports })],
    securityContext: { sysctls: [{ name: 'net/ipv4/tcp_syncookies', value: '1' }] },
  })
  const got = sandboxConfig(subject, facts, { attempt: 2, cgroupParent: '/kubepods/podu1' })
  assert.deepEqual(got.metadata, { name: 'web', namespace: 'ns', uid: 'u1', attempt: 2 })
  assert.equal(got.logDirectory, '/var/log/pods/ns_web_u1')
  assert.equal(got.hostname, 'web')
  assert.deepEqual(got.portMappings, [{ protocol: 'TCP', containerPort: 80, hostPort: 8080, hostIp: '' }])
  assert.deepEqual(got.sysctls, { 'net.ipv4.tcp_syncookies': '1' })
  assert.equal(got.labels['io.kubernetes.pod.uid'], 'u1')
  assert.equal(got.labels.app, 'web')
  assert.equal(sandboxConfig(pod({ hostNetwork: true }), facts, { attempt: 0, cgroupParent: '' }).hostname, '')
})

test('containerConfig() writes what a later agent needs on the container', () => {
  const subject = pod({ terminationGracePeriodSeconds: 12 })
  const container = main({
    command: ['run', '$(MODE)'],
    args: ['$$(MODE)', '$(NONE)'],
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    lifecycle: { preStop: { sleep: { seconds: 1 } } },
  })
  const got = containerConfig(subject, container, {
    facts: { memoryCapacity: 0, cgroupVersion: 1, rootDirectory: '/var/lib/kubelet' },
    restartCount: 3,
    imageRef: 'sha256:1',
    imageUser: {},
    env: new Map([['MODE', 'fast']]),
    mounts: [],
  })
  assert.deepEqual(got.command, ['run', 'fast'])
  assert.deepEqual(got.args, ['$(MODE)', '$(NONE)'])
  assert.equal(got.logPath, 'main/3.log')
  assert.match(got.annotations['io.kubernetes.container.hash'] ?? '', /^[0-9a-f]+$/)
  const { 'io.kubernetes.container.hash': _, ...rest } = got.annotations
  assert.deepEqual(rest, {
    'io.kubernetes.container.restartCount': '3',
    'io.kubernetes.container.terminationMessagePath': '/dev/termination-log',
    'io.kubernetes.container.terminationMessagePolicy': 'File',
    'io.kubernetes.pod.terminationGracePeriod': '12',
    'io.kubernetes.container.preStopHandler': '{"preStop":{"sleep":{"seconds":1}}}',
  })
})

test('lastLines() joins partial lines and keeps the end', () => {
  const log = ['t stdout P ab', 't stdout F c', 't stderr F d', 't stdout F e', ''].join('\n')
  assert.equal(lastLines(log, 80, 2048), 'abc\nd\ne\n')
  assert.equal(lastLines(log, 2, 2048), 'd\ne\n')
  assert.equal(lastLines(log, 80, 2), 'e\n')
})
