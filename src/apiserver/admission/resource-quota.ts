/**
 * ResourceQuota: what a namespace uses stays within its quotas (upstream `plugin/resourcequota/controller.go`). Usage is added to the
 * quotas' status before the object is stored; the controller takes back what came to nothing.
 */
import {
  type Amounts,
  addAmounts,
  exceeded,
  maskAmounts,
  sameAmounts,
  subtractAmounts,
  withoutZeros,
} from '#api/core/v1/quota-amounts.ts'
import { scopesOf } from '#api/core/v1/quota-scopes.ts'
import { isIgnoredByQuota, type QuotaEvaluator, quotaEvaluator, quotaMatches } from '#api/core/v1/quota-usage.ts'
import { ResourceQuota, type ScopedResourceSelectorRequirement } from '#api/core/v1/resource-quota.ts'
import { compareQuantity } from '#schema/quantity.ts'
import { type Reason, StatusError } from '#schema/status-error.ts'
import type { AdmissionContext, AdmissionPlugin, AdmissionRequest, Lister } from './plugin.ts'
import { refuse } from './refuse.ts'

/** What may not be used at all unless a quota covers it. */
interface LimitedResource {
  readonly apiGroup?: string
  readonly resource: string
  readonly matchContains?: readonly string[]
  readonly matchScopes?: readonly ScopedResourceSelectorRequirement[]
}

/** `configuration` is a ResourceQuotaConfiguration. */
export function resourceQuotaWith(
  configuration: { readonly limitedResources?: readonly LimitedResource[] } | undefined,
): AdmissionPlugin {
  const limited = configuration?.limitedResources ?? []
  return {
    name: 'ResourceQuota',
    handles: ({ operation, kind }) =>
      (operation === 'CREATE' || operation === 'UPDATE') && kind.plural !== 'namespaces' && !isIgnoredByQuota(kind),
    validate(request, context) {
      if (request.namespace === '') return
      const evaluator = quotaEvaluator(request.kind)
      if (!evaluator.handles(request)) return
      if (limited.length === 0 && context.lister.list(ResourceQuota, request.namespace).length === 0) return
      return inTurn(request.namespace, context, () => charge({ request, context, evaluator, limited }))
    },
  }
}

export const resourceQuota: AdmissionPlugin = resourceQuotaWith(undefined)

interface State {
  /** By namespace: the end of the queue. */
  readonly turns: Map<string, Promise<void>>
  /** As they were written last, until the caches show them: two requests in a row must not spend the same rest. */
  readonly written: Map<string, ResourceQuota>
}

const states = new WeakMap<Lister, State>()

function stateOf({ lister }: AdmissionContext): State {
  let state = states.get(lister)
  if (!state) states.set(lister, (state = { turns: new Map(), written: new Map() }))
  return state
}

/** One request of a namespace after the other, so that they do not beat each other to the quota's status. */
async function inTurn(namespace: string, context: AdmissionContext, work: () => Promise<void>): Promise<void> {
  const { turns } = stateOf(context)
  const before = turns.get(namespace)
  const done = (before ?? Promise.resolve()).then(work)
  const ended = done.catch(() => {})
  turns.set(namespace, ended)
  try {
    await done
  } finally {
    if (turns.get(namespace) === ended) turns.delete(namespace)
  }
}

interface Visit {
  readonly request: AdmissionRequest
  readonly context: AdmissionContext
  readonly evaluator: QuotaEvaluator
  readonly limited: readonly LimitedResource[]
}

/** Upstream's `checkQuotas`, which tries again three times. */
const mostTries = 4

async function charge(visit: Visit): Promise<void> {
  const { request, context } = visit
  let quotas = currentQuotas(request.namespace, context)
  for (let tries = 1; ; tries++) {
    const changed = chargedQuotas(quotas, visit).filter(({ status }, i) => !sameAmounts(status.used, quotas[i]?.status.used))
    if (request.dryRun || changed.length === 0) return
    const failed = new Map<string, unknown>()
    for (const quota of changed) {
      try {
        await write(quota, context)
      } catch (error) {
        failed.set(quota.metadata.name, error)
      }
    }
    if (failed.size === 0) return
    if (tries === mostTries) throw [...failed.values()].at(-1)
    const { items } = await context.client.list(ResourceQuota, { namespace: request.namespace })
    quotas = items.filter(({ metadata }) => failed.has(metadata.name))
  }
}

async function write(quota: ResourceQuota, context: AdmissionContext): Promise<void> {
  const written = await context.client.update(ResourceQuota, quota, { subresource: 'status' })
  stateOf(context).written.set(keyOf(written), written)
}

function keyOf({ metadata }: ResourceQuota): string {
  return `${metadata.namespace}/${metadata.name}`
}

function currentQuotas(namespace: string, context: AdmissionContext): readonly ResourceQuota[] {
  const { written } = stateOf(context)
  return context.lister.list(ResourceQuota, namespace).map((cached) => {
    const last = written.get(keyOf(cached))
    if (!last) return cached
    if (last.metadata.uid === cached.metadata.uid && versionOf(last) > versionOf(cached)) return last
    written.delete(keyOf(cached))
    return cached
  })
}

function versionOf({ metadata }: ResourceQuota): number {
  return Number(metadata.resourceVersion)
}

interface Interesting {
  readonly quota: ResourceQuota
  /** What the request adds to its usage. */
  readonly delta: Amounts
}

/** The quotas with the request's usage added. Throws where one has not enough left (upstream's `CheckRequest`). */
function chargedQuotas(quotas: readonly ResourceQuota[], visit: Visit): readonly ResourceQuota[] {
  const { request, context, evaluator } = visit
  const interesting = quotas.filter((quota) => quotaMatches(quota, evaluator, request.object))
  for (const quota of interesting) checkQuota(quota, visit)
  const usage = evaluator.usage(request.object, context.clock.now())
  const increase = request.operation === 'UPDATE' ? increaseOf(usage, visit) : usage
  const deltas: Interesting[] = interesting.map((quota) => {
    const counted = request.old && quotaMatches(quota, evaluator, request.old) ? increase : usage
    return { quota, delta: withoutZeros(counted) }
  })
  const isIdle = ({ delta }: Interesting) => Object.keys(delta).length === 0
  if (deltas.length > 0 ? deltas.every(isIdle) : Object.keys(withoutZeros(increase)).length === 0) return quotas
  checkCoverage(quotas, interesting, visit)
  return quotas.map((quota) => {
    const found = deltas.find((one) => one.quota === quota)
    return found && !isIdle(found) ? withUsage(found, request) : quota
  })
}

function increaseOf(usage: Amounts, { request, context, evaluator }: Visit): Amounts {
  if (!request.old) throw refuse(request, 'unable to get previous usage since prior version of object was not found')
  return subtractAmounts(usage, evaluator.usage(request.old, context.clock.now()))
}

function checkQuota({ metadata, status }: ResourceQuota, { request, evaluator }: Visit): void {
  const bounded = Object.keys(status.hard ?? {}).filter((name) => evaluator.counts(name))
  const missing = evaluator.missing?.(request.object, bounded)
  if (missing) throw refuse(request, `failed quota: ${metadata.name}: ${missing}`)
  if (bounded.some((name) => status.used?.[name] === undefined)) {
    throw refuse(request, `status unknown for quota: ${metadata.name}, resources: ${bounded.toSorted().join(',')}`)
  }
}

function withUsage({ quota, delta }: Interesting, request: AdmissionRequest): ResourceQuota {
  const { hard = {}, used = {} } = quota.status
  const requested = maskAmounts(delta, Object.keys(hard))
  const sum = addAmounts(used, requested)
  // What the status says has happened already.
  const over = request.subresource === 'status' ? [] : exceeded(maskAmounts(sum, Object.keys(requested)), hard)
  if (over.length > 0) {
    const text = (amounts: Amounts) => amountsText(maskAmounts(amounts, over))
    const why = `requested: ${text(requested)}, used: ${text(used)}, limited: ${text(hard)}`
    throw refuse(request, `exceeded quota: ${quota.metadata.name}, ${why}`)
  }
  return { ...quota, status: { ...quota.status, used: sum } }
}

function amountsText(amounts: Amounts): string {
  return Object.keys(amounts)
    .sort()
    .map((name) => `${name}=${amounts[name]}`)
    .join(',')
}

function checkCoverage(quotas: readonly ResourceQuota[], interesting: readonly ResourceQuota[], visit: Visit): void {
  const { request, context, evaluator, limited } = visit
  const { group, plural } = request.kind
  const own = limited.filter(({ apiGroup = '', resource }) => apiGroup === group && resource === plural)
  const usage = own.length > 0 ? evaluator.usage(request.object, context.clock.now()) : {}
  const names = Object.keys(usage).filter(
    (name) =>
      compareQuantity(usage[name] as string, '0') > 0 &&
      own.some(({ matchContains = [] }) => matchContains.some((part) => name.includes(part))),
  )
  const covered = new Set(
    interesting.flatMap(({ status }) => Object.keys(status.hard ?? {}).filter((name) => evaluator.counts(name))),
  )
  const uncovered = names.filter((name) => !covered.has(name)).sort()
  if (uncovered.length > 0) throw refuse(request, `insufficient quota to consume: ${uncovered.join(',')}`)
  const inScope = (scope: ScopedResourceSelectorRequirement) => evaluator.inScope(request.object, scope)
  const wanted = limited.flatMap(({ matchScopes = [] }) => matchScopes).filter(inScope)
  const given = new Set(quotas.flatMap(({ spec }) => scopesOf(spec).filter(inScope)).map(({ scopeName }) => scopeName))
  const lacking = wanted.filter(({ scopeName }) => !given.has(scopeName))
  if (lacking.length === 0) return
  const text = lacking.map(({ scopeName, operator, values = [] }) => `{${scopeName} ${operator} [${values.join(' ')}]}`)
  throw new StatusError('' as Reason, `insufficient quota to match these scopes: [${text.join(' ')}]`, { code: 500 })
}
