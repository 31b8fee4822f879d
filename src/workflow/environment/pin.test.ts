import assert from 'node:assert/strict'
import { test } from 'node:test'
import { splitCommand } from './command-words.ts'
import { type Pin, pinPodSpec } from './pin.ts'
import { versionOf } from './roll-out.ts'
import { planRunSpec } from './run-pod.ts'
import { changeLines, diffValues, noValues, parsePairs, printValues, withoutValues, withValues } from './values.ts'

const image = `registry.test/web@sha256:${'a'.repeat(32)}${'b'.repeat(32)}`
const pin: Pin = { project: 'web', repository: 'registry.test/web', image, release: 7, hasSecrets: true, isLocal: false }

test('pinPodSpec() ties images of the repository by digest, and every reference to the values by number', () => {
  const spec = {
    containers: [
      { name: 'web', image: 'registry.test/web:staging', envFrom: [{ configMapRef: { name: 'web-environment' } }] },
      { name: 'side', image: 'registry.test/web-side:1', envFrom: [{ configMapRef: { name: 'web-environment-blue' } }] },
    ],
    initContainers: [
      {
        name: 'init',
        image: 'registry.test/web@sha256:0',
        env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'web-environment-v3', key: 'A' } } }],
      },
    ],
    volumes: [
      { name: 'v', projected: { sources: [{ secret: { name: 'web-secrets' } }] } },
      { name: 's', secret: { secretName: 'web-secrets-v2' } },
    ],
  }
  assert.deepEqual(pinPodSpec(spec, pin), {
    containers: [
      {
        name: 'web',
        image,
        envFrom: [{ configMapRef: { name: 'web-environment-v7' } }, { secretRef: { name: 'web-secrets-v7' } }],
      },
      { name: 'side', image: 'registry.test/web-side:1', envFrom: [{ configMapRef: { name: 'web-environment-blue' } }] },
    ],
    initContainers: [
      { name: 'init', image, env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'web-environment-v7', key: 'A' } } }] },
    ],
    volumes: [
      { name: 'v', projected: { sources: [{ secret: { name: 'web-secrets-v7' } }] } },
      { name: 's', secret: { secretName: 'web-secrets-v7' } },
    ],
  })
})

test('pinPodSpec() twice is the same as once, and takes secrets away where there are none', () => {
  const spec = { containers: [{ image: 'registry.test/web', envFrom: [{ configMapRef: { name: 'web-environment' } }] }] }
  const once = pinPodSpec(spec, pin)
  assert.deepEqual(pinPodSpec(once, pin), once)
  const without = pinPodSpec(once, { ...pin, release: 8, hasSecrets: false })
  assert.deepEqual(without.containers[0]?.envFrom, [{ configMapRef: { name: 'web-environment-v8' } }])
})

test('versionOf() is the second half of the digest', () => assert.equal(versionOf(image), 'b'.repeat(32)))

test("planRunSpec() keeps Hokusai's fields, and leaves sidecars, probes and ports away", () => {
  const spec = {
    containers: [
      { name: 'side', image: 'other' },
      {
        ...{ name: 'web', image: 'registry.test/web:staging', command: ['x'], args: ['serve'], imagePullPolicy: 'Always' },
        ...{ env: [{ name: 'PORT', value: '1' }], ports: [{ containerPort: 1 }], readinessProbe: {} },
        ...{ envFrom: [{ configMapRef: { name: 'e' } }], volumeMounts: [{ name: 'v', mountPath: '/v' }] },
      },
    ],
    initContainers: [{ name: 'init', image: 'i' }],
    volumes: [{ name: 'v', emptyDir: {} }],
    imagePullSecrets: [{ name: 'pull' }],
    serviceAccountName: 'me',
    dnsPolicy: 'ClusterFirst',
    terminationGracePeriodSeconds: 5,
  }
  const run = {
    command: ['node', 'x'],
    image,
    repository: 'registry.test/web',
    isLocal: false,
    env: { A: '1' },
    constraints: ['disk=ssd'],
  }
  assert.deepEqual(planRunSpec(spec as never, run), {
    initContainers: [{ name: 'init', image: 'i' }],
    volumes: [{ name: 'v', emptyDir: {} }],
    imagePullSecrets: [{ name: 'pull' }],
    serviceAccountName: 'me',
    dnsPolicy: 'ClusterFirst',
    containers: [
      {
        ...{ name: 'web', image, args: ['node', 'x'], imagePullPolicy: 'Always' },
        ...{ envFrom: [{ configMapRef: { name: 'e' } }], volumeMounts: [{ name: 'v', mountPath: '/v' }] },
        env: [{ name: 'A', value: '1' }],
      },
    ],
    restartPolicy: 'Never',
    nodeSelector: { disk: 'ssd' },
  })
  assert.throws(() => planRunSpec(spec as never, { ...run, constraints: ['ssd'] }), /a constraint is key=value/)
})

for (const [text, words] of [
  ['node x.js  --all', ['node', 'x.js', '--all']],
  [`sh -c "echo \\"a b\\" $X"`, ['sh', '-c', 'echo "a b" $X']],
  [`'one two' three\\ four ""`, ['one two', 'three four', '']],
] as const) {
  test(`splitCommand() splits ${text}`, () => assert.deepEqual(splitCommand(text), words))
}

test('splitCommand() refuses what is not closed or empty', () => {
  assert.throws(() => splitCommand(`a 'b`), /a ' is not closed/)
  assert.throws(() => splitCommand('  '), /The command is empty/)
})

test('values: a key is plain or secret, never both', () => {
  const values = withValues({ plain: { A: '1', B: '2' }, secret: {} }, { secret: { A: 'x' } })
  assert.deepEqual(values, { plain: { B: '2' }, secret: { A: 'x' } })
  assert.deepEqual(withValues(values, { plain: { A: '3' } }), { plain: { B: '2', A: '3' }, secret: {} })
  assert.deepEqual(withoutValues(values, ['A']), { plain: { B: '2' }, secret: {} })
  assert.throws(() => withoutValues(values, ['X', 'Y']), /X, Y are not set/)
})

test('values: secrets are told only where asked for', () => {
  const values = { plain: { B: '2' }, secret: { A: 'x' } }
  assert.deepEqual(printValues(values, { keys: [], isRevealed: false }), ['A=(secret)', 'B=2'])
  assert.deepEqual(printValues(values, { keys: ['A'], isRevealed: true }), ['A=x'])
  assert.throws(() => printValues(values, { keys: ['C'], isRevealed: false }), /C is not set/)
  const lines = diffValues(noValues, values).flatMap(changeLines)
  assert.deepEqual(lines, ['+ A=(secret)', '+ B=2'])
})

test('parsePairs() splits at the first sign, and refuses what no container could have', () => {
  assert.deepEqual(parsePairs(['A=b=c', 'E=']), { A: 'b=c', E: '' })
  for (const word of ['A', '=a', 'a b=c', '..=1', 'ä=1']) assert.throws(() => parsePairs([word]), { exitCode: 2 })
})
