/** CSIDriver: what the cluster must know about a storage driver. */
import { among } from '#api/core/v1/validation/checks.ts'
import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { immutableErrors } from '#schema/validate.ts'
import { always, boolean, int64, list, object, optional, pointer, type Schema, string, type TypeOf } from '#schema/words.ts'

const tokenRequest = object('io.k8s.api.storage.v1.TokenRequest', {
  audience: always(1, string(), { doc: 'Who the token is for; empty is the API server.' }),
  expirationSeconds: pointer(2, int64(), { doc: 'How long it is valid.' }),
})
export interface TokenRequest extends TypeOf<typeof tokenRequest> {}
export const TokenRequest: Schema<TokenRequest> = tokenRequest

const cSIDriverSpec = object('io.k8s.api.storage.v1.CSIDriverSpec', {
  attachRequired: pointer(1, boolean(), { doc: 'Whether volumes must be attached before they are mounted.' }),
  podInfoOnMount: pointer(2, boolean(), { doc: 'Whether the driver is told about the pod on mounting.' }),
  volumeLifecycleModes: optional(3, list(string(), { listType: 'set' }), {
    doc: 'Lifecycles that it supports: Persistent, Ephemeral.',
  }),
  storageCapacity: pointer(4, boolean(), { doc: 'Whether the scheduler is to look at its published capacities.' }),
  fsGroupPolicy: pointer(5, string(), { doc: 'Whether owner and mode of its volumes may be changed for a pod.' }),
  tokenRequests: optional(6, list(TokenRequest, { listType: 'atomic' }), {
    doc: 'Tokens of the service account that the driver gets on mounting.',
  }),
  requiresRepublish: pointer(7, boolean(), { doc: 'Whether a mounted volume is published again from time to time.' }),
  seLinuxMount: pointer(8, boolean(), { doc: 'Whether it understands the mount option for SELinux contexts.' }),
  nodeAllocatableUpdatePeriodSeconds: pointer(9, int64(), { doc: 'How often the limits of nodes are asked for anew.' }),
  serviceAccountTokenInSecrets: pointer(10, boolean(), {
    doc: 'Whether tokens come among the secrets rather than in the volume context.',
  }),
  preventPodSchedulingIfMissing: pointer(11, boolean(), { doc: 'Whether pods stay away from nodes without the driver.' }),
})
export interface CSIDriverSpec extends TypeOf<typeof cSIDriverSpec> {}
export const CSIDriverSpec: Schema<CSIDriverSpec> = cSIDriverSpec

const kind = defineKind({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIDriver',
  plural: 'csidrivers',
  scope: 'Cluster',
  doc: 'A CSI driver says how Kubernetes is to treat the storage driver of its name.',
  schemaName: 'io.k8s.api.storage.v1.CSIDriver',
  requireVersion: true,
  fields: {
    spec: always(2, CSIDriverSpec, { isRequired: true }),
  },
  generationFrom: ['spec'],
  defaults: ({ spec }) => void Object.assign(spec, { ...driverDefaults(), ...spec }),
  validate: ({ metadata, spec }, at) => [...validateFinalizers(metadata, at), ...specErrors(spec, at.child('spec'))],
  validateUpdate: ({ spec }, { spec: old }, at) => [
    // Upstream's own spelling of the field.
    ...immutableErrors(spec.attachRequired, old.attachRequired, at.child('spec', 'attachedRequired')),
    ...immutableErrors(spec.volumeLifecycleModes, old.volumeLifecycleModes, at.child('spec', 'volumeLifecycleModes')),
  ],
  columns: [
    {
      name: 'AttachRequired',
      type: 'boolean',
      doc: 'Whether volumes must be attached first.',
      value: ({ spec }) => spec.attachRequired ?? true,
    },
    {
      name: 'PodInfoOnMount',
      type: 'boolean',
      doc: 'Whether the driver is told about the pod.',
      value: ({ spec }) => spec.podInfoOnMount ?? false,
    },
    {
      name: 'StorageCapacity',
      type: 'boolean',
      doc: 'Whether the scheduler looks at capacities.',
      value: ({ spec }) => spec.storageCapacity ?? false,
    },
    { name: 'TokenRequests', doc: 'Audiences of tokens that the driver gets.', value: ({ spec }) => audiencesOf(spec) },
    {
      name: 'RequiresRepublish',
      type: 'boolean',
      doc: 'Whether volumes are published again and again.',
      value: ({ spec }) => spec.requiresRepublish ?? false,
    },
    {
      name: 'Modes',
      doc: 'Lifecycles of volumes that it supports.',
      value: ({ spec }) => (spec.volumeLifecycleModes ?? []).join(',') || '<none>',
    },
    age,
  ],
})

function driverDefaults(): Partial<CSIDriverSpec> {
  return {
    attachRequired: true,
    podInfoOnMount: false,
    storageCapacity: false,
    fsGroupPolicy: 'ReadWriteOnceWithFSType',
    requiresRepublish: false,
    volumeLifecycleModes: ['Persistent'],
    seLinuxMount: false,
  }
}

function audiencesOf({ tokenRequests = [] }: CSIDriverSpec): string {
  return tokenRequests.map(({ audience }) => audience).join(',') || '<unset>'
}

const lifecycles = ['Persistent', 'Ephemeral']
const leastPeriod = 10

function specErrors(spec: CSIDriverSpec, at: Path): FieldError[] {
  const { fsGroupPolicy, tokenRequests = [], volumeLifecycleModes = [], nodeAllocatableUpdatePeriodSeconds: period } = spec
  return [
    ...(fsGroupPolicy === undefined
      ? []
      : among(fsGroupPolicy, ['File', 'None', 'ReadWriteOnceWithFSType'], at.child('fsGroupPolicy'))),
    ...tokenErrors(tokenRequests, at.child('tokenRequests')),
    ...volumeLifecycleModes.flatMap((mode) => among(mode, lifecycles, at.child('volumeLifecycleModes'))),
    ...(period !== undefined && period < leastPeriod
      ? [at.child('nodeAllocatableUpdatePeriodSeconds').invalid(period, 'must be greater than or equal to 10 seconds')]
      : []),
    ...(spec.serviceAccountTokenInSecrets !== undefined && tokenRequests.length === 0
      ? [
          at
            .child('serviceAccountTokenInSecrets')
            .invalid(spec.serviceAccountTokenInSecrets, 'must be unset when tokenRequests is empty'),
        ]
      : []),
  ]
}

const tenMinutes = 600
const longest = 2 ** 32

function tokenErrors(requests: readonly TokenRequest[], at: Path): FieldError[] {
  const audiences = new Set<string>()
  return requests.flatMap(({ audience, expirationSeconds: seconds }, index) => {
    const here = at.index(index)
    if (audiences.has(audience)) return [here.child('audience').duplicate(audience)]
    audiences.add(audience)
    if (seconds === undefined) return []
    const expiry = here.child('expirationSeconds')
    return [
      ...(seconds < tenMinutes ? [expiry.invalid(seconds, 'may not specify a duration less than 10 minutes')] : []),
      ...(seconds > longest ? [expiry.invalid(seconds, 'may not specify a duration larger than 2^32 seconds')] : []),
    ]
  })
}

export interface CSIDriver extends ObjectOf<typeof kind> {}
export const CSIDriver: Kind<'CSIDriver', CSIDriver> = kind
