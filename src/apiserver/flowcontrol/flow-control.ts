/** What the configuration of priority and fairness means: levels with their seats, and which request goes where (upstream `apf_controller.go`). */

import type { PolicyRulesWithSubjects } from '#api/flowcontrol/v1/flow-schema.ts'
import { FlowSchema } from '#api/flowcontrol/v1/flow-schema.ts'
import {
  PriorityLevelConfiguration,
  type PriorityLevelConfigurationSpec,
} from '#api/flowcontrol/v1/priority-level-configuration.ts'
import type { Clock } from '#lib/clock.ts'
import type { Lister } from '../admission/plugin.ts'
import type { Headers, RequestInfo, User } from '../request.ts'
import { mandatoryLevels, mandatorySchemas } from './bootstrap-objects.ts'
import { allocate } from './concurrency.ts'
import { FlowCounts } from './flow-counts.ts'
import { rulesFor, rulesMatch } from './match.ts'
import { QueueSet } from './queue-set.ts'
import { ReadsAndWrites } from './reads-and-writes.ts'
import { RetryAfter } from './retry-after.ts'

export interface Level {
  readonly name: string
  spec: PriorityLevelConfigurationSpec
  readonly seats: QueueSet
  readonly retryAfter: RetryAfter
  /** Seats: of its own, what it keeps whatever others want, and with all that it may borrow. */
  nominal: number
  min: number
  max: number
  /** Seats that it should have, as far as it was seen. */
  target: number
  /** What a single request may take; undefined: what any may. */
  maxSeats: number | undefined
  /** Its object is gone; it goes as soon as nobody is left in it. */
  isQuiescing: boolean
}

/** A flow schema in use. */
export interface Flow {
  readonly name: string
  readonly level: Level
  readonly distinguisher: 'ByUser' | 'ByNamespace' | undefined
  readonly rules: readonly PolicyRulesWithSubjects[]
  /** Of every answer to a request of this flow. */
  readonly headers: Headers
  readonly counts: FlowCounts
}

export interface FlowControlOptions {
  readonly lister: Lister
  readonly clock: Clock
  /** Of the whole server: reads and writes together. */
  readonly seats: number
  /** How many of each may be under way, which the measures of both are relative to; default: `seats`. */
  readonly inFlight?: { readonly reads: number; readonly writes: number }
}

const adjustEvery = 10_000

export class FlowControl {
  readonly levels = new Map<string, Level>()
  flows: readonly Flow[] = []
  /** The fraction of its target that each level has which may have more or less. */
  fairFraction = 0
  #options: FlowControlOptions
  /** The flows that are about a user, with the rules that are: found once. */
  #about = new WeakMap<User, readonly Candidate[]>()

  readonly readsAndWrites: ReadsAndWrites

  constructor(options: FlowControlOptions) {
    this.#options = options
    const { clock, seats, inFlight = { reads: seats, writes: seats } } = options
    this.readsAndWrites = new ReadsAndWrites(clock, inFlight)
  }

  /** Follows the objects until `signal` is aborted. */
  start(signal: AbortSignal): void {
    const { lister, clock } = this.#options
    this.read()
    const changed = () => !signal.aborted && this.read()
    lister.onChange?.(FlowSchema, changed)
    lister.onChange?.(PriorityLevelConfiguration, changed)
    const adjust = () => {
      if (signal.aborted) return
      this.adjust()
      timer = clock.after(adjustEvery, adjust)
    }
    let timer = clock.after(adjustEvery, adjust)
    signal.addEventListener('abort', () => timer.cancel(), { once: true })
  }

  /** In the time that seats are measured in. */
  readonly now = (): number => this.#options.clock.monotonic()

  /** The flow that a request belongs to: the catch-all has everybody. */
  classify(user: User, info: RequestInfo): Flow {
    let about = this.#about.get(user)
    if (!about) this.#about.set(user, (about = this.#candidates(user)))
    for (const { flow, rules, isAll } of about) if (isAll || rulesMatch(rules, info)) return flow
    return this.flows.at(-1) as Flow
  }

  #candidates(user: User): readonly Candidate[] {
    return this.flows
      .map((flow) => ({ flow, rules: rulesFor(flow.rules, user) }))
      .filter(({ rules }) => rules.length > 0)
      .map((one) => ({ ...one, isAll: one.rules.some(isEverything) }))
  }

  /** Takes the objects as they are now; what runs and waits goes on. */
  read(): void {
    const { lister } = this.#options
    this.#readLevels(lister.list(PriorityLevelConfiguration))
    this.#share()
    this.#readFlows(lister.list(FlowSchema), lister.list(PriorityLevelConfiguration))
    this.#about = new WeakMap()
    this.adjust(false)
  }

  /** Lends seats that are not wanted to those who want more. */
  adjust(look = true): void {
    const now = this.#options.clock.monotonic()
    const all = [...this.levels.values()]
    if (look) for (const { seats } of all) seats.demand.update(now)
    const limited = all.filter(({ seats }) => !seats.isExempt)
    const total = all.reduce((sum, { nominal }) => sum + nominal, 0)
    const exempt = all.filter(({ seats }) => seats.isExempt)
    const forExempt = exempt.reduce((sum, { min, seats }) => sum + Math.max(min, seats.demand.highWatermark), 0)
    const least = limited.map(({ min, nominal, seats }) => Math.max(min, Math.min(nominal, seats.demand.highWatermark)))
    const { limits, fairFraction } = limitsOf(limited, least, { total, left: total - forExempt })
    this.fairFraction = fairFraction
    limited.forEach((level, i) => {
      level.target = Math.max(least[i] as number, level.seats.demand.smoothed)
      level.seats.setLimit(limits[i] as number, this.#options.seats)
      level.seats.dispatch()
    })
    for (const { seats } of exempt) seats.setLimit(total, this.#options.seats)
    for (const level of all) if (level.isQuiescing && level.seats.isIdle) this.levels.delete(level.name)
  }

  #readLevels(objects: readonly PriorityLevelConfiguration[]): void {
    const specs = new Map<string, PriorityLevelConfigurationSpec>(Object.entries(mandatoryLevels))
    for (const { metadata, spec } of objects) if (isSound(metadata.name, spec)) specs.set(metadata.name, spec)
    for (const [name, spec] of specs) {
      const level = this.levels.get(name) ?? this.#newLevel(name, spec)
      level.spec = spec
      level.isQuiescing = false
      level.seats.configure(spec.limited?.limitResponse.queuing)
    }
    for (const level of this.levels.values()) if (!specs.has(level.name)) level.isQuiescing = true
  }

  #newLevel(name: string, spec: PriorityLevelConfigurationSpec): Level {
    const seats = new QueueSet(this.#options.clock)
    seats.isExempt = spec.type === 'Exempt'
    const level = {
      ...{ name, spec, seats, retryAfter: new RetryAfter() },
      ...{ nominal: 0, min: 0, max: 0, target: 0, maxSeats: 1, isQuiescing: false },
    }
    this.levels.set(name, level)
    return level
  }

  #share(): void {
    const all = [...this.levels.values()]
    const shares = all.reduce((sum, { spec }) => sum + sharesOf(spec), 0)
    const server = this.#options.seats
    for (const level of all) {
      const { lendablePercent = 0, borrowingLimitPercent } = limitsOfSpec(level.spec)
      const nominal = Math.ceil((server * sharesOf(level.spec)) / shares)
      const lendable = Math.round((nominal * lendablePercent) / 100)
      level.nominal = nominal
      level.min = nominal - lendable
      level.max = nominal + (borrowingLimitPercent === undefined ? server : Math.round((nominal * borrowingLimitPercent) / 100))
      const handSize = level.spec.limited?.limitResponse.queuing?.handSize
      level.maxSeats = handSize ? Math.max(1, Math.min(Math.ceil(nominal * 0.15), Math.floor(nominal / handSize))) : undefined
    }
  }

  #readFlows(objects: readonly FlowSchema[], levels: readonly PriorityLevelConfiguration[]): void {
    const uids = new Map(levels.map(({ metadata }) => [metadata.name, metadata.uid]))
    const known = new Map(this.flows.map((flow) => [flow.name, flow]))
    const used = objects.filter(({ spec }) => this.#isUsable(spec.priorityLevelConfiguration.name))
    const sorted = [...used].sort(
      (a, b) => a.spec.matchingPrecedence - b.spec.matchingPrecedence || (a.metadata.name < b.metadata.name ? -1 : 1),
    )
    const named = new Set(sorted.map(({ metadata }) => metadata.name))
    const imagined = (name: string) => ({ metadata: { name, uid: '' }, spec: mandatorySchemas[name] as FlowSchema['spec'] })
    const all = [
      ...(named.has('exempt') ? [] : [imagined('exempt')]),
      ...sorted,
      ...(named.has('catch-all') ? [] : [imagined('catch-all')]),
    ]
    this.flows = all.map(({ metadata, spec }) => {
      const level = this.levels.get(spec.priorityLevelConfiguration.name) as Level
      return {
        ...{ name: metadata.name, level, counts: known.get(metadata.name)?.counts ?? new FlowCounts() },
        distinguisher: spec.distinguisherMethod?.type as Flow['distinguisher'],
        rules: spec.rules ?? [],
        headers: {
          'x-kubernetes-pf-flowschema-uid': metadata.uid,
          'x-kubernetes-pf-prioritylevel-uid': uids.get(level.name) ?? '',
        },
      }
    })
  }

  #isUsable(level: string): boolean {
    return this.levels.get(level)?.isQuiescing === false
  }
}

interface Candidate {
  readonly flow: Flow
  readonly rules: readonly PolicyRulesWithSubjects[]
  /** Every request of the user's. */
  readonly isAll: boolean
}

function isEverything({ resourceRules = [], nonResourceRules = [] }: PolicyRulesWithSubjects): boolean {
  const isStar = (list: readonly string[] | undefined) => list?.[0] === '*'
  return (
    nonResourceRules.some(({ verbs, nonResourceURLs }) => isStar(verbs) && isStar(nonResourceURLs)) &&
    resourceRules.some(
      ({ verbs, apiGroups, resources, namespaces, clusterScope }) =>
        isStar(verbs) && isStar(apiGroups) && isStar(resources) && isStar(namespaces) && clusterScope === true,
    )
  )
}

/** A level that contradicts itself is passed over, as upstream. */
function isSound(name: string, { type, limited, exempt }: PriorityLevelConfigurationSpec): boolean {
  if ((type === 'Limited') !== (limited !== undefined) || (type === 'Exempt') !== (exempt !== undefined || name === 'exempt'))
    return false
  if ((type === 'Exempt') !== (name === 'exempt')) return false
  const response = limited?.limitResponse
  return !response || (response.type === 'Queue') === (response.queuing !== undefined)
}

function sharesOf({ type, limited, exempt }: PriorityLevelConfigurationSpec): number {
  return type === 'Exempt' ? (exempt?.nominalConcurrencyShares ?? 0) : (limited?.nominalConcurrencyShares ?? 30)
}

function limitsOfSpec({ limited, exempt }: PriorityLevelConfigurationSpec) {
  const { lendablePercent, borrowingLimitPercent } = { borrowingLimitPercent: undefined, ...exempt, ...limited }
  return { lendablePercent, borrowingLimitPercent }
}

function limitsOf(
  levels: readonly Level[],
  least: readonly number[],
  { total, left }: { total: number; left: number },
): { limits: number[]; fairFraction: number } {
  const sum = (values: readonly number[]) => values.reduce((all, one) => all + one, 0)
  const mins = levels.map(({ min }) => min)
  if (left <= sum(mins)) return { limits: mins, fairFraction: 0 }
  if (left <= sum(least)) {
    const part = (left - sum(mins)) / (sum(least) - sum(mins))
    const limits = levels.map(({ min }, i) => Math.round(min + ((least[i] as number) - min) * part))
    return { limits, fairFraction: 0 }
  }
  const items = levels.map(({ max, seats }, i) => {
    const lowerBound = least[i] as number
    return { lowerBound, upperBound: max, target: Math.max(lowerBound, seats.demand.smoothed) }
  })
  const { shares, proportion } = allocate(total, items)
  return { limits: shares.map(Math.round), fairFraction: proportion }
}
