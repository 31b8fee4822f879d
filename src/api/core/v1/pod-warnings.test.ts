import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Deployment } from '#api/apps/v1/deployment.ts'
import { StatefulSet } from '#api/apps/v1/stateful-set.ts'
import { CronJob } from '#api/batch/v1/cron-job.ts'
import { Job } from '#api/batch/v1/job.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { made } from '#testing/errors-of.ts'

const containers = [{ name: 'c', image: 'i' }]
const term = (labelSelector?: object) => ({ topologyKey: 'k', ...(labelSelector && { labelSelector }) })
const noSelector = 'a null labelSelector results in matching no pod'
const affinity = 'spec.affinity.podAffinity'

// biome-ignore format: a table; the texts are upstream's, to the letter
const cases: { it: string; spec: object; annotations?: Record<string, string>; warnings: string[] }[] = [
  { it: 'nothing', spec: {}, warnings: [] },
  { it: 'a retired volume', spec: { volumes: [{ name: 's', photonPersistentDisk: { pdID: 'x' } }] }, warnings: ['spec.volumes[0].photonPersistentDisk: deprecated in v1.11, non-functional in v1.16+'] },
  { it: 'a git repository', spec: { volumes: [{ name: 's', gitRepo: { repository: 'x' } }] }, warnings: ['spec.volumes[0].gitRepo: deprecated in v1.11, and disabled by default in v1.33+'] },
  { it: 'a volume whose path upstream spells differently', spec: { volumes: [{ name: 's', storageos: {} }] }, warnings: ['spec.volumes[0].storageOS: deprecated in v1.22, non-functional in v1.25+'] },
  { it: 'aliases of one address', spec: { hostAliases: [{ ip: '1.1.1.1' }, { ip: '1.1.1.1' }, { ip: '1.1.1.2' }] }, warnings: ['spec.hostAliases[1].ip: duplicate ip "1.1.1.1"'] },
  { it: 'secrets named twice and not at all', spec: { imagePullSecrets: [{ name: 'a' }, { name: 'a' }, {}] }, warnings: ['spec.imagePullSecrets[1].name: duplicate name "a"', 'spec.imagePullSecrets[2].name: invalid empty name ""'] },
  { it: 'variables that hide others', spec: { containers: [{ name: 'c', image: 'i', env: [{ name: 'a', value: 'x' }, { name: 'a', value: 'y' }, { name: 'b', value: '1' }, { name: 'b', value: '$(b)2' }, { name: 'b', value: '$(b)' }] }] }, warnings: ['spec.containers[0].env[1]: hides previous definition of "a", which may be dropped when using apply', 'spec.containers[0].env[4]: hides previous definition of "b", which may be dropped when using apply'] },
  { it: 'fractions of bytes', spec: { overhead: { memory: '0.5' }, containers: [{ name: 'c', image: 'i', resources: { limits: { memory: '1.5m', 'ephemeral-storage': '1' }, requests: { memory: '1m' } } }] }, warnings: ['spec.overhead[memory]: fractional byte value "500m" is invalid, must be an integer', 'spec.containers[0].resources.limits[memory]: fractional byte value "2m" is invalid, must be an integer', 'spec.containers[0].resources.requests[memory]: fractional byte value "1m" is invalid, must be an integer'] },
  { it: 'fractions of bytes of a claim', spec: { volumes: [{ name: 's', ephemeral: { volumeClaimTemplate: { spec: { resources: { requests: { storage: '200m' } } } } } }] }, warnings: ['spec.volumes[0].ephemeral.volumeClaimTemplate.spec.resources.requests[storage]: fractional byte value "200m" is invalid, must be an integer'] },
  { it: 'selectors that are missing', spec: { topologySpreadConstraints: [{ labelSelector: {} }, {}], affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term({}), term()], preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: term() }] } } }, warnings: [`spec.topologySpreadConstraints[1].labelSelector: ${noSelector}`, `${affinity}.requiredDuringSchedulingIgnoredDuringExecution[1].labelSelector: ${noSelector}`, `${affinity}.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.labelSelector: ${noSelector}`] },
  { it: 'labels of nodes that have newer names', spec: { nodeSelector: { 'beta.kubernetes.io/os': 'linux' }, affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'beta.kubernetes.io/arch', operator: 'Exists' }] }] }, preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, preference: { matchExpressions: [{ key: 'a', operator: 'In', values: ['-1'] }] } }] } }, topologySpreadConstraints: [{ topologyKey: 'failure-domain.beta.kubernetes.io/zone', labelSelector: {} }] }, warnings: [
    'spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead',
    'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].key: beta.kubernetes.io/arch is deprecated since v1.14; use "kubernetes.io/arch" instead',
    "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchExpressions[0].values[0]: -1 is invalid, a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
    'spec.topologySpreadConstraints[0].topologyKey: failure-domain.beta.kubernetes.io/zone is deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  ] },
  { it: 'retired annotations', spec: {}, annotations: { 'scheduler.alpha.kubernetes.io/critical-pod': '', 'seccomp.security.alpha.kubernetes.io/pod': 'x', 'container.seccomp.security.alpha.kubernetes.io/c': 'x' }, warnings: [
    'metadata.annotations[scheduler.alpha.kubernetes.io/critical-pod]: non-functional in v1.16+; use the "priorityClassName" field instead',
    'metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]: non-functional in v1.27+; use the "seccompProfile" field instead',
    'metadata.annotations[container.seccomp.security.alpha.kubernetes.io/c]: non-functional in v1.27+; use the "seccompProfile" field instead',
  ] },
  { it: 'ports that collide', spec: { containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 80 }, { containerPort: 80 }] }, { name: 'd', image: 'i', ports: [{ containerPort: 80, hostPort: 90 }, { containerPort: 81, hostPort: 81 }, { containerPort: 81, hostPort: 81, hostIP: '1.1.1.1' }, { containerPort: 82, hostIP: '1.1.1.1' }] }] }, warnings: [
    'spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]',
    'spec.containers[1].ports[0]: overlapping port definition with spec.containers[0].ports[0]',
    'spec.containers[1].ports[0]: overlapping port definition with spec.containers[0].ports[1]',
    'spec.containers[1].ports[2]: dangerously ambiguous port definition with spec.containers[1].ports[1]',
    'spec.containers[1].ports[3]: hostIP set without hostPort: {Name: HostPort:0 ContainerPort:82 Protocol:TCP HostIP:1.1.1.1}',
  ] },
  { it: 'ports of one name', spec: { containers: [{ name: 'c', image: 'i', ports: [{ name: 'web', containerPort: 80 }] }, { name: 'd', image: 'i', ports: [{ name: 'web', containerPort: 81 }] }] }, warnings: ['spec.containers[1].ports[0]: duplicate port name "web" with spec.containers[0].ports[0], services and probes that select ports by name will use spec.containers[0].ports[0]'] },
  { it: 'addresses with other spellings', spec: { dnsConfig: { nameservers: ['1.2.3.4', '05.06.07.08', '2001:db8::1', '2001:DB8::1', '::ffff:1.2.3.4'] }, hostAliases: [{ ip: '2001:0db8::1' }] }, warnings: [
    'spec.dnsConfig.nameservers[1]: non-standard IP address "05.06.07.08" is invalid: use "5.6.7.8"',
    'spec.dnsConfig.nameservers[3]: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")',
    'spec.dnsConfig.nameservers[4]: non-standard IP address "::ffff:1.2.3.4" is invalid: use "1.2.3.4"',
    'spec.hostAliases[0].ip: IPv6 address "2001:0db8::1" should be in RFC 5952 canonical format ("2001:db8::1")',
  ] },
  { it: 'files in each other’s way', spec: { volumes: [{ name: 'm', configMap: { name: 'f', items: [{ key: 'a', path: 'test/' }, { key: 'b', path: 'test/x' }] } }, { name: 'p', projected: { sources: [{ configMap: { name: 'f', items: [{ key: 'a', path: 'x' }] } }, { serviceAccountToken: { path: 'x' } }, {}] } }] }, warnings: [
    'volume "m" (ConfigMap "f"): overlapping paths: "test/x" with "test"',
    'volume "p" (Projected) has no sources provided',
    'volume "p" (Projected): overlapping paths: "x" (ServiceAccountToken) with "x" (ConfigMap "f")',
  ] },
]

for (const { it, spec, annotations, warnings } of cases) {
  test(`a new pod warns of ${it}`, () => {
    const pod = made(Pod, { metadata: { ...(annotations && { annotations }) }, spec: { containers, ...spec } })
    assert.deepEqual(Pod.def.warnings?.(pod, undefined), warnings)
    assert.deepEqual(Pod.def.warnings?.(pod, pod), [], 'nobody is warned of changes')
  })
}

const template = { metadata: { labels: { a: 'b' } }, spec: { containers, terminationGracePeriodSeconds: -1 } }
const grace = 'terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1'
const named =
  /^metadata\.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: \[/

test('a workload warns of its template when what is wanted changes, and of its name once', () => {
  const deployment = made(Deployment, { metadata: { name: 'a.b', generation: 1 }, spec: { template } })
  const [name, ...more] = Deployment.def.warnings?.(deployment, undefined) ?? []
  assert.match(name ?? '', named)
  assert.deepEqual(more, [`spec.template.spec.${grace}`])
  assert.deepEqual(Deployment.def.warnings?.(deployment, deployment), [])
  const next = { ...deployment, metadata: { ...deployment.metadata, generation: 2 } }
  assert.deepEqual(Deployment.def.warnings?.(next, deployment), [`spec.template.spec.${grace}`])
})

test('a StatefulSet warns of its claims as well, and does not mind its name', () => {
  const volumeClaimTemplates = [{ metadata: { name: 'd' }, spec: { resources: { requests: { storage: '1m' } } } }]
  const set = made(StatefulSet, { metadata: { name: 'a.b' }, spec: { template, volumeClaimTemplates, revisionHistoryLimit: -1 } })
  assert.deepEqual(StatefulSet.def.warnings?.(set, undefined), [
    `spec.template.spec.${grace}`,
    'spec.volumeClaimTemplates[0].resources.requests[storage]: fractional byte value "1m" is invalid, must be an integer',
    'spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended',
  ])
})

test('a Job and a CronJob warn of what they make', () => {
  const spec = { template, completionMode: 'Indexed', completions: 100_001, parallelism: 10_001 }
  const tooMuch =
    'In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail'
  const texts = (at: string) => [`${at}: ${tooMuch}`, `${at}.template.spec.${grace}`]
  assert.deepEqual(Job.def.warnings?.(made(Job, { spec }), undefined), texts('spec'))
  const cronJob = made(CronJob, { spec: { schedule: 'TZ=UTC * * * * *', jobTemplate: { spec } } })
  assert.deepEqual(CronJob.def.warnings?.(cronJob, undefined), texts('spec.jobTemplate.spec'))
  assert.deepEqual(CronJob.def.warnings?.(cronJob, cronJob), [
    'cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details',
  ])
})

test('a status warns of addresses that others may read otherwise', () => {
  const pod = made(Pod, { status: { podIPs: [{ ip: '1.2.3.4' }, { ip: 'FD00::1' }], hostIPs: [{ ip: '010.1.1.1' }] } })
  assert.deepEqual(Pod.def.statusWarnings?.(pod), [
    'status.podIPs[1].ip: IPv6 address "FD00::1" should be in RFC 5952 canonical format ("fd00::1")',
    'status.hostIPs[0].ip: non-standard IP address "010.1.1.1" is invalid: use "10.1.1.1"',
  ])
})
