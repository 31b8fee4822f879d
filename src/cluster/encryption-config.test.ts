import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '#lib/random.ts'
import { parseEncryptionConfig } from './encryption-config.ts'

const key = (size: number, name = 'key1') => `{name: ${name}, secret: ${Buffer.alloc(size, 1).toString('base64')}}`
const parse = (resources: string) => {
  const head = 'apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\n'
  return parseEncryptionConfig(`${head}resources: ${resources}`, seededRandom(1))
}

test('parseEncryptionConfig() finds the providers of a key by its resource, the first entry first', () => {
  const providersOf = parse(`[
    {resources: [events], providers: [{identity: {}}]},
    {resources: [secrets, widgets.example.com], providers: [{aesgcm: {keys: [${key(32)}, ${key(16, 'key2')}]}}, {identity: {}}]},
    {resources: ['*.apps'], providers: [{aescbc: {keys: [${key(24)}]}}]},
    {resources: ['*.'], providers: [{secretbox: {keys: [${key(32)}]}}]}]`)
  const cases = [
    ['/registry/secrets/default/a', 'k8s:enc:aesgcm:v1:key1: k8s:enc:aesgcm:v1:key2: '],
    ['/registry/example.com/widgets/default/a', 'k8s:enc:aesgcm:v1:key1: k8s:enc:aesgcm:v1:key2: '],
    ['/registry/example.com/gadgets/default/a', ''],
    ['/registry/deployments/default/a', 'k8s:enc:aescbc:v1:key1:'],
    ['/registry/minions/n1', 'k8s:enc:secretbox:v1:key1:'],
    ['/registry/services/specs/default/a', 'k8s:enc:secretbox:v1:key1:'],
    ['/registry/services/endpoints/default/a', 'k8s:enc:secretbox:v1:key1:'],
    ['/registry/events/default/a', ''],
    ['/registry/leases/default/a', ''],
    ['compact_rev_key', ''],
  ] as const
  for (const [at, prefixes] of cases) {
    const found = providersOf(at).map(({ prefix }) => prefix)
    assert.equal(found.join(' '), prefixes, at)
  }
})

test("parseEncryptionConfig() refuses what upstream refuses, in upstream's words", () => {
  const providers = 'providers: [{identity: {}}]'
  const cases = [
    ['[]', 'resources: Required value: at least one resources is required'],
    [
      `[{resources: [], ${providers}}]`,
      'resources[0].resources: Required value: at least one resources[0].resources is required',
    ],
    ['[{resources: [secrets]}]', 'resources[0].providers: Required value: at least one resources[0].providers is required'],
    [`[{resources: [Secrets], ${providers}}]`, 'resource name should not contain capital letters'],
    [
      `[{resources: ['*'], ${providers}}]`,
      "use '*.' to encrypt all the resources from core API group or *.* to encrypt all resources",
    ],
    [`[{resources: [secrets, secrets], ${providers}}]`, 'the same resource cannot be specified multiple times'],
    [
      `[{resources: [secrets, '*.'], ${providers}}]`,
      "using overlapping resources such as 'secrets' and '*.' in the same resource list",
    ],
    [`[{resources: ['a.*'], ${providers}}]`, 'encrypting the same resource across groups is not supported'],
    [`[{resources: [events.events.k8s.io], ${providers}}]`, "Use 'events' instead in the config file"],
    ['[{resources: [secrets], providers: [{}]}]', 'provider does not contain any of the expected providers: KMS, AESGCM'],
    ['[{resources: [secrets], providers: [{identity: {}, aesgcm: {}}]}]', 'more than one provider specified in a single element'],
    ['[{resources: [secrets], providers: [{aesgcm: {keys: []}}]}]', 'at least one keys is required'],
    ['[{resources: [secrets], providers: [{aesgcm: {keys: [{secret: "%%%"}]}}]}]', 'name is a mandatory field for a key'],
    ['[{resources: [secrets], providers: [{aesgcm: {keys: [{name: a, secret: "%%%"}]}}]}]', 'secrets must be base64 encoded'],
    [
      `[{resources: [secrets], providers: [{aesgcm: {keys: [${key(15)}]}}]}]`,
      'secret is not of the expected length, got 15, expected one of [16 24 32]',
    ],
    [`[{resources: [secrets], providers: [{secretbox: {keys: [${key(16)}]}}]}]`, 'got 16, expected one of [32]'],
  ] as const
  for (const [resources, text] of cases) {
    assert.throws(
      () => parse(resources),
      ({ message }: Error) => message.includes(text) || assert.fail(`${message}, not: ${text}`),
    )
  }
})

const kms = (more: string) => `[{resources: [secrets], providers: [{kms: {${more}}}]}]`
const fine = 'apiVersion: v2, name: vault, endpoint: "unix:///run/kms.sock"'

test("parseEncryptionConfig() refuses KMS providers that upstream refuses, in upstream's words", () => {
  const at = 'resources[0].providers[0].kms'
  const v1 =
    'error while building transformers: KMSv1 is deprecated and will only receive security updates going forward. Use KMSv2 instead.  Set --feature-gates=KMSv1=true to use the deprecated KMSv1 feature.'
  const cases: [resources: string, message: string][] = [
    [kms('name: a, endpoint: "unix:///a"'), v1],
    [kms(`${fine}, cachesize: 5`), `${at}.cachesize: Invalid value: 5: cachesize is not supported in v2`],
    [kms(`${fine}, timeout: 0s`), `${at}.timeout: Invalid value: "0s": timeout should be a positive value`],
    [kms('apiVersion: v2, name: a'), `${at}.endpoint: Invalid value: "": endpoint is a mandatory field for a kms`],
    [
      kms('apiVersion: v2, name: a, endpoint: "https://a"'),
      `${at}.endpoint: Invalid value: "https://a": unsupported scheme "https" for KMS provider, only unix is supported`,
    ],
    [kms('apiVersion: v2, endpoint: "unix:///a"'), `${at}.name: Required value: name is a mandatory field for a provider`],
    [
      kms('apiVersion: v2, name: "a:b", endpoint: "unix:///a"'),
      `${at}.name: Invalid value: "a:b": invalid KMS provider name a:b, must not contain ':'`,
    ],
    [
      kms('apiVersion: v3, name: a, endpoint: "unix:///a"'),
      `${at}.apiVersion: Invalid value: "v3": unsupported apiVersion apiVersion for KMS provider, only v1 and v2 are supported`,
    ],
    [
      `[{resources: [secrets], providers: [{kms: {${fine}}}]}, {resources: [configmaps], providers: [{kms: {${fine}}}]}]`,
      'resources[1].providers[0].kms.name: Invalid value: "vault": duplicate KMS provider name vault, names must be unique',
    ],
    [
      '[{resources: ["*."], providers: [{identity: {}}]}, {resources: [secrets], providers: [{identity: {}}]}]',
      'error while building transformers: resource "secrets" is masked by earlier rule "*."',
    ],
    [
      '[{resources: [secrets], providers: [{aesgcm: {keys: [{name: a, secre: x}]}}]}]',
      'error decoding encryption provider configuration file: strict decoding error: unknown field "resources[0].providers[0].aesgcm.keys[0].secre"',
    ],
  ]
  for (const [resources, message] of cases) assert.throws(() => parse(resources), { message })
})

test('parseEncryptionConfig() has KMS providers made, in the order of the file', () => {
  const made: string[] = []
  const head = 'apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\n'
  const entries = `[{resources: [secrets], providers: [{kms: {${fine}}}, {identity: {}}]}]`
  const providersOf = parseEncryptionConfig(`${head}resources: ${entries}`, seededRandom(1), ({ name = '' }) => {
    made.push(name)
    return { prefix: `k8s:enc:kms:v2:${name}:`, seal: (value) => value, open: (value) => value }
  })
  const found = providersOf('/registry/secrets/default/a').map(({ prefix }) => prefix)
  assert.deepEqual([made, found], [['vault'], ['k8s:enc:kms:v2:vault:', '']])
})
