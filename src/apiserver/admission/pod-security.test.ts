import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Deployment } from '#api/apps/v1/deployment.ts'
import { Namespace } from '#api/core/v1/namespace.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { edit } from '#client/client.ts'
import { testCluster } from '#testing/cluster.ts'
import { deployment, pod } from '#testing/make.ts'
import { send } from '#testing/send.ts'
import { defaultPlugins } from './chain.ts'
import { readPodSecurityConfiguration } from './pod-security/configuration.ts'
import { detailsText, findings, type Level } from './pod-security/levels.ts'
import { podSecurityWith } from './pod-security.ts'

const good = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  runAsNonRoot: true,
  seccompProfile: { type: 'RuntimeDefault' as const },
}

/** One container `a`, hardened, with the case laid over it. */
function found(over: any, { level = 'restricted' as Level, version = 'latest', annotations = {} } = {}): string {
  const { container = {}, ...spec } = over
  const containers = [{ name: 'a', image: 'i', ...container, securityContext: { ...good, ...container.securityContext } }]
  return detailsText(findings({ level, version }, { metadata: { annotations } as never, spec: { containers, ...spec } as never }))
}

test('findings() names every offence in upstream’s words', () => {
  const a = 'container "a" must not'
  const cases: [any, string, object?][] = [
    [{}, ''],
    [{ container: { securityContext: { privileged: true } } }, `privileged (${a} set securityContext.privileged=true)`],
    [{ hostNetwork: true, hostPID: true, hostIPC: true }, 'host namespaces (hostNetwork=true, hostPID=true, hostIPC=true)'],
    [{ container: { ports: [{ hostPort: 80 }, { hostPort: 8080 }] } }, 'hostPort (container "a" uses hostPorts 80, 8080)'],
    [{ volumes: [{ name: 'v', hostPath: { path: '/' } }] }, 'hostPath volumes (volume "v")', { level: 'baseline' }],
    [
      {
        volumes: [
          { name: 'v', hostPath: { path: '/' } },
          { name: 'n', nfs: {} },
        ],
      },
      'restricted volume types (volumes "v", "n" use restricted volume types "hostPath", "nfs")',
    ],
    [
      { container: { securityContext: { capabilities: { add: ['SYS_ADMIN', 'CHOWN'] } } } },
      `non-default capabilities (${a} include "SYS_ADMIN" in securityContext.capabilities.add)`,
      { level: 'baseline' },
    ],
    [
      { container: { securityContext: { capabilities: { add: ['CHOWN'] } } } },
      `unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]; ${a} include "CHOWN" in securityContext.capabilities.add)`,
    ],
    [
      { container: { securityContext: { allowPrivilegeEscalation: undefined } } },
      'allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false)',
    ],
    [
      { container: { securityContext: { runAsNonRoot: undefined } } },
      'runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true)',
    ],
    [
      { securityContext: { runAsNonRoot: false }, container: { securityContext: { runAsNonRoot: false } } },
      'runAsNonRoot != true (pod and container "a" must not set securityContext.runAsNonRoot=false)',
    ],
    [{ container: { securityContext: { runAsUser: 0 } } }, `runAsUser=0 (${a} set runAsUser=0)`],
    [{ hostUsers: false, container: { securityContext: { runAsUser: 0, runAsNonRoot: false } } }, ''],
    [
      { hostUsers: false, container: { securityContext: { runAsUser: 0 } } },
      `runAsUser=0 (${a} set runAsUser=0)`,
      { version: 'v1.34' },
    ],
    [
      { container: { securityContext: { seccompProfile: undefined } } },
      'seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
    ],
    [
      { securityContext: { seccompProfile: { type: 'Unconfined' } } },
      'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")',
    ],
    [
      { securityContext: { sysctls: [{ name: 'kernel.msgmax' }, { name: 'net.ipv4.tcp_rmem' }] } },
      'forbidden sysctls (kernel.msgmax)',
    ],
    [
      { securityContext: { sysctls: [{ name: 'net.ipv4.tcp_rmem' }] } },
      'forbidden sysctls (net.ipv4.tcp_rmem)',
      { version: 'v1.31' },
    ],
    [
      { securityContext: { seLinuxOptions: { type: 'x_t', user: 'u', role: 'r' } } },
      'seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "x_t"; user may not be set; role may not be set)',
    ],
    [
      { container: { securityContext: { procMount: 'Unmasked' } } },
      `procMount (${a} set securityContext.procMount to "Unmasked")`,
    ],
    [
      { container: { livenessProbe: { httpGet: { host: 'h' } } } },
      'probe or lifecycle host (container "a" uses probe or lifecycle host "h")',
    ],
    [{ container: { livenessProbe: { httpGet: { host: 'h' } } } }, '', { version: 'v1.33' }],
    [
      { securityContext: { windowsOptions: { hostProcess: true } } },
      'hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)',
    ],
    [
      {},
      'forbidden AppArmor profile (annotation must not set AppArmor profile type to "container.apparmor.security.beta.kubernetes.io/a="unconfined"")',
      { annotations: { 'container.apparmor.security.beta.kubernetes.io/a': 'unconfined' } },
    ],
    [
      { container: { securityContext: { appArmorProfile: { type: 'Unconfined' } } } },
      `forbidden AppArmor profile (${a} set AppArmor profile type to "Unconfined")`,
    ],
    [{ hostNetwork: true }, '', { level: 'privileged' }],
  ]
  for (const [over, expected, how] of cases) assert.equal(found(over, how), expected)
})

test('findings() counts init and ephemeral containers; windows pods need no Linux hardening', () => {
  const bare = { name: 'b', image: 'i' }
  assert.match(found({ initContainers: [bare] }), /containers? "b" must set securityContext.allowPrivilegeEscalation=false/)
  assert.match(found({ ephemeralContainers: [bare] }), /container "b" must set/)
  const windows = { os: { name: 'windows' }, containers: [{ name: 'a', securityContext: { runAsNonRoot: true } }] }
  assert.equal(detailsText(findings({ level: 'restricted', version: 'latest' }, { spec: windows as never })), '')
})

const labels = (levels: Record<string, string>) =>
  Object.fromEntries(Object.entries(levels).map(([key, value]) => [`pod-security.kubernetes.io/${key}`, value]))

async function bed(levels: Record<string, string>) {
  const cluster = await testCluster()
  await cluster.client.create(Namespace, { metadata: { name: 'strict', labels: labels(levels) } })
  return cluster
}

const baseline = {
  allowPrivilegeEscalation:
    'allowPrivilegeEscalation != false (container "main" must set securityContext.allowPrivilegeEscalation=false)',
  rest: 'unrestricted capabilities (container "main" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "main" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "main" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
}
const plainPod = `${baseline.allowPrivilegeEscalation}, ${baseline.rest}`

test('PodSecurity enforces on pods and warns about templates', async () => {
  await using cluster = await bed({ enforce: 'restricted' })
  await assert.rejects(cluster.client.create(Pod, pod('a', { namespace: 'strict' })), {
    code: 403,
    message: `pods "a" is forbidden: violates PodSecurity "restricted:latest": ${plainPod}`,
  })
  const body = deployment('web', { namespace: 'strict' })
  const { status, warnings } = await send(cluster.server, 'POST /apis/apps/v1/namespaces/strict/deployments', { body })
  assert.deepEqual([status, warnings], [201, [`would violate PodSecurity "restricted:latest": ${plainPod}`]])
  assert.equal((await cluster.client.get(Deployment, { namespace: 'strict', name: 'web' })).metadata.name, 'web')
  const hardened = { containers: [{ name: 'main', image: 'i', securityContext: good }] }
  await cluster.client.create(Pod, pod('b', { namespace: 'strict', spec: hardened }))
})

test('PodSecurity tells which labels are wrong, and which pods a new level would not let in', async () => {
  await using cluster = await bed({})
  const { client, server } = cluster
  await client.create(Pod, pod('a', { namespace: 'strict' }))
  await client.create(Pod, pod('b', { namespace: 'strict' }))
  await client.create(Pod, pod('net', { namespace: 'strict', spec: { hostNetwork: true } }))
  const namespace = edit(await client.get(Namespace, { name: 'strict' }))
  const wrong = { ...namespace, metadata: { ...namespace.metadata, labels: labels({ enforce: 'tough', 'warn-version': '1.2' }) } }
  await assert.rejects(client.update(Namespace, wrong), {
    code: 422,
    message:
      'Namespace "strict" is invalid: [metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "tough": must be one of privileged, baseline, restricted, metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: "1.2": must be "latest" or "v1.x"]',
  })
  const body = { ...namespace, metadata: { ...namespace.metadata, labels: labels({ enforce: 'restricted' }) } }
  const { warnings } = await send(server, 'PUT /api/v1/namespaces/strict', { body })
  const reasons = 'allowPrivilegeEscalation != false, unrestricted capabilities, runAsNonRoot != true, seccompProfile'
  assert.deepEqual(warnings, [
    'existing pods in namespace "strict" violate the new PodSecurity enforce level "restricted:latest"',
    `a (and 1 other pod): ${reasons}`,
    `net: host namespaces, ${reasons}`,
  ])
})

const typed = { apiVersion: 'pod-security.admission.config.k8s.io/v1', kind: 'PodSecurityConfiguration' }

test('PodSecurity’s configuration has defaults and exemptions', async () => {
  const plugin = podSecurityWith({
    ...typed,
    defaults: { enforce: 'baseline', 'enforce-version': 'v1.30' },
    exemptions: { namespaces: ['kube-system'], usernames: ['root'], runtimeClasses: ['kata'] },
  })
  const others = defaultPlugins.filter(({ name }) => !['PodSecurity', 'ServiceAccount', 'RuntimeClass'].includes(name))
  await using cluster = await testCluster({ admission: [plugin, ...others] })
  const host = { hostNetwork: true }
  await assert.rejects(cluster.client.create(Pod, pod('a', { spec: host })), {
    message: 'pods "a" is forbidden: violates PodSecurity "baseline:v1.30": host namespaces (hostNetwork=true)',
  })
  await cluster.client.create(Pod, pod('a', { spec: { ...host, runtimeClassName: 'kata' } }))
  await cluster.client.create(Pod, pod('a', { namespace: 'kube-system', spec: host }))
  await cluster.clientAs({ name: 'root', groups: ['system:masters'] }).create(Pod, pod('b', { spec: host }))
  assert.throws(() => readPodSecurityConfiguration({ ...typed, defaults: { warn: 'x' }, exemptions: { usernames: [''] } }), {
    message:
      'defaults.warn: Invalid value: "x": must be one of privileged, baseline, restricted, exemptions.usernames[0]: Invalid value: "": username must not be empty',
  })
})
