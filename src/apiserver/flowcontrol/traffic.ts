/** Priority and fairness, or a plain limit in its place, as parts of a server. */
import type { Registry } from '../registry/registry.ts'
import type { Stage } from '../request.ts'
import { maxInFlight } from '../stages/max-in-flight.ts'
import { flowControlDumps } from './debug.ts'
import { FlowControl } from './flow-control.ts'
import { keepFlowObjects } from './keep-objects.ts'
import { priorityAndFairness } from './stage.ts'
import { type Estimator, type Stored, WatchTracker } from './work-estimate.ts'

export type TrafficOptions =
  | {
      /** Of the whole server: `--max-requests-inflight` and `--max-mutating-requests-inflight` together. */
      readonly seats: number
      /** Each of the two. */
      readonly inFlight?: { readonly reads: number; readonly writes: number }
      /** Milliseconds that a request may wait; default a quarter of a minute. */
      readonly patience?: number
    }
  | {
      /** `--enable-priority-and-fairness=false`; 0 is no limit. */
      readonly maxInFlight: { readonly readOnly: number; readonly mutating: number }
    }

export interface Traffic {
  readonly stage: Stage
  readonly publish: readonly Stage[]
  readonly control?: FlowControl
  /** Begins to keep objects; the server answers by then. */
  start(): void
}

export function trafficControl(registry: Registry, options: TrafficOptions, signal: AbortSignal): Traffic {
  const { lister, clock, client, gates, onError } = registry
  if ('maxInFlight' in options) return { stage: maxInFlight(options.maxInFlight), publish: [], start: () => {} }
  const control = new FlowControl({
    lister,
    clock,
    seats: options.seats,
    ...(options.inFlight && { inFlight: options.inFlight }),
  })
  control.start(signal)
  const estimator: Estimator = { watches: new WatchTracker(), gates, stored: (info) => storedOf(registry, info) }
  return {
    control,
    stage: priorityAndFairness({ control, estimator, clock, patience: options.patience ?? 15_000 }),
    publish: [flowControlDumps(control)],
    start: () => keepFlowObjects({ lister, client, clock, signal, onError }),
  }
}

/** Unknown for what is served elsewhere. */
function storedOf({ kinds, storage }: Registry, info: Parameters<Estimator['stored']>[0]): Stored | undefined {
  const kind = kinds.find(info)
  if (!kind || kind.def.virtual) return undefined
  const opened = storage(kind)
  return opened instanceof Promise ? undefined : { objects: opened.cache.size, bytes: opened.cache.byteSize }
}
