/** EnvVar, EnvFromSource: variables of a container, and where their values come from. */
import { LocalObjectReference } from '#api/core/v1/object-reference.ts'
import {
  always,
  boolean,
  embedded,
  object,
  optional,
  pointer,
  quantity,
  type Schema,
  string,
  type TypeOf,
} from '#schema/words.ts'

const objectFieldSelector = object(
  'io.k8s.api.core.v1.ObjectFieldSelector',
  {
    apiVersion: optional(1, string(), { default: 'v1', doc: 'Version that the path is written for.' }),
    fieldPath: always(2, string(), { doc: 'Path of the field.' }),
  },
  { atomic: true },
)
export interface ObjectFieldSelector extends TypeOf<typeof objectFieldSelector> {}
export const ObjectFieldSelector: Schema<ObjectFieldSelector> = objectFieldSelector

const resourceFieldSelector = object(
  'io.k8s.api.core.v1.ResourceFieldSelector',
  {
    containerName: optional(1, string(), { doc: 'The container; required in volumes.' }),
    resource: always(2, string(), { doc: 'Such as limits.cpu.' }),
    divisor: always(3, quantity(), { doc: 'Unit of the value.' }),
  },
  { atomic: true },
)
export interface ResourceFieldSelector extends TypeOf<typeof resourceFieldSelector> {}
export const ResourceFieldSelector: Schema<ResourceFieldSelector> = resourceFieldSelector

const configMapKeySelector = object(
  'io.k8s.api.core.v1.ConfigMapKeySelector',
  {
    ...embedded(1, LocalObjectReference),
    key: always(2, string(), { doc: 'The key.' }),
    optional: pointer(3, boolean(), { doc: 'Whether it may be missing.' }),
  },
  { atomic: true },
)
export interface ConfigMapKeySelector extends TypeOf<typeof configMapKeySelector> {}
export const ConfigMapKeySelector: Schema<ConfigMapKeySelector> = configMapKeySelector

const secretKeySelector = object(
  'io.k8s.api.core.v1.SecretKeySelector',
  {
    ...embedded(1, LocalObjectReference),
    key: always(2, string(), { doc: 'The key.' }),
    optional: pointer(3, boolean(), { doc: 'Whether it may be missing.' }),
  },
  { atomic: true },
)
export interface SecretKeySelector extends TypeOf<typeof secretKeySelector> {}
export const SecretKeySelector: Schema<SecretKeySelector> = secretKeySelector

const fileKeySelector = object(
  'io.k8s.api.core.v1.FileKeySelector',
  {
    volumeName: always(1, string()),
    path: always(2, string()),
    key: always(3, string()),
    optional: pointer(4, boolean(), { default: false, publishedDefault: false }),
  },
  { atomic: true },
)
export interface FileKeySelector extends TypeOf<typeof fileKeySelector> {}
export const FileKeySelector: Schema<FileKeySelector> = fileKeySelector

const envVarSource = object('io.k8s.api.core.v1.EnvVarSource', {
  fieldRef: pointer(1, ObjectFieldSelector, { doc: 'A field of the pod.' }),
  resourceFieldRef: pointer(2, ResourceFieldSelector, { doc: 'A request or limit of a container.' }),
  configMapKeyRef: pointer(3, ConfigMapKeySelector, { doc: 'A key of a config map.' }),
  secretKeyRef: pointer(4, SecretKeySelector, { doc: 'A key of a secret.' }),
  fileKeyRef: pointer(5, FileKeySelector, { doc: 'A key in a file of an emptyDir volume.' }),
})
export interface EnvVarSource extends TypeOf<typeof envVarSource> {}
export const EnvVarSource: Schema<EnvVarSource> = envVarSource

const envVar = object('io.k8s.api.core.v1.EnvVar', {
  name: always(1, string(), { doc: 'Name of the variable.' }),
  value: optional(2, string(), { doc: 'Its value; $(NAME) is expanded.' }),
  valueFrom: pointer(3, EnvVarSource, { doc: 'Where the value comes from.' }),
})
export interface EnvVar extends TypeOf<typeof envVar> {}
export const EnvVar: Schema<EnvVar> = envVar

const configMapEnvSource = object('io.k8s.api.core.v1.ConfigMapEnvSource', {
  ...embedded(1, LocalObjectReference),
  optional: pointer(2, boolean()),
})
export interface ConfigMapEnvSource extends TypeOf<typeof configMapEnvSource> {}
export const ConfigMapEnvSource: Schema<ConfigMapEnvSource> = configMapEnvSource

const secretEnvSource = object('io.k8s.api.core.v1.SecretEnvSource', {
  ...embedded(1, LocalObjectReference),
  optional: pointer(2, boolean()),
})
export interface SecretEnvSource extends TypeOf<typeof secretEnvSource> {}
export const SecretEnvSource: Schema<SecretEnvSource> = secretEnvSource

const envFromSource = object('io.k8s.api.core.v1.EnvFromSource', {
  prefix: optional(1, string(), { doc: 'Put before each name.' }),
  configMapRef: pointer(2, ConfigMapEnvSource, { doc: 'Config map whose keys become variables.' }),
  secretRef: pointer(3, SecretEnvSource, { doc: 'Secret whose keys become variables.' }),
})
export interface EnvFromSource extends TypeOf<typeof envFromSource> {}
export const EnvFromSource: Schema<EnvFromSource> = envFromSource
