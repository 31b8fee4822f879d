/** LeaseCandidate: somebody who could hold a Lease (KEP-4355). */
import { required } from '#api/core/v1/validation/checks.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isConfigMapKey, isQualifiedName } from '#schema/formats.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { immutableErrors } from '#schema/validate.ts'
import { always, microTime, object, optional, pointer, type Schema, string, type TypeOf } from '#schema/words.ts'

const leaseCandidateSpec = object('io.k8s.api.coordination.v1beta1.LeaseCandidateSpec', {
  leaseName: always(1, string(), { doc: 'Lease that the candidate wants.' }),
  pingTime: pointer(2, microTime(), { doc: 'When the candidate was last asked to renew.' }),
  renewTime: pointer(3, microTime(), { doc: 'When it last did.' }),
  binaryVersion: always(4, string(), { doc: 'Its version.' }),
  emulationVersion: optional(5, string(), { doc: 'Version that it behaves like.' }),
  strategy: always(6, string(), { isRequired: true, publishedDefault: null, doc: 'How the leader is picked.' }),
})
export interface LeaseCandidateSpec extends TypeOf<typeof leaseCandidateSpec> {}
export const LeaseCandidateSpec: Schema<LeaseCandidateSpec> = leaseCandidateSpec

const kind = defineKind({
  group: 'coordination.k8s.io',
  version: 'v1beta1',
  kind: 'LeaseCandidate',
  plural: 'leasecandidates',
  scope: 'Namespaced',
  doc: 'A lease candidate is somebody who could hold a lease.',
  schemaName: 'io.k8s.api.coordination.v1beta1.LeaseCandidate',
  nameFormat: 'any',
  createOnUpdate: true,
  requireVersion: true,
  fields: {
    spec: always(2, LeaseCandidateSpec, { isRequired: true }),
  },
  validate: ({ metadata, spec }, at) => [
    ...isConfigMapKey(metadata.name).map((problem) => at.child('metadata', 'name').invalid(metadata.name, problem)),
    ...specErrors(spec, at.child('spec')),
  ],
  validateUpdate: (now, old, at) => immutableErrors(now.spec.leaseName, old.spec.leaseName, at.child('spec', 'leaseName')),
  columns: [
    { name: 'LeaseName', doc: 'Lease that it wants.', value: ({ spec }) => spec.leaseName },
    { name: 'BinaryVersion', doc: 'Its version.', value: ({ spec }) => spec.binaryVersion },
    { name: 'EmulationVersion', doc: 'Version that it behaves like.', value: ({ spec }) => spec.emulationVersion ?? '' },
    age,
  ],
})

const semver = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/

function specErrors({ leaseName, binaryVersion, emulationVersion = '', strategy }: LeaseCandidateSpec, at: Path): FieldError[] {
  const binary = at.child('binaryVersion')
  const emulation = at.child('emulationVersion')
  const invalid = 'must be a valid semantic version'
  const errors = required(leaseName, at.child('leaseName'))
  if (emulationVersion && !semver.test(emulationVersion)) errors.push(emulation.invalid(emulationVersion, invalid))
  if (binaryVersion === '') errors.push(binary.required())
  else if (!semver.test(binaryVersion)) errors.push(binary.invalid(binaryVersion, invalid))
  if (binaryVersion && emulationVersion && isLess(binaryVersion, emulationVersion)) {
    errors.push(binary.invalid(binaryVersion, 'must be greater than or equal to `emulationVersion`'))
  }
  return [...errors, ...strategyErrors(strategy, emulationVersion, at)]
}

function strategyErrors(strategy: string, emulationVersion: string, at: Path): FieldError[] {
  const here = at.child('strategy')
  if (strategy === '') return [here.required()]
  // Upstream appends the field a second time here.
  const twice = here.child('strategy')
  if (strategy.includes('/')) return isQualifiedName(strategy).map((problem) => twice.invalid(strategy, problem))
  if (strategy !== 'OldestEmulationVersion') return [twice.notSupported(strategy, ['OldestEmulationVersion'])]
  const message = "must be specified when `strategy` is 'OldestEmulationVersion'"
  return emulationVersion ? [] : [at.child('emulationVersion').required(message)]
}

function isLess(a: string, b: string): boolean {
  const [left, right] = [a, b].map((text) => text.split(/[-+]/)[0]?.split('.').map(Number) ?? [])
  const at = [0, 1, 2].find((index) => left?.[index] !== right?.[index])
  return at !== undefined && (left?.[at] ?? 0) < (right?.[at] ?? 0)
}

export interface LeaseCandidate extends ObjectOf<typeof kind> {}
export const LeaseCandidate: Kind<'LeaseCandidate', LeaseCandidate> = kind
