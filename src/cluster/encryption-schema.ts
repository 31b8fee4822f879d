/** The fields of an EncryptionConfiguration (`apiserver.config.k8s.io/v1`). */
import { ConfigurationReader, struct } from '#apiserver/config-file.ts'
import { duration, int32, list, string } from '#schema/words.ts'
import type { KmsConfig } from './kms-config.ts'

export interface Keys {
  readonly keys?: readonly { readonly name?: string; readonly secret?: string }[]
}

export interface ProviderConfig {
  readonly aesgcm?: Keys
  readonly aescbc?: Keys
  readonly secretbox?: Keys
  readonly identity?: object
  readonly kms?: KmsConfig
}

export interface ResourceConfig {
  readonly resources?: readonly string[]
  readonly providers?: readonly ProviderConfig[]
}

const keys = { keys: list(struct('Key', { name: string(), secret: string() })) }
const provider = struct('ProviderConfiguration', {
  aesgcm: struct('AESConfiguration', keys),
  aescbc: struct('AESConfiguration', keys),
  secretbox: struct('SecretboxConfiguration', keys),
  identity: struct('IdentityConfiguration', {}),
  kms: struct('KMSConfiguration', {
    ...{ apiVersion: string(), name: string(), cachesize: int32(), endpoint: string() },
    timeout: duration(),
  }),
})

const reader = new ConfigurationReader({
  kind: 'EncryptionConfiguration',
  apiVersions: ['apiserver.config.k8s.io/v1'],
  scheme: 'pkg/server/options/encryptionconfig/config.go:142',
  fields: { resources: list(struct('ResourceConfiguration', { resources: list(string()), providers: list(provider) })) },
})

/** Throws in upstream's words. */
export function readEncryptionConfiguration(text: string): readonly ResourceConfig[] {
  return reader.read<{ resources?: readonly ResourceConfig[] }>(text).resources ?? []
}
