/** `apiserver_flowcontrol_*`: seats, queues and flows of priority and fairness (upstream `util/flowcontrol/metrics`). */
import type { Flow, FlowControl, Level } from '../flowcontrol/flow-control.ts'
import type { QueueSet } from '../flowcontrol/queue-set.ts'
import { family, type Histogram, type Labels, samples } from './exposition.ts'

const prefix = 'apiserver_flowcontrol_'
const readWrite = `${prefix}read_vs_write_current_requests`

export function flowControlLines({ levels, flows, fairFraction, readsAndWrites, now }: FlowControl): string[] {
  const all = [...levels.values()]
  return [
    ...levelLines(all),
    ...samples(
      [
        `${prefix}seat_fair_frac`,
        'gauge',
        "[ALPHA] Fair fraction of server's concurrency to allocate to each priority level that can use it",
      ],
      [[{}, fairFraction]],
    ),
    ...virtualTimeLines(all),
    ...ratioLines(all, now()),
    ...family(
      readWrite,
      'histogram',
      '[ALPHA] Observations, at the end of every nanosecond, of the number of requests (as a fraction of the relevant limit) waiting or in regular stage of execution',
    ),
    ...readsAndWrites.lines(readWrite),
    ...flowLines(flows),
    ...flowHistograms(flows),
  ]
}

function levelLines(levels: readonly Level[]): string[] {
  const gauge = (name: string, help: string, value: (level: Level) => number) =>
    samples(
      [`${prefix}${name}`, 'gauge', help],
      levels.map((level) => [{ priority_level: level.name }, value(level)] as const),
    )
  return [
    ...gauge(
      'nominal_limit_seats',
      '[BETA] Nominal number of execution seats configured for each priority level',
      ({ nominal }) => nominal,
    ),
    ...gauge(
      'lower_limit_seats',
      '[ALPHA] Configured lower bound on number of execution seats available to each priority level',
      ({ min }) => min,
    ),
    ...gauge(
      'upper_limit_seats',
      '[ALPHA] Configured upper bound on number of execution seats available to each priority level',
      ({ max }) => max,
    ),
    ...gauge(
      'current_limit_seats',
      '[ALPHA] current derived number of execution seats available to each priority level',
      ({ seats }) => seats.limit,
    ),
    ...gauge('target_seats', '[ALPHA] Seat allocation targets', ({ target }) => target),
    ...gauge(
      'demand_seats_high_watermark',
      '[ALPHA] High watermark, over last adjustment period, of demand_seats',
      ({ seats }) => seats.demand.highWatermark,
    ),
    ...gauge(
      'demand_seats_average',
      '[ALPHA] Time-weighted average, over last adjustment period, of demand_seats',
      ({ seats }) => seats.demand.average,
    ),
    ...gauge(
      'demand_seats_stdev',
      '[ALPHA] Time-weighted standard deviation, over last adjustment period, of demand_seats',
      ({ seats }) => seats.demand.deviation,
    ),
    ...gauge('demand_seats_smoothed', '[ALPHA] Smoothed seat demands', ({ seats }) => seats.demand.smoothed),
  ]
}

function virtualTimeLines(levels: readonly Level[]): string[] {
  const queued = levels.filter(({ seats }) => seats.queuing !== undefined)
  const each = (name: string, help: string, value: (seats: QueueSet) => number) =>
    samples(
      [`${prefix}${name}`, 'gauge', help],
      queued.map(({ name: priority_level, seats }) => [{ priority_level }, value(seats)] as const),
    )
  const bounds = (name: string, help: string, isDiscounted: boolean) =>
    samples(
      [`${prefix}${name}`, 'gauge', help],
      queued.flatMap(({ name: priority_level, seats }) => {
        const [min, max] = seats.nextBounds(isDiscounted)
        return [
          [{ priority_level, bound: 'min' }, min],
          [{ priority_level, bound: 'max' }, max],
        ] as const
      }),
    )
  return [
    ...each('current_r', '[ALPHA] R(time of last change)', ({ currentR }) => currentR),
    ...each('dispatch_r', '[ALPHA] R(time of last dispatch)', ({ dispatchR }) => dispatchR),
    ...each('latest_s', '[ALPHA] S(most recently dispatched request)', ({ latestS }) => latestS),
    ...bounds('next_s_bounds', '[ALPHA] min and max, over queues, of S(oldest waiting request in queue)', false),
    ...bounds(
      'next_discounted_s_bounds',
      '[ALPHA] min and max, over queues, of S(oldest waiting request in queue) - estimated work in progress',
      true,
    ),
  ]
}

function ratioLines(levels: readonly Level[], now: number): string[] {
  const seatRatio = `${prefix}priority_level_seat_utilization`
  const requestRatio = `${prefix}priority_level_request_utilization`
  const demandRatio = `${prefix}demand_seats`
  const lines = (name: string, help: string, one: (level: Level) => string[]) => [
    ...family(name, 'histogram', help),
    ...levels.flatMap(one),
  ]
  return [
    ...lines(
      seatRatio,
      '[ALPHA] Observations, at the end of every nanosecond, of utilization of seats for any stage of execution (but only initial stage for WATCHes)',
      ({ name, seats }) => seats.ratios.seats.lines(seatRatio, { priority_level: name, phase: 'executing' }, now),
    ),
    ...lines(
      requestRatio,
      '[ALPHA] Observations, at the end of every nanosecond, of number of requests (as a fraction of the relevant limit) waiting or in any stage of execution (but only initial stage for WATCHes)',
      ({ name, seats }) => [
        ...seats.ratios.executing.lines(requestRatio, { phase: 'executing', priority_level: name }, now),
        ...seats.ratios.waiting.lines(requestRatio, { phase: 'waiting', priority_level: name }, now),
      ],
    ),
    ...lines(
      demandRatio,
      '[ALPHA] Observations, at the end of every nanosecond, of (the number of seats each priority level could use) / (nominal number of seats for that level)',
      ({ name, seats }) => seats.ratios.demand.lines(demandRatio, { priority_level: name }, now),
    ),
  ]
}

function labelsOf({ name, level }: Flow): Labels {
  return { flow_schema: name, priority_level: level.name }
}

function flowLines(flows: readonly Flow[]): string[] {
  const each = (name: string, type: 'counter' | 'gauge', [help, value]: [string, (flow: Flow['counts']) => number]) =>
    samples(
      [`${prefix}${name}`, type, help],
      flows.map((flow) => [labelsOf(flow), value(flow.counts)] as const),
    )
  const refused = flows.flatMap((flow) =>
    [...flow.counts.refused].map(([reason, count]) => [{ ...labelsOf(flow), reason }, count] as const),
  )
  return [
    ...each('dispatched_requests_total', 'counter', [
      '[BETA] Number of requests executed by API Priority and Fairness subsystem',
      ({ dispatched }) => dispatched,
    ]),
    ...samples(
      [
        `${prefix}rejected_requests_total`,
        'counter',
        '[BETA] Number of requests rejected by API Priority and Fairness subsystem',
      ],
      refused,
    ),
    ...each('current_executing_requests', 'gauge', [
      '[BETA] Number of requests in initial (for a WATCH) or any (for a non-WATCH) execution stage in the API Priority and Fairness subsystem',
      ({ executing }) => executing.requests,
    ]),
    ...each('current_executing_seats', 'gauge', [
      '[BETA] Concurrency (number of seats) occupied by the currently executing (initial stage for a WATCH, any stage otherwise) requests in the API Priority and Fairness subsystem',
      ({ executing }) => executing.seats,
    ]),
    ...each('current_inqueue_requests', 'gauge', [
      '[BETA] Number of requests currently pending in queues of the API Priority and Fairness subsystem',
      ({ queued }) => queued.requests,
    ]),
    ...each('current_inqueue_seats', 'gauge', [
      '[ALPHA] Number of seats currently pending in queues of the API Priority and Fairness subsystem',
      ({ queued }) => queued.seats,
    ]),
    ...each('request_dispatch_no_accommodation_total', 'counter', [
      '[ALPHA] Number of times a dispatch attempt resulted in a non accommodation due to lack of available seats',
      ({ noAccommodation }) => noAccommodation,
    ]),
  ]
}

/** Requests that were over at once stand in the counts only: they did not wait, took no time and one seat. */
function flowHistograms(flows: readonly Flow[]): string[] {
  const each = (name: string, help: string, lines: (flow: Flow, name: string) => string[]) => {
    const full = `${prefix}${name}`
    return [...family(full, 'histogram', help), ...flows.flatMap((flow) => lines(flow, full))]
  }
  const plain = (pick: (counts: Flow['counts']) => Histogram) => (flow: Flow, name: string) => {
    const histogram = pick(flow.counts)
    return histogram.count > 0 ? histogram.lines(name, labelsOf(flow)) : []
  }
  return [
    ...each('request_wait_duration_seconds', '[BETA] Length of time a request spent waiting in its queue', (flow, name) => {
      const { waits, waitsInVain, dispatched } = flow.counts
      const labels = labelsOf(flow)
      const inVain = waitsInVain.count > 0 ? waitsInVain.lines(name, { execute: 'false', ...labels }) : []
      return [...waits.lines(name, { execute: 'true', ...labels }, Math.max(0, dispatched - waits.count)), ...inVain]
    }),
    ...each(
      'request_execution_seconds',
      '[ALPHA] Duration of initial stage (for a WATCH) or any (for a non-WATCH) stage of request execution in the API Priority and Fairness subsystem',
      (flow, name) => {
        const { ran, watchesBegan, dispatched, executing } = flow.counts
        const atOnce = Math.max(0, dispatched - executing.requests - ran.count - watchesBegan.count)
        const watches = watchesBegan.count > 0 ? watchesBegan.lines(name, { type: 'watch', ...labelsOf(flow) }) : []
        return [...ran.lines(name, { type: 'regular', ...labelsOf(flow) }, atOnce), ...watches]
      },
    ),
    ...each(
      'work_estimated_seats',
      '[ALPHA] Number of estimated seats (maximum of initial and final seats) associated with requests in API Priority and Fairness',
      (flow, name) => {
        const { wide, dispatched, refusedInAll, queued } = flow.counts
        return wide.lines(name, labelsOf(flow), Math.max(0, dispatched + refusedInAll + queued.requests - wide.count), 1)
      },
    ),
    ...each(
      'request_queue_length_after_enqueue',
      '[ALPHA] Length of queue in the API Priority and Fairness subsystem, as seen by each request after it is enqueued',
      plain(({ queueLengths }) => queueLengths),
    ),
    ...each(
      'watch_count_samples',
      '[ALPHA] count of watchers for mutating requests in API Priority and Fairness',
      plain(({ watchers }) => watchers),
    ),
  ]
}
