/** KubeSchedulerConfiguration, from what people write to what runs. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '#lib/random.ts'
import { parseYaml } from '#schema/yaml.ts'
import { schedulerConfiguration } from './configuration.ts'
import { makeDefaultProfile } from './profiles.ts'

const random = seededRandom(1)
const read = (text: string) => schedulerConfiguration((parseYaml(text)[0]?.value ?? {}) as never, random)
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
    [
      'podInitialBackoffSeconds: 20',
      'podMaxBackoffSeconds: Invalid value: 10: must be greater than or equal to PodInitialBackoffSeconds',
    ],
  ]
  for (const [text, message] of cases) assert.throws(() => read(text), { message }, text)
})
