/** StorageVersion: in which version each API server stores a resource, and which ones it reads (KEP-2339). */
import { resetMetadata } from '#api/meta/v1/reset-metadata.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isDns1035Label, isDns1123Subdomain, isQualifiedName, regexError } from '#schema/formats.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, int64, list, object, optional, pointer, type Schema, string, type TypeOf, time } from '#schema/words.ts'

const storageVersionSpec = object('io.k8s.api.apiserverinternal.v1alpha1.StorageVersionSpec', {})
export interface StorageVersionSpec extends TypeOf<typeof storageVersionSpec> {}
export const StorageVersionSpec: Schema<StorageVersionSpec> = storageVersionSpec

const texts = list(string(), { listType: 'set' })

const serverStorageVersion = object('io.k8s.api.apiserverinternal.v1alpha1.ServerStorageVersion', {
  apiServerID: optional(1, string(), { doc: 'The server.' }),
  encodingVersion: optional(2, string(), { doc: 'Version that it writes.' }),
  decodableVersions: optional(3, texts, { doc: 'Versions that it reads.' }),
  servedVersions: optional(4, texts, { doc: 'Versions that it serves.' }),
})
export interface ServerStorageVersion extends TypeOf<typeof serverStorageVersion> {}
export const ServerStorageVersion: Schema<ServerStorageVersion> = serverStorageVersion

const storageVersionCondition = object('io.k8s.api.apiserverinternal.v1alpha1.StorageVersionCondition', {
  type: always(1, string(), { isRequired: true, doc: 'AllEncodingVersionsEqual.' }),
  status: always(2, string(), { isRequired: true, doc: 'True, False or Unknown.' }),
  observedGeneration: optional(3, int64(), { doc: 'The generation that this is about.' }),
  lastTransitionTime: always(4, time(), { doc: 'When it came to be so.' }),
  reason: always(5, string(), { isRequired: true, doc: 'Why, in a word.' }),
  message: optional(6, string(), { isRequired: true, doc: 'Why, for people.' }),
})
export interface StorageVersionCondition extends TypeOf<typeof storageVersionCondition> {}
export const StorageVersionCondition: Schema<StorageVersionCondition> = storageVersionCondition

const storageVersionStatus = object('io.k8s.api.apiserverinternal.v1alpha1.StorageVersionStatus', {
  storageVersions: optional(1, list(ServerStorageVersion, { listType: 'map', mapKeys: ['apiServerID'] }), { doc: 'By server.' }),
  commonEncodingVersion: pointer(2, string(), { doc: 'The version that all servers write, if it is the same.' }),
  conditions: optional(3, list(StorageVersionCondition, { listType: 'map', mapKeys: ['type'] }), { doc: 'How it stands.' }),
})
export interface StorageVersionStatus extends TypeOf<typeof storageVersionStatus> {}
export const StorageVersionStatus: Schema<StorageVersionStatus> = storageVersionStatus

const kind = defineKind({
  group: 'internal.apiserver.k8s.io',
  version: 'v1alpha1',
  kind: 'StorageVersion',
  plural: 'storageversions',
  scope: 'Cluster',
  doc: 'A storage version says how the API servers store a resource.',
  schemaName: 'io.k8s.api.apiserverinternal.v1alpha1.StorageVersion',
  nameFormat: 'any',
  fields: {
    spec: always(2, StorageVersionSpec, { isRequired: true, doc: 'Empty.' }),
    status: always(3, StorageVersionStatus, { isRequired: true }),
  },
  status: true,
  generationFrom: [],
  requireVersion: true,
  prepareStatus: (version, old) => resetMetadata(version.metadata, old.metadata),
  validateCreate: ({ metadata, status }, at) => [
    ...(metadata.name === '' ? [] : nameErrors(metadata.name)).map((problem) =>
      at.child('metadata', 'name').invalid(metadata.name, problem),
    ),
    ...statusErrors(status, at.child('status')),
  ],
  validateStatusUpdate: ({ status }, _old, at) => statusErrors(status, at.child('status')),
  columns: [
    {
      name: 'CommonEncodingVersion',
      doc: 'The version that all servers write, if it is the same.',
      value: ({ status }) => status.commonEncodingVersion ?? '<unset>',
    },
    {
      name: 'StorageVersions',
      doc: 'The version that each server writes.',
      value: ({ status }) => shown(status.storageVersions),
    },
    age,
  ],
})

const mostShown = 3

function shown(versions: readonly ServerStorageVersion[] = []): string {
  const texts = versions.map(({ apiServerID = '', encodingVersion = '' }) => `${apiServerID}=${encodingVersion}`).sort()
  const more = texts.length > mostShown ? ` + ${texts.length - mostShown} more...` : ''
  return texts.length === 0 ? '<unset>' : texts.slice(0, mostShown).join(',') + more
}

function nameErrors(name: string): string[] {
  const dot = name.lastIndexOf('.')
  if (dot < 0) return ['name must be in the form of <group>.<resource>']
  return [
    ...isDns1123Subdomain(name.slice(0, dot)).map((problem) => `the group segment ${problem}`),
    ...isDns1035Label(name.slice(dot + 1)).map((problem) => `the resource segment ${problem}`),
  ]
}

function statusErrors(
  { storageVersions = [], commonEncodingVersion, conditions = [] }: StorageVersionStatus,
  at: Path,
): FieldError[] {
  const seen = new Set<string>()
  const common = commonOf(storageVersions)
  return [
    ...storageVersions.flatMap((version, i) => {
      const here = at.child('storageVersions').index(i)
      const { apiServerID = '' } = version
      const isTwice = seen.has(apiServerID)
      seen.add(apiServerID)
      return [...(isTwice ? [here.child('apiServerID').duplicate(apiServerID)] : []), ...versionErrors(version, here)]
    }),
    ...commonErrors(common, commonEncodingVersion, at.child('commonEncodingVersion')),
    ...conditionErrors(conditions, at),
  ]
}

function commonOf([first, ...rest]: readonly ServerStorageVersion[]): string | undefined {
  const version = first && (first.encodingVersion ?? '')
  return rest.every(({ encodingVersion = '' }) => encodingVersion === version) ? version : undefined
}

function commonErrors(actual: string | undefined, given: string | undefined, at: Path): FieldError[] {
  if (actual === given) return []
  if (actual === undefined) {
    const agreement = 'should be nil if servers do not agree on the same encoding version'
    return [at.invalid(given, `${agreement}, or if there is no server reporting the supported versions yet`)]
  }
  if (given === undefined) return [at.invalid(null, `the common encoding version is ${actual}`)]
  return [at.invalid(given, `the actual common encoding version is ${actual}`)]
}

function versionErrors(version: ServerStorageVersion, at: Path): FieldError[] {
  const { apiServerID = '', encodingVersion = '', decodableVersions = [], servedVersions = [] } = version
  const missing = `decodableVersions must include encodingVersion ${encodingVersion}`
  return [
    ...isDns1123Subdomain(apiServerID).map((problem) => at.child('apiServerID').invalid(apiServerID, problem)),
    ...apiVersionErrors(encodingVersion, at.child('encodingVersion')),
    ...decodableVersions.flatMap((one, i) => apiVersionErrors(one, at.child('decodableVersions').index(i))),
    ...(decodableVersions.includes(encodingVersion) ? [] : [at.child('decodableVersions').invalid(decodableVersions, missing)]),
    ...servedVersions.flatMap((one, i) => {
      const here = at.child('servedVersions').index(i)
      const message = `individual served version : ${one} must be included in decodableVersions : [${decodableVersions.join(' ')}]`
      return [...apiVersionErrors(one, here), ...(decodableVersions.includes(one) ? [] : [here.invalid(one, message)])]
    }),
  ]
}

function apiVersionErrors(value: string, at: Path): FieldError[] {
  const problems = apiVersionProblems(value.split('/'))
  return problems.length === 0 ? [] : [at.invalid(value, problems.join(','))]
}

function apiVersionProblems(parts: readonly string[]): string[] {
  const text =
    "a DNS-1035 label, which must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character"
  if (parts.length > 2) {
    const expression = regexError(text, '[a-z]([-a-z0-9]*[a-z0-9])?', 'my-name', 'abc-123')
    return [`an apiVersion is ${expression} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyVersion')`]
  }
  const version = parts.at(-1) as string
  const group = parts.length === 2 ? parts[0] : undefined
  const groupProblems = group === undefined ? [] : group === '' ? ['must be non-empty'] : isDns1123Subdomain(group)
  const versionProblems = version === '' ? ['must be non-empty'] : isDns1035Label(version)
  return [
    ...groupProblems.map((problem) => `group part: ${problem}`),
    ...versionProblems.map((problem) => `version part: ${problem}`),
  ]
}

/** Upstream leaves out `conditions` from these paths. */
function conditionErrors(conditions: readonly StorageVersionCondition[], at: Path): FieldError[] {
  const seen = new Map<string, number>()
  return conditions.flatMap(({ type, status, reason, message = '' }, i) => {
    const here = at.index(i)
    const first = seen.get(type)
    seen.set(type, i)
    const twice = `the type of the condition is not unique, it also appears in conditions[${first}]`
    return [
      ...(first === undefined ? [] : [here.child('type').invalid(type, twice)]),
      ...isQualifiedName(type).map((problem) => here.child('type').invalid(type, problem)),
      ...isQualifiedName(status).map((problem) => here.child('status').invalid(status, problem)),
      ...(reason === '' ? [here.child('reason').required('reason cannot be empty')] : []),
      ...(message === '' ? [here.child('message').required('message cannot be empty')] : []),
    ]
  })
}

export interface StorageVersion extends ObjectOf<typeof kind> {}
export const StorageVersion: Kind<'StorageVersion', StorageVersion> = kind
