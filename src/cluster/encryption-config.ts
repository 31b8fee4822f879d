/** EncryptionConfiguration v1 (`apiserver.config.k8s.io`): which resources are encrypted at rest, and by which keys. */
import { kinds } from '#api/kinds.ts'
import type { Random } from '#lib/random.ts'
import { formatFieldError, root } from '#schema/field-error.ts'
import type { ProvidersOf } from '#store/encryption/encrypted-store.ts'
import { aescbc, aesgcm, identity, type NamedKey, type Provider, secretbox } from '#store/encryption/providers.ts'
import { type ProviderConfig, type ResourceConfig, readEncryptionConfiguration } from './encryption-schema.ts'
import { type KmsConfig, kmsErrors, kmsV1Refusal } from './kms-config.ts'

export class EncryptionConfigError extends Error {}

const makers = { aesgcm, aescbc, secretbox }
const sizes = { aesgcm: [16, 24, 32], aescbc: [16, 24, 32], secretbox: [32] }

/** What makes a provider of version 2 of the KMS API. */
export type MakeKms = (config: KmsConfig) => Provider

const noKms: MakeKms = () => identity

/** Throws `EncryptionConfigError` with every error, in upstream's words. Nothing is made of a text that is wrong. */
export function parseEncryptionConfig(text: string, random: Random, makeKms = noKms): ProvidersOf {
  const config = documentOf(text)
  const errors = validate(config)
  if (errors.length > 0) throw new EncryptionConfigError(errors.join('\n'))
  for (const kms of config.flatMap(({ providers = [] }) => providers.flatMap(({ kms }) => kms ?? []))) {
    if ((kms.apiVersion ?? 'v1') === 'v1') throw new EncryptionConfigError(`error while building transformers: ${kmsV1Refusal}`)
  }
  checkMasks(config)
  return rulesOf(config, (provider) => providersOf(provider, random, makeKms))
}

function documentOf(text: string): readonly ResourceConfig[] {
  try {
    return readEncryptionConfiguration(text)
  } catch (error) {
    throw new EncryptionConfigError(`error decoding encryption provider configuration file: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

/** A resource that stands twice has the providers of both places; the most exact of what matches counts. */
function rulesOf(config: readonly ResourceConfig[], make: (provider: ProviderConfig) => readonly Provider[]): ProvidersOf {
  const rules = new Map<string, Provider[]>()
  for (const { resources = [], providers = [] } of config) {
    const made = providers.flatMap(make)
    for (const text of resources) {
      const name = nameOf(parseResource(text))
      rules.set(name, [...(rules.get(name) ?? []), ...made])
    }
  }
  const known = new Map<string, readonly Provider[]>()
  const plain = [identity]
  return (key) => {
    const resource = resourceOf(key)
    if (!resource) return plain
    const name = nameOf(resource)
    let found = known.get(name)
    if (!found) {
      found = rules.get(name) ?? rules.get(nameOf({ ...resource, resource: '*' })) ?? rules.get('*.*') ?? plain
      known.set(name, found)
    }
    return found
  }
}

function checkMasks(config: readonly ResourceConfig[]): void {
  const seen = new Set<string>()
  for (const { group, resource } of config.flatMap(({ resources = [] }) => resources.map(parseResource))) {
    const mask = [nameOf({ group, resource: '*' }), '*.*'].find((name) => seen.has(name))
    const given = group === '' && resource !== '*' ? resource : nameOf({ group, resource })
    if (mask) {
      const text = `resource ${JSON.stringify(given)} is masked by earlier rule ${JSON.stringify(mask)}`
      throw new EncryptionConfigError(`error while building transformers: ${text}`)
    }
    seen.add(nameOf({ group, resource }))
  }
}

function nameOf({ group, resource }: Resource): string {
  return `${resource}.${group}`
}

function providersOf(provider: ProviderConfig, random: Random, makeKms: MakeKms): Provider[] {
  if (provider.kms) return [makeKms(provider.kms)]
  for (const name of ['aesgcm', 'aescbc', 'secretbox'] as const) {
    const keys = provider[name]?.keys
    if (keys) return keys.map((key) => makers[name](namedKey(key), random))
  }
  return [identity]
}

function namedKey({ name = '', secret = '' }: { name?: string; secret?: string }): NamedKey {
  return { name, secret: new Uint8Array(Buffer.from(secret, 'base64')) }
}

interface Resource {
  readonly group: string
  readonly resource: string
}

function parseResource(text: string): Resource {
  const dot = text.indexOf('.')
  return dot < 0 ? { group: '', resource: text } : { group: text.slice(dot + 1), resource: text.slice(0, dot) }
}

/** Built-in resources by their place in the store; what lies below a group's name is a custom resource. */
const places = new Map(
  kinds
    .filter(({ def }) => !def.virtual && !def.storedAs)
    .map(({ def, plural, group }) => [
      `${def.storagePrefix ?? plural}/`,
      { group: plural === 'events' ? '' : group, resource: plural },
    ]),
)

function resourceOf(key: string): Resource | undefined {
  if (!key.startsWith('/registry/')) return undefined
  const [, , first = '', second = ''] = key.split('/')
  const known = places.get(`${first}/${second}/`) ?? places.get(`${first}/`)
  if (known) return known
  return first.includes('.') ? { group: first, resource: second } : undefined
}

// Validation: upstream's `ValidateEncryptionConfiguration`, word for word.

function validate(config: readonly ResourceConfig[]): string[] {
  if (config.length === 0) return ['resources: Required value: at least one resources is required']
  const kmsNames = new Set<string>()
  return config.flatMap(({ resources = [], providers = [] }, i) => {
    const path = `resources[${i}]`
    return [
      ...(resources.length === 0 ? [`${path}.resources: Required value: at least one ${path}.resources is required`] : []),
      ...overlaps(resources, `${path}.resources`),
      ...resources.flatMap((resource, j) => nameErrors(resource, `${path}.resources[${j}]`)),
      ...(providers.length === 0 ? [`${path}.providers: Required value: at least one ${path}.providers is required`] : []),
      ...providers.flatMap((provider, j) => providerErrors(provider, `${path}.providers[${j}]`, kmsNames)),
    ]
  })
}

function overlaps(resources: readonly string[], path: string): string[] {
  const parsed = resources.map(parseResource)
  const shown = JSON.stringify(resources)
  const isTwice = new Set(resources.map((text) => JSON.stringify(parseResource(text)))).size < resources.length
  const overlap = parsed.some((one, i) =>
    parsed.some((other, j) => {
      if (i === j || (one.group === other.group && one.resource === other.resource)) return false
      if (one.group === '*' && one.resource === '*') return true
      return one.group === other.group && (one.resource === '*' || other.resource === '*')
    }),
  )
  return [
    ...(isTwice ? [`${path}: Invalid value: ${shown}: the same resource cannot be specified multiple times`] : []),
    ...(overlap
      ? [
          `${path}: Invalid value: ${shown}: using overlapping resources such as 'secrets' and '*.' in the same resource list is not allowed as they will be masked`,
        ]
      : []),
  ]
}

const withoutApi = ['apiserveripinfo', 'serviceipallocations', 'servicenodeportallocations']

function nameErrors(text: string, path: string): string[] {
  const { group, resource } = parseResource(text)
  const invalid = (why: string) => [`${path}: Invalid value: ${JSON.stringify(text)}: ${why}`]
  if (text !== text.toLowerCase()) return invalid('resource name should not contain capital letters')
  if (text === '*') return invalid("use '*.' to encrypt all the resources from core API group or *.* to encrypt all resources")
  if (withoutApi.includes(text)) return invalid('resources which do not have REST API/s cannot be encrypted')
  if (group === 'events.k8s.io')
    return invalid(
      "'*.events.k8s.io' objects are stored using the 'events' API group in etcd. Use 'events' instead in the config file",
    )
  if (group === 'extensions') return invalid("'extensions' group has been removed and cannot be used for encryption")
  if (group === '*' && resource !== '*') return invalid('encrypting the same resource across groups is not supported')
  return []
}

function providerErrors(provider: ProviderConfig, path: string, kmsNames: Set<string>): string[] {
  const named = (['kms', 'aesgcm', 'aescbc', 'secretbox', 'identity'] as const).filter((name) => provider[name])
  if (named.length === 0)
    return [
      `${path}: Invalid value: ${JSON.stringify(provider)}: provider does not contain any of the expected providers: KMS, AESGCM, AESCBC, Secretbox, Identity`,
    ]
  if (named.length > 1)
    return [
      `${path}: Invalid value: "REDACTED": more than one provider specified in a single element, should split into different list elements`,
    ]
  const [name] = named
  if (provider.kms) return kmsErrors(provider.kms, root.child(`${path}.kms`), kmsNames).map(formatFieldError)
  if (!name || name === 'identity' || name === 'kms') return []
  const keys = provider[name]?.keys ?? []
  if (keys.length === 0) return [`${path}.${name}.keys: Required value: at least one keys is required`]
  return keys.flatMap((key, i) => keyErrors(key, `${path}.${name}.keys[${i}]`, sizes[name]))
}

function keyErrors(key: { name?: string; secret?: string }, path: string, expected: readonly number[]): string[] {
  const errors = key.name ? [] : [`${path}.name: Required value: name is a mandatory field for a key`]
  if (!key.secret) return [...errors, `${path}.secret: Required value: secret is a mandatory field for a key`]
  const redacted = `${path}.secret: Invalid value: "REDACTED"`
  const isBase64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(key.secret.trim())
  if (!isBase64) return [...errors, `${redacted}: secrets must be base64 encoded`]
  const size = Buffer.from(key.secret, 'base64').byteLength
  if (expected.includes(size)) return errors
  return [...errors, `${redacted}: secret is not of the expected length, got ${size}, expected one of [${expected.join(' ')}]`]
}
