/** KubeSchedulerConfiguration, from what people write to what runs. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '#lib/random.ts'
import { parseYaml } from '#schema/yaml.ts'
import { ClusterState } from './cluster-state.ts'
import { schedulerConfiguration } from './configuration.ts'
import { place } from './cycle.ts'
import { makeDefaultProfile } from './profiles.ts'

const random = seededRandom(1)
const read = (text: string) => schedulerConfiguration((parseYaml(text)[0]?.value ?? {}) as never, { random })
const scores = (text: string) =>
  Object.fromEntries(
    (read(text).profiles[0]?.plugins ?? []).filter(({ weight }) => weight > 0).map(({ plugin, weight }) => [plugin.name, weight]),
  )

test('schedulerConfiguration() of nothing is the default profile', () => {
  const { profiles, leaderElection } = read('apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration')
  assert.deepEqual(
    profiles.map(({ name, plugins }) => [name, plugins.map(({ plugin, weight }) => `${plugin.name} ${weight}`)]),
    [['default-scheduler', makeDefaultProfile().map(({ plugin, weight }) => `${plugin.name} ${weight}`)]],
  )
  assert.deepEqual(leaderElection, {
    ...{ leaderElect: true, resourceName: 'kube-scheduler', resourceNamespace: 'kube-system' },
    ...{ leaseDuration: 15_000, renewDeadline: 10_000, retryPeriod: 2_000 },
  })
})

test('schedulerConfiguration() changes weights, and disables at one point or at all', () => {
  const onlyFit =
    'profiles: [{ plugins: { score: { disabled: [{ name: "*" }], enabled: [{ name: NodeResourcesFit, weight: 7 }] } } }]'
  assert.deepEqual(scores(onlyFit), { NodeResourcesFit: 7 })
  const multi =
    'profiles: [{ plugins: { multiPoint: { disabled: [{ name: PodTopologySpread }], enabled: [{ name: ImageLocality, weight: 9 }] } } }]'
  assert.equal(scores(multi).ImageLocality, 9)
  assert.equal(scores(multi).PodTopologySpread, undefined)
  const { profiles } = read('profiles: [{ plugins: { filter: { disabled: [{ name: NodePorts }] } } }]')
  const ports = profiles[0]?.plugins.find(({ plugin }) => plugin.name === 'NodePorts')?.plugin
  assert.equal(ports?.filter, undefined)
  const none = 'profiles: [{ plugins: { multiPoint: { disabled: [{ name: "*" }], enabled: [{ name: NodeName }] } } }]'
  assert.deepEqual(
    read(none).profiles[0]?.plugins.map(({ plugin }) => plugin.name),
    ['NodeName'],
  )
})

test('schedulerConfiguration() hands arguments to plugins and keeps profiles apart', () => {
  const { profiles } = read(`
percentageOfNodesToScore: 40
podInitialBackoffSeconds: 2
profiles:
- schedulerName: packed
  percentageOfNodesToScore: 100
  pluginConfig:
  - name: NodeResourcesFit
    args: { kind: NodeResourcesFitArgs, scoringStrategy: { type: MostAllocated, resources: [{ name: cpu, weight: 1 }] } }
- schedulerName: default-scheduler
`)
  assert.deepEqual(
    profiles.map(({ name, percentageOfNodesToScore }) => [name, percentageOfNodesToScore]),
    [
      ['packed', 100],
      ['default-scheduler', 40],
    ],
  )
})

test('schedulerConfiguration() refuses what upstream refuses', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['kind: Other', 'no kind "Other" is registered for version "kubescheduler.config.k8s.io/v1"'],
    ['profile: []', 'strict decoding error: unknown field "profile"'],
    ['profiles: [{ plugin: {} }]', 'strict decoding error: unknown field "profiles[0].plugin"'],
    ['profiles: [{ schedulerName: a }, { schedulerName: a }]', 'profiles[1].schedulerName: Duplicate value: "a"'],
    ['profiles: [{ schedulerName: a }, {}]', 'profiles[1].schedulerName: Required value'],
    ['percentageOfNodesToScore: 101', 'percentageOfNodesToScore: Invalid value: 101: not in valid range [0-100]'],
    ['podInitialBackoffSeconds: 0', 'podInitialBackoffSeconds: Invalid value: 0: must be greater than 0'],
    ['profiles: [{ plugins: { multiPoint: { enabled: [{ name: X }] } } }]', 'MultiPoint plugin "X" does not exist'],
    ['parallelism: 0', 'parallelism: Invalid value: 0: should be an integer value greater than zero'],
    ['clientConnection: { burst: -1 }', 'clientConnection.burst: Invalid value: -1: must be non-negative'],
    [
      'leaderElection: { leaseDuration: 5s, retryPeriod: 20s }',
      '[leaderElection.leaseDuration: Invalid value: 10s: LeaseDuration must be greater than RenewDeadline, ' +
        'leaderElection.renewDeadline: Invalid value: 20s: RenewDeadline must be greater than RetryPeriod]',
    ],
    [
      'leaderElection: { resourceLock: endpoints }',
      'leaderElection.resourceLock: Invalid value: "endpoints": resourceLock value must be "leases"',
    ],
    [
      'profiles: [{ schedulerName: a }, { schedulerName: b, plugins: { queueSort: { enabled: [{ name: PrioritySort }] } } }]',
      'profiles[1].plugins.queueSort: Invalid value: {"enabled":[{"name":"PrioritySort"}]}: must be the same for all profiles',
    ],
    [
      'extenders: [{ urlPrefix: http://a, prioritizeVerb: p }]',
      'extenders[0].weight: Invalid value: 0: must have a positive weight applied to it',
    ],
    [
      'extenders: [{ bindVerb: b }, { bindVerb: c, managedResources: [{ name: cpu }] }]',
      '[extenders[1].managedResources[0].name: Invalid value: "cpu": is an invalid extended resource name, ' +
        'extenders: Invalid value: "found 2 extenders implementing bind": only one extender can implement bind]',
    ],
    ['extenders: [{ url: http://a }]', 'strict decoding error: unknown field "extenders[0].url"'],
    [
      'podInitialBackoffSeconds: 20',
      'podMaxBackoffSeconds: Invalid value: 10: must be greater than or equal to PodInitialBackoffSeconds',
    ],
  ]
  for (const [text, message] of cases) assert.throws(() => read(text), { message }, text)
})

test('schedulerConfiguration() refuses fields that do not exist, all at once, and those of another type, as a strict decoder does', () => {
  const config = (name: string, args: string) => `profiles: [{ pluginConfig: [{ name: ${name}, args: { ${args} } }] }]`
  const at = 'decoding .profiles[0].pluginConfig[0]'
  const cases: readonly (readonly [string, string])[] = [
    ['a: 1\nleaderElection: { b: 2 }', 'strict decoding error: unknown field "a", unknown field "leaderElection.b"'],
    ['healthzBindAddress: x', 'strict decoding error: unknown field "healthzBindAddress"'],
    [
      'profiles: [{ plugins: { score: { enabled: [{ name: ImageLocality, wait: 1 }] } } }]',
      'strict decoding error: unknown field "profiles[0].plugins.score.enabled[0].wait"',
    ],
    ['extenders: [{ tlsConfig: { ca: a } }]', 'strict decoding error: unknown field "extenders[0].tlsConfig.ca"'],
    [
      config('NodeResourcesFit', 'ignored: []'),
      `strict decoding error: ${at}: strict decoding error: decoding args for plugin NodeResourcesFit: strict decoding error: unknown field "ignored"`,
    ],
    [
      config('NodeAffinity', 'addedAffinity: { required: {} }'),
      `strict decoding error: ${at}: strict decoding error: decoding args for plugin NodeAffinity: strict decoding error: unknown field "addedAffinity.required"`,
    ],
    [
      config('DefaultPreemption', 'kind: InterPodAffinityArgs'),
      `${at}: args for plugin DefaultPreemption were not of type DefaultPreemptionArgs.kubescheduler.config.k8s.io, got InterPodAffinityArgs.kubescheduler.config.k8s.io`,
    ],
    [
      'podInitialBackoffSeconds: x',
      'json: cannot unmarshal string into Go struct field KubeSchedulerConfiguration.podInitialBackoffSeconds of type int64',
    ],
    [
      'podMaxBackoffSeconds: 1.5',
      'json: cannot unmarshal number 1.5 into Go struct field KubeSchedulerConfiguration.podMaxBackoffSeconds of type int64',
    ],
    [
      'profiles: [{ percentageOfNodesToScore: "5" }]',
      'json: cannot unmarshal string into Go struct field KubeSchedulerProfile.profiles.percentageOfNodesToScore of type int32',
    ],
    [
      'profiles: { a: b }',
      'json: cannot unmarshal object into Go struct field KubeSchedulerConfiguration.profiles of type []v1.KubeSchedulerProfile',
    ],
    [
      'leaderElection: { leaderElect: "yes" }',
      'json: cannot unmarshal string into Go struct field LeaderElectionConfiguration.leaderElection.leaderElect of type bool',
    ],
    ['leaderElection: { leaseDuration: 15 }', 'json: cannot unmarshal number into Go value of type string'],
    [
      config('InterPodAffinity', 'hardPodAffinityWeight: high'),
      `${at}: decoding args for plugin InterPodAffinity: json: cannot unmarshal string into Go struct field InterPodAffinityArgs.hardPodAffinityWeight of type int32`,
    ],
  ]
  for (const [text, message] of cases) assert.throws(() => read(text), { message }, text)
  assert.ok(read(config('NodeName', 'anything: goes')))
  assert.ok(
    read(
      config(
        'PodTopologySpread',
        'apiVersion: kubescheduler.config.k8s.io/v1, kind: PodTopologySpreadArgs, defaultingType: List',
      ),
    ),
  )
})

test('schedulerConfiguration() refuses arguments of plugins that upstream refuses', () => {
  const cases: readonly (readonly [plugin: string, args: string, message: string])[] = [
    [
      'DefaultPreemption',
      'minCandidateNodesPercentage: 0, minCandidateNodesAbsolute: 0',
      '[$.minCandidateNodesPercentage: Invalid value: 0: cannot be zero at the same time as minCandidateNodesAbsolute, ' +
        '$.minCandidateNodesAbsolute: Invalid value: 0: cannot be zero at the same time as minCandidateNodesPercentage]',
    ],
    [
      'InterPodAffinity',
      'hardPodAffinityWeight: 101',
      '$.hardPodAffinityWeight: Invalid value: 101: not in valid range [0, 100]',
    ],
    [
      'NodeAffinity',
      'addedAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: a, operator: In }] }] } }',
      '$.addedAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].values: ' +
        "Invalid value: []: for 'in', 'notin' operators, values set can't be empty",
    ],
    [
      'NodeAffinity',
      'addedAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, preference: { matchFields: [{ key: a, operator: Exists }] } }] }',
      '$.addedAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].matchFields[0].operator: ' +
        'Unsupported value: "Exists": supported values: "In", "NotIn"',
    ],
    [
      'NodeResourcesBalancedAllocation',
      'resources: [{ name: cpu, weight: 2 }]',
      '$.resources[0].weight: Invalid value: 2: must be 1',
    ],
    [
      'NodeResourcesFit',
      'ignoredResourceGroups: [a/b]',
      "$.ignoredResourceGroups[0]: Invalid value: \"a/b\": resource group name can't contain '/'",
    ],
    [
      'NodeResourcesFit',
      'scoringStrategy: { type: RequestedToCapacityRatio }',
      '$.scoringStrategy.requestedToCapacityRatio: Required value: must be specified when type is RequestedToCapacityRatio',
    ],
    [
      'NodeResourcesFit',
      'scoringStrategy: { type: MostAllocated, resources: [{ name: cpu, weight: 101 }] }',
      '$.scoringStrategy.resources[0].weight: Invalid value: 101: resource weight of cpu not in valid range (0, 100]',
    ],
    [
      'PodTopologySpread',
      'defaultConstraints: [{ maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway }]',
      '$.defaultingType: Invalid value: "System": when .defaultConstraints are not empty',
    ],
    [
      'PodTopologySpread',
      'defaultingType: List, defaultConstraints: [{ maxSkew: 0, topologyKey: zone, whenUnsatisfiable: Never }]',
      '[$.defaultConstraints[0].maxSkew: Invalid value: 0: not in valid range (0, inf), $.defaultConstraints[0].whenUnsatisfiable: ' +
        'Unsupported value: "Never": supported values: "DoNotSchedule", "ScheduleAnyway"]',
    ],
    [
      'VolumeBinding',
      'bindTimeoutSeconds: -1',
      '$.bindTimeoutSeconds: Invalid value: -1: invalid BindTimeoutSeconds, should not be a negative value',
    ],
  ]
  for (const [name, args, message] of cases) {
    const text = `profiles: [{ pluginConfig: [{ name: ${name}, args: { ${args} } }] }]`
    const wanted = message.replaceAll('$', 'profiles[0].pluginConfig[0].args')
    assert.throws(() => read(text), { message: wanted }, text)
  }
})

test('schedulerConfiguration() reads extenders, and leaves resources to them that they alone look after', () => {
  const { extenders, profiles } = read(`
extenders:
- urlPrefix: https://extender:8443/scheduler/
  filterVerb: filter
  enableHTTPS: true
  httpTimeout: 100ms
  nodeCacheCapable: true
  ignorable: true
  managedResources: [{ name: example.com/foo, ignoredByScheduler: true }]
`)
  const [extender] = extenders
  assert.deepEqual(
    [extender?.filterVerb, extender?.timeout, extender?.nodeCacheCapable, extender?.ignorable, extender?.tls.insecure],
    ['filter', 100, true, true, true],
  )
  const state = new ClusterState()
  const bare = {
    kind: 'Node',
    metadata: { name: 'n' },
    spec: {},
    status: { allocatable: { cpu: '1', memory: '1Gi', pods: '10' } },
  }
  state.setNode(bare as never)
  const containers = [{ name: 'c', resources: { requests: { 'example.com/foo': '1' } } }]
  const pod = { metadata: { name: 'p', namespace: 'd', uid: 'u' }, spec: { containers }, status: {} } as never
  assert.equal(place(pod, state, { profile: profiles[0]?.plugins ?? [], random }).node?.name, 'n')
  assert.equal(place(pod, state, { profile: makeDefaultProfile(), random }).node, undefined)
})
