/** Rules for FlowSchemas and priority levels (upstream `flowcontrol/validation`). */
import { among, dnsLabel, dnsSubdomain, required, requiredAs } from '#api/core/v1/validation/checks.ts'
import type {
  FlowSchemaSpec,
  NonResourcePolicyRule,
  PolicyRulesWithSubjects,
  ResourcePolicyRule,
  Subject,
} from '#api/flowcontrol/v1/flow-schema.ts'
import { mandatoryLevels, mandatorySchemas } from '#api/flowcontrol/v1/mandatory.ts'
import type {
  ExemptPriorityLevelConfiguration,
  LimitedPriorityLevelConfiguration,
  LimitResponse,
  PriorityLevelConfigurationSpec,
  QueuingConfiguration,
} from '#api/flowcontrol/v1/priority-level-configuration.ts'
import { semanticEqual } from '#schema/equal.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isDns1123Label, isDns1123Subdomain } from '#schema/formats.ts'

const maxPrecedence = 10_000

export function validateFlowSchema(name: string, spec: FlowSchemaSpec, at: Path): FieldError[] {
  const { matchingPrecedence: precedence, distinguisherMethod: method, priorityLevelConfiguration: level, rules = [] } = spec
  const here = at.child('matchingPrecedence')
  const errors: FieldError[] = []
  if (precedence <= 0) errors.push(here.invalid(precedence, 'must be a positive value'))
  if (precedence > maxPrecedence) errors.push(here.invalid(precedence, `must not be greater than ${maxPrecedence}`))
  if (precedence === 1 && name !== 'exempt') {
    errors.push(here.invalid(precedence, "only the schema named 'exempt' may have matchingPrecedence 1"))
  }
  if (method && !methods.includes(method.type)) {
    errors.push(at.child('distinguisherMethod', 'type').notSupported({ Type: method.type }, methods))
  }
  const levelAt = at.child('priorityLevelConfiguration', 'name')
  return [
    ...errors,
    ...(level.name ? dnsSubdomain(level.name, levelAt) : [levelAt.required('must reference a priority level')]),
    ...rules.flatMap((rule, index) => ruleErrors(rule, at.child('rules').index(index))),
    ...mandatoryErrors(spec, mandatorySchemas[name], { name, at }),
  ]
}

const methods = ['ByNamespace', 'ByUser']

function mandatoryErrors(spec: object, fixed: object | undefined, { name, at }: { name: string; at: Path }): FieldError[] {
  if (!fixed || semanticEqual(spec, fixed)) return []
  return [at.invalid(spec, `spec of '${name}' must equal the fixed value`)]
}

function ruleErrors({ subjects, resourceRules = [], nonResourceRules = [] }: PolicyRulesWithSubjects, at: Path): FieldError[] {
  const message = 'at least one of resourceRules and nonResourceRules has to be non-empty'
  return [
    ...(subjects.length === 0 ? [at.child('subjects').required('subjects must contain at least one value')] : []),
    ...subjects.flatMap((subject, index) => subjectErrors(subject, at.child('subjects').index(index))),
    ...(resourceRules.length + nonResourceRules.length === 0 ? [at.required(message)] : []),
    ...resourceRules.flatMap((rule, index) => resourceErrors(rule, at.child('resourceRules').index(index))),
    ...nonResourceRules.flatMap((rule, index) => pathRuleErrors(rule, at.child('nonResourceRules').index(index))),
  ]
}

const subjectKinds = ['Group', 'ServiceAccount', 'User']
const fieldOfKind = { ServiceAccount: 'serviceAccount', User: 'user', Group: 'group' } as const

function subjectErrors(subject: Subject, at: Path): FieldError[] {
  if (!subjectKinds.includes(subject.kind)) return [at.child('kind').notSupported(subject.kind, subjectKinds)]
  const kind = subject.kind as keyof typeof fieldOfKind
  const field = fieldOfKind[kind]
  const here = at.child(field)
  const others = (Object.keys(fieldOfKind) as (typeof kind)[]).filter((other) => other !== kind && subject[fieldOfKind[other]])
  const forbidden = others.map((other) => {
    const name = fieldOfKind[other]
    return at.child(name).forbidden(`${name} is forbidden when subject kind is not '${other}'`)
  })
  if (!subject[field]) return [here.required(`${field} is required when subject kind is '${kind}'`), ...forbidden]
  return [...nameErrors(subject, here), ...forbidden]
}

function nameErrors({ kind, user, group, serviceAccount }: Subject, at: Path): FieldError[] {
  if (kind !== 'ServiceAccount') return required((kind === 'User' ? user : group)?.name, at.child('name'))
  const { name = '', namespace = '' } = serviceAccount ?? {}
  return [
    ...(name === '*' ? [] : requiredAs(isDns1123Subdomain, name, at.child('name'))),
    ...(namespace
      ? dnsLabel(namespace, at.child('namespace'))
      : [at.child('namespace').required('must specify namespace for service account')]),
  ]
}

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'proxy', 'update', 'watch']

function verbErrors(given: readonly string[], at: Path): FieldError[] {
  if (given.length === 0) return [at.required('verbs must contain at least one value')]
  if (given.includes('*')) return alone(given, at, 'verbs')
  return given.every((verb) => verbs.includes(verb)) ? [] : [at.notSupported(given, verbs)]
}

function alone(given: readonly string[], at: Path, what: string): FieldError[] {
  const isMixed = given.length > 1 && given.includes('*')
  return isMixed ? [at.invalid(given, `if '*' is present, must not specify other ${what}`)] : []
}

function resourceErrors({ verbs, apiGroups, resources, namespaces, clusterScope }: ResourcePolicyRule, at: Path): FieldError[] {
  return [
    ...verbErrors(verbs, at.child('verbs')),
    ...(apiGroups.length === 0 ? [at.child('apiGroups').required('resource rules must supply at least one api group')] : []),
    ...alone(apiGroups, at.child('apiGroups'), 'api groups'),
    ...(resources.length === 0 ? [at.child('resources').required('resource rules must supply at least one resource')] : []),
    ...alone(resources, at.child('resources'), 'resources'),
    ...namespaceErrors(namespaces ?? [], clusterScope ?? false, at.child('namespaces')),
  ]
}

function namespaceErrors(namespaces: readonly string[], clusterScope: boolean, at: Path): FieldError[] {
  if (namespaces.length === 0 && !clusterScope) {
    return [at.required('resource rules that are not cluster scoped must supply at least one namespace')]
  }
  if (namespaces.includes('*')) return alone(namespaces, at, 'namespaces')
  return namespaces.flatMap((namespace, index) =>
    isDns1123Label(namespace).map((problem) =>
      at.index(index).invalid(namespace, `each member of this list must be '*' or a DNS-1123 label; ${problem}`),
    ),
  )
}

function pathRuleErrors({ verbs, nonResourceURLs: urls }: NonResourcePolicyRule, at: Path): FieldError[] {
  const here = at.child('nonResourceURLs')
  const errors = verbErrors(verbs, at.child('verbs'))
  if (urls.length === 0) return [...errors, here.required('nonResourceURLs must contain at least one value')]
  if (urls.includes('*')) return [...errors, ...alone(urls, here, 'non-resource URLs')]
  return [...errors, ...urls.flatMap((url, index) => urlErrors(url, here.index(index)))]
}

function urlErrors(url: string, at: Path): FieldError[] {
  if (url === '') return [at.invalid(url, 'must not be empty')]
  if (url === '/') return []
  if (!url.startsWith('/')) return [at.invalid(url, 'must start with slash')]
  if (url.includes(' ')) return [at.invalid(url, 'must not contain white-space')]
  if (url.includes('//')) return [at.invalid(url, 'must not contain double slash')]
  const stars = url.split('*').length - 1
  const isSuffix = stars === 0 || (stars === 1 && url.endsWith('/*'))
  return isSuffix ? [] : [at.invalid(url, 'wildcard can only do suffix matching')]
}

/** Conditions of both kinds need a type, and each its own. */
export function validateFlowConditions(conditions: readonly { type?: string | undefined }[] = [], at: Path): FieldError[] {
  const seen = new Set<string>()
  return conditions.flatMap(({ type = '' }, index) => {
    const here = at.index(index).child('type')
    const isRepeated = seen.has(type)
    seen.add(type)
    return [...(isRepeated ? [here.duplicate(type)] : []), ...(type ? [] : [here.required('must not be empty')])]
  })
}

export function validatePriorityLevel(name: string, spec: PriorityLevelConfigurationSpec, at: Path): FieldError[] {
  const errors: FieldError[] = []
  const { type, limited, exempt } = spec
  if ((name === 'exempt') !== (type === 'Exempt')) {
    errors.push(at.child('type').invalid(type, "type must be 'Exempt' if and only if name is 'exempt'"))
  }
  switch (type) {
    case 'Exempt':
      if (limited) errors.push(at.child('limited').forbidden('must be nil if the type is not Limited'))
      if (exempt) errors.push(...shareErrors(exempt, at.child('exempt')))
      break
    case 'Limited':
      if (exempt) errors.push(at.child('exempt').forbidden('must be nil if the type is Limited'))
      if (limited) errors.push(...limitedErrors(limited, at.child('limited')))
      else errors.push(at.child('limited').required('must not be empty when type is Limited'))
      break
    default:
      errors.push(...among(type, ['Exempt', 'Limited'], at.child('type')))
  }
  return [...errors, ...levelErrors(name, spec, at)]
}

/** The exempt level may have other shares than the fixed ones (KEP-1040). */
function levelErrors(name: string, spec: PriorityLevelConfigurationSpec, at: Path): FieldError[] {
  const fixed = mandatoryLevels[name]
  if (!fixed) return []
  const compared = name === 'exempt' ? { ...spec, exempt: undefined } : spec
  const wanted = name === 'exempt' ? { ...fixed, exempt: undefined } : fixed
  return semanticEqual(compared, wanted) ? [] : mandatoryErrors(spec, fixed, { name, at })
}

function shareErrors(
  { nominalConcurrencyShares: shares, lendablePercent: percent }: ExemptPriorityLevelConfiguration,
  at: Path,
): FieldError[] {
  return [
    ...(shares !== undefined && shares < 0
      ? [at.child('nominalConcurrencyShares').invalid(shares, 'must be a non-negative integer')]
      : []),
    ...(percent !== undefined && (percent < 0 || percent > 100)
      ? [at.child('lendablePercent').invalid(percent, 'must be between 0 and 100, inclusive')]
      : []),
  ]
}

function limitedErrors(limited: LimitedPriorityLevelConfiguration, at: Path): FieldError[] {
  const { borrowingLimitPercent: borrowed, limitResponse } = limited
  return [
    ...shareErrors(limited, at),
    ...(borrowed !== undefined && borrowed < 0
      ? [at.child('borrowingLimitPercent').invalid(borrowed, 'if specified, must be a non-negative integer')]
      : []),
    ...responseErrors(limitResponse, at.child('limitResponse')),
  ]
}

function responseErrors({ type, queuing }: LimitResponse, at: Path): FieldError[] {
  const here = at.child('queuing')
  if (type === 'Reject') return queuing ? [here.forbidden('must be nil if limited.limitResponse.type is not Limited')] : []
  if (type === 'Queue') {
    return queuing ? queueErrors(queuing, here) : [here.required('must not be empty if limited.limitResponse.type is Limited')]
  }
  return [at.child('type').notSupported(type, ['Queue', 'Reject'])]
}

const maxQueues = 10_000_000
/** Bits of the hash that deals queues to flows (upstream `shufflesharding`). */
const maxHashBits = 60

function queueErrors({ queues, handSize, queueLengthLimit }: QueuingConfiguration, at: Path): FieldError[] {
  const errors = queueLengthLimit <= 0 ? [at.child('queueLengthLimit').invalid(queueLengthLimit, 'must be positive')] : []
  if (queues <= 0) errors.push(at.child('queues').invalid(queues, 'must be positive'))
  else if (queues > maxQueues) errors.push(at.child('queues').invalid(queues, `must not be greater than ${maxQueues}`))
  const here = at.child('handSize')
  if (handSize <= 0) errors.push(here.invalid(handSize, 'must be positive'))
  else if (handSize > queues) errors.push(here.invalid(handSize, `should not be greater than queues (${queues})`))
  else if (entropyBits(queues, handSize) > maxHashBits) {
    const what = `required entropy bits of deckSize ${queues} and handSize ${handSize}`
    errors.push(here.invalid(handSize, `${what} should not be greater than ${maxHashBits}`))
  }
  return errors
}

function entropyBits(deck: number, hand: number): number {
  let bits = 0
  for (let card = 0; card < hand; card++) bits += Math.log2(deck - card)
  return Math.ceil(bits)
}
