/** What stands in the arguments of plugins: defaults, and what upstream refuses (upstream `apis/config/validation/validation_pluginargs.go`). */
import type { FieldError, Path } from '#schema/field-error.ts'
import { isQualifiedName } from '#schema/formats.ts'
import { parseDuration } from '#schema/go-time.ts'
import { requirementErrors, type SelectorOperator } from '#schema/selector.ts'

type Fields = Readonly<Record<string, any>>

interface Sort {
  /** What may be left out. */
  complete?(args: Fields): Fields
  check(args: Fields, at: Path): (FieldError | false | undefined)[]
}

/** The arguments with their defaults; errors go to `errors`. Plugins without any take everything. */
export function pluginArgs(name: string, given: Fields, { at, errors }: { at: Path; errors: FieldError[] }): Fields {
  const sort = sorts[name]
  if (!sort) return given
  const args = sort.complete?.(given) ?? given
  errors.push(...sort.check(args, at).filter((error): error is FieldError => Boolean(error)))
  return args
}

const sorts: Readonly<Record<string, Sort>> = {
  DefaultPreemption: {
    check({ minCandidateNodesPercentage: percentage = 10, minCandidateNodesAbsolute: absolute = 100 }, at) {
      const [share, count] = [at.child('minCandidateNodesPercentage'), at.child('minCandidateNodesAbsolute')]
      return [
        (percentage < 0 || percentage > 100) && share.invalid(percentage, 'not in valid range [0, 100]'),
        absolute < 0 && count.invalid(absolute, 'not in valid range [0, inf)'),
        percentage === 0 && absolute === 0 && share.invalid(0, 'cannot be zero at the same time as minCandidateNodesAbsolute'),
        percentage === 0 && absolute === 0 && count.invalid(0, 'cannot be zero at the same time as minCandidateNodesPercentage'),
      ]
    },
  },
  DynamicResources: {
    check({ bindingTimeout = '600s', filterTimeout = '10s' }, at) {
      const isShort = parseDuration(bindingTimeout) < 1_000_000_000n
      const isNegative = parseDuration(filterTimeout) < 0n
      return [
        isNegative && at.child('filterTimeout').invalid(filterTimeout, 'must be zero or positive'),
        isShort && at.child('bindingTimeout').invalid(bindingTimeout, 'must be at least 1 second'),
      ]
    },
  },
  InterPodAffinity: {
    check({ hardPodAffinityWeight: weight = 1 }, at) {
      const isWrong = weight < 0 || weight > 100
      return [isWrong && at.child('hardPodAffinityWeight').invalid(weight, 'not in valid range [0, 100]')]
    },
  },
  NodeAffinity: {
    check({ addedAffinity = {} }, at) {
      const { requiredDuringSchedulingIgnoredDuringExecution: required } = addedAffinity
      const { preferredDuringSchedulingIgnoredDuringExecution: preferred = [] } = addedAffinity
      const place = at.child('addedAffinity')
      const terms = place.child('requiredDuringSchedulingIgnoredDuringExecution', 'nodeSelectorTerms')
      const weighed = place.child('preferredDuringSchedulingIgnoredDuringExecution')
      return [
        ...(required?.nodeSelectorTerms ?? []).flatMap((term: Fields, i: number) => termErrors(term, terms.index(i))),
        ...preferred.flatMap(({ weight, preference = {} }: Fields, i: number) =>
          weight ? termErrors(preference, weighed.index(i)) : [],
        ),
      ]
    },
  },
  NodeResourcesBalancedAllocation: {
    complete: (args) => ({ ...args, ...(args.resources && { resources: weighted(args.resources) }) }),
    check({ resources = [] }, at) {
      const names = resources.map(({ name }: Fields) => name)
      return resources.flatMap(({ name, weight }: Fields, i: number) => {
        const place = at.child('resources').index(i)
        return [
          names.indexOf(name) < i && place.child('name').duplicate(name),
          weight !== 1 && place.child('weight').invalid(weight, 'must be 1'),
        ]
      })
    },
  },
  NodeResourcesFit: { complete: completeFit, check: checkFit },
  PodTopologySpread: { check: checkSpread },
  VolumeBinding: {
    check({ bindTimeoutSeconds: timeout = 600, shape }, at) {
      const gate = 'unexpected field `shape`, remove it or turn on the feature gate StorageCapacityScoring'
      const negative = 'invalid BindTimeoutSeconds, should not be a negative value'
      return [
        timeout < 0 && at.child('bindTimeoutSeconds').invalid(timeout, negative),
        shape !== undefined && at.child('shape').invalid(shape, gate),
      ]
    },
  },
}

const operators: Readonly<Record<string, SelectorOperator>> = {
  ...{ In: 'in', NotIn: 'notin', Exists: 'exists', DoesNotExist: '!', Gt: 'gt', Lt: 'lt' },
}

/** Upstream `component-helpers/scheduling/corev1/nodeaffinity`. */
function termErrors({ matchExpressions = [], matchFields = [] }: Fields, at: Path): FieldError[] {
  const labels = matchExpressions.flatMap(({ key = '', operator = '', values = [] }: Fields, i: number) => {
    const place = at.child('matchExpressions').index(i)
    const known = Object.hasOwn(operators, operator) ? operators[operator] : undefined
    if (!known) return [place.child('operator').notSupported(operator, Object.keys(operators).sort())]
    return requirementErrors({ key, operator: known, values }, place)
  })
  const fields = matchFields.flatMap(({ operator = '', values = [] }: Fields, i: number) => {
    const place = at.child('matchFields').index(i)
    if (operator !== 'In' && operator !== 'NotIn') return [place.child('operator').notSupported(operator, ['In', 'NotIn'])]
    return values.length === 1 ? [] : [place.child('values').invalid(values, 'must have one element')]
  })
  return [...labels, ...fields]
}

const weighted = (resources: readonly Fields[]) => resources.map((one) => ({ ...one, weight: one.weight || 1 }))

const usual = [{ name: 'cpu' }, { name: 'memory' }]

function completeFit(args: Fields): Fields {
  if (!args.scoringStrategy) return args
  const { resources = [], ...strategy } = args.scoringStrategy
  return { ...args, scoringStrategy: { ...strategy, resources: weighted(resources.length > 0 ? resources : usual) } }
}

const strategies = ['LeastAllocated', 'MostAllocated', 'RequestedToCapacityRatio']

function checkFit({ ignoredResources = [], ignoredResourceGroups = [], scoringStrategy: strategy }: Fields, at: Path) {
  const groups = at.child('ignoredResourceGroups')
  const errors: (FieldError | false)[] = [
    ...ignoredResources.flatMap((name: string, i: number) => labelName(name, at.child('ignoredResources').index(i))),
    ...ignoredResourceGroups.flatMap((name: string, i: number) => [
      name.includes('/') && groups.index(i).invalid(name, "resource group name can't contain '/'"),
      ...labelName(name, groups.index(i)),
    ]),
  ]
  if (!strategy) return errors
  const place = at.child('scoringStrategy')
  const ratio = place.child('requestedToCapacityRatio')
  const { type = '', resources, requestedToCapacityRatio: curve } = strategy
  const isRatio = type === 'RequestedToCapacityRatio'
  return [
    ...errors,
    !strategies.includes(type) && place.child('type').notSupported(type, strategies),
    ...resources.map(({ name, weight }: Fields, i: number) => {
      const why = `resource weight of ${name} not in valid range (0, 100]`
      return (weight <= 0 || weight > 100) && place.child('resources').index(i).child('weight').invalid(weight, why)
    }),
    isRatio && !curve && ratio.required('must be specified when type is RequestedToCapacityRatio'),
    ...(isRatio && curve ? checkShape(curve.shape ?? [], ratio.child('shape')) : []),
    !isRatio && curve !== undefined && ratio.forbidden('must be nil when type is not RequestedToCapacityRatio'),
  ]
}

function checkShape(shape: readonly Fields[], at: Path): (FieldError | false)[] {
  if (shape.length === 0) return [at.required('at least one point must be specified')]
  const back = shape.findIndex(({ utilization }, i) => i > 0 && shape[i - 1]?.utilization >= utilization)
  const place = at.index(back).child('utilization')
  return [
    back > 0 && place.invalid(shape[back]?.utilization, 'values must be sorted in increasing order'),
    ...shape.flatMap(({ utilization, score }, i) => [
      (utilization < 0 || utilization > 100) &&
        at.index(i).child('utilization').invalid(utilization, 'not in valid range [0, 100]'),
      (score < 0 || score > 10) && at.index(i).child('score').invalid(score, 'not in valid range [0, 10]'),
    ]),
  ]
}

const actions = ['DoNotSchedule', 'ScheduleAnyway']

function checkSpread({ defaultingType = 'System', defaultConstraints: constraints = [] }: Fields, at: Path) {
  const type = at.child('defaultingType')
  const list = at.child('defaultConstraints')
  const textOf = ({ topologyKey, whenUnsatisfiable }: Fields) => `{${topologyKey}, ${whenUnsatisfiable}}`
  const texts = constraints.map(textOf)
  const isKnown = defaultingType === 'System' || defaultingType === 'List'
  return [
    !isKnown && type.notSupported(defaultingType, ['System', 'List']),
    defaultingType === 'System' && constraints.length > 0 && type.invalid('System', 'when .defaultConstraints are not empty'),
    ...constraints.flatMap((one: Fields, i: number) => {
      const { maxSkew = 0, topologyKey: key, whenUnsatisfiable: action, labelSelector } = one
      const place = list.index(i)
      const when = place.child('whenUnsatisfiable')
      const noSelector = 'constraint must not define a selector, as they deduced for each pod'
      return [
        maxSkew <= 0 && place.child('maxSkew').invalid(maxSkew, 'not in valid range (0, inf)'),
        ...(key ? labelName(key, place.child('topologyKey')) : [place.child('topologyKey').required('can not be empty')]),
        !action && when.required('can not be empty'),
        action && !actions.includes(action) && when.notSupported(action, actions),
        labelSelector && place.child('labelSelector').forbidden(noSelector),
        texts.indexOf(textOf(one)) < i && place.duplicate(textOf(one)),
      ]
    }),
  ]
}

function labelName(name: string, at: Path): FieldError[] {
  return isQualifiedName(name).map((why) => at.invalid(name, why))
}
