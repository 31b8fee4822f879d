/** What a Workload's templates and a PodGroup have in common: policy, constraints, claims, and their rules. */
import { requiredAs } from '#api/core/v1/validation/checks.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isDns1123Label, isDns1123Subdomain, isQualifiedName } from '#schema/formats.ts'
import { always, int32, known, list, object, optional, pointer, type Schema, string, type TypeOf } from '#schema/words.ts'

const gangSchedulingPolicy = object('io.k8s.api.scheduling.v1alpha2.GangSchedulingPolicy', {
  minCount: always(1, int32(), { isRequired: true, doc: 'So many pods must fit at the same time for any to be admitted.' }),
})
export interface GangSchedulingPolicy extends TypeOf<typeof gangSchedulingPolicy> {}
export const GangSchedulingPolicy: Schema<GangSchedulingPolicy> = gangSchedulingPolicy

const basicSchedulingPolicy = object('io.k8s.api.scheduling.v1alpha2.BasicSchedulingPolicy', {})
export interface BasicSchedulingPolicy extends TypeOf<typeof basicSchedulingPolicy> {}
export const BasicSchedulingPolicy: Schema<BasicSchedulingPolicy> = basicSchedulingPolicy

const podGroupSchedulingPolicy = object(
  'io.k8s.api.scheduling.v1alpha2.PodGroupSchedulingPolicy',
  {
    basic: pointer(1, BasicSchedulingPolicy, { doc: 'Each pod is scheduled for itself.' }),
    gang: pointer(2, GangSchedulingPolicy, { doc: 'All or nothing.' }),
  },
  { union: { fields: { basic: 'Basic', gang: 'Gang' } } },
)
export interface PodGroupSchedulingPolicy extends TypeOf<typeof podGroupSchedulingPolicy> {}
export const PodGroupSchedulingPolicy: Schema<PodGroupSchedulingPolicy> = podGroupSchedulingPolicy

const topologyConstraint = object('io.k8s.api.scheduling.v1alpha2.TopologyConstraint', {
  key: always(1, string(), { isRequired: true, doc: 'Label of nodes whose value all pods of the group must share.' }),
})
export interface TopologyConstraint extends TypeOf<typeof topologyConstraint> {}
export const TopologyConstraint: Schema<TopologyConstraint> = topologyConstraint

const podGroupSchedulingConstraints = object('io.k8s.api.scheduling.v1alpha2.PodGroupSchedulingConstraints', {
  topology: optional(1, list(TopologyConstraint, { listType: 'atomic' }), { doc: 'One constraint at most.' }),
})
export interface PodGroupSchedulingConstraints extends TypeOf<typeof podGroupSchedulingConstraints> {}
export const PodGroupSchedulingConstraints: Schema<PodGroupSchedulingConstraints> = podGroupSchedulingConstraints

const podGroupResourceClaim = object('io.k8s.api.scheduling.v1alpha2.PodGroupResourceClaim', {
  name: always(1, string(), { isRequired: true, doc: 'Name within the group.' }),
  resourceClaimName: pointer(2, string(), { doc: 'A claim that exists.' }),
  resourceClaimTemplateName: pointer(3, string(), { doc: 'A template that the group gets a claim from.' }),
})
export interface PodGroupResourceClaim extends TypeOf<typeof podGroupResourceClaim> {}
export const PodGroupResourceClaim: Schema<PodGroupResourceClaim> = podGroupResourceClaim

export const resourceClaims = list(PodGroupResourceClaim, {
  listType: 'map',
  mapKeys: ['name'],
  mergeKey: 'name',
  retainKeys: true,
})
export const disruptionMode = known('Pod', 'PodGroup')

export const maxClaims = 4
const highestUserPriority = 1_000_000_000
const lowestPriority = -(2 ** 31)

/** What templates and groups are both checked for. */
interface Parts {
  readonly schedulingPolicy: PodGroupSchedulingPolicy
  readonly schedulingConstraints?: PodGroupSchedulingConstraints | undefined
  readonly resourceClaims?: PodGroupResourceClaim[] | undefined
  readonly disruptionMode?: string | undefined
  readonly priorityClassName?: string | undefined
  readonly priority?: number | undefined
}

export function partErrors(parts: Parts, at: Path): FieldError[] {
  const { schedulingPolicy, schedulingConstraints, disruptionMode: mode, priorityClassName = '', priority } = parts
  return [
    ...policyErrors(schedulingPolicy, at.child('schedulingPolicy')),
    ...topologyErrors(schedulingConstraints?.topology ?? [], at.child('schedulingConstraints', 'topology')),
    ...claimErrors(parts.resourceClaims ?? [], at.child('resourceClaims')),
    ...(mode === undefined || modes.includes(mode) ? [] : [at.child('disruptionMode').notSupported(mode, modes)]),
    ...(priorityClassName === '' ? [] : formatErrors(isDns1123Subdomain, priorityClassName, at.child('priorityClassName'))),
    ...(priority === undefined ? [] : boundErrors(priority, [lowestPriority, highestUserPriority], at.child('priority'))),
  ]
}

const modes = ['Pod', 'PodGroup']

function policyErrors({ basic, gang }: PodGroupSchedulingPolicy, at: Path): FieldError[] {
  const errors = unionErrors({ basic, gang }, at)
  if (gang && !gang.minCount) errors.push(at.child('gang', 'minCount').required())
  else if (gang) errors.push(...boundErrors(gang.minCount, [1, Infinity], at.child('gang', 'minCount')))
  return errors
}

function topologyErrors(topology: readonly TopologyConstraint[], at: Path): FieldError[] {
  if (topology.length > 1) return [at.tooMany(topology.length, 1)]
  return topology.flatMap(({ key }, i) => requiredAs(isQualifiedName, key, at.index(i).child('key')))
}

function claimErrors(claims: readonly PodGroupResourceClaim[], at: Path): FieldError[] {
  if (claims.length > maxClaims) return [at.tooMany(claims.length, maxClaims)]
  const seen = new Set<string>()
  return claims.flatMap(({ name, resourceClaimName, resourceClaimTemplateName }, i) => {
    const here = at.index(i)
    const isTwice = seen.has(name)
    seen.add(name)
    return [
      ...(isTwice ? [here.duplicate(`{"name":${JSON.stringify(name)}}`)] : []),
      ...unionErrors({ resourceClaimName, resourceClaimTemplateName }, here),
      ...requiredAs(isDns1123Label, name, here.child('name')),
      ...(resourceClaimName === undefined
        ? []
        : formatErrors(isDns1123Subdomain, resourceClaimName, here.child('resourceClaimName'))),
      ...(resourceClaimTemplateName === undefined
        ? []
        : formatErrors(isDns1123Subdomain, resourceClaimTemplateName, here.child('resourceClaimTemplateName'))),
    ]
  })
}

/** Exactly one of the members (upstream `validate.Union`). */
export function unionErrors(members: Readonly<Record<string, unknown>>, at: Path): FieldError[] {
  const names = Object.keys(members)
  const set = names.filter((name) => members[name] !== undefined)
  const shown = (some: readonly string[]) => some.map((name) => `\`${name}\``).join(', ')
  if (set.length === 0) return [at.invalid('', `must specify one of: ${shown(names)}`)]
  return set.length === 1 ? [] : [at.invalid(`{${set.join(', ')}}`, `must specify exactly one of: ${shown(names)}`)]
}

function formatErrors(check: (value: string) => string[], value: string, at: Path): FieldError[] {
  return check(value).map((problem) => at.invalid(value, problem))
}

function boundErrors(value: number, [min, max]: readonly [number, number], at: Path): FieldError[] {
  if (value < min) return [at.invalid(value, `must be greater than or equal to ${min}`)]
  return value > max ? [at.invalid(value, `must be less than or equal to ${max}`)] : []
}
