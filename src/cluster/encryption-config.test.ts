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
