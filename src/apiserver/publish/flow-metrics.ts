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
    ...samples([`${prefix}seat_fair_frac`, 'gauge', 'Fraction of its target that each level has.'], [[{}, fairFraction]]),
    ...virtualTimeLines(all),
    ...ratioLines(all, now()),
    ...family(readWrite, 'histogram', 'Nanoseconds by the fraction of the limits that reads and writes made up.'),
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
    ...gauge('nominal_limit_seats', 'Seats of a level before lending and borrowing.', ({ nominal }) => nominal),
    ...gauge('lower_limit_seats', 'Seats that a level keeps for itself.', ({ min }) => min),
    ...gauge('upper_limit_seats', 'Seats of a level with all it may borrow.', ({ max }) => max),
    ...gauge('current_limit_seats', 'Seats of a level now.', ({ seats }) => seats.limit),
    ...gauge('target_seats', 'Seats that a level should have.', ({ target }) => target),
    ...gauge('demand_seats_high_watermark', 'Most seats wanted in the last period.', ({ seats }) => seats.demand.highWatermark),
    ...gauge('demand_seats_average', 'Seats wanted on average in the last period.', ({ seats }) => seats.demand.average),
    ...gauge('demand_seats_stdev', 'How much that varied.', ({ seats }) => seats.demand.deviation),
    ...gauge('demand_seats_smoothed', 'Seats wanted, over several periods.', ({ seats }) => seats.demand.smoothed),
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
    ...each('current_r', 'Virtual time of the last change.', ({ currentR }) => currentR),
    ...each('dispatch_r', 'Virtual time of the last dispatch.', ({ dispatchR }) => dispatchR),
    ...each('latest_s', 'Virtual start of the request dispatched last.', ({ latestS }) => latestS),
    ...bounds('next_s_bounds', 'First and last virtual start of those who are next in their queues.', false),
    ...bounds('next_discounted_s_bounds', 'The same without the work under way.', true),
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
    ...lines(seatRatio, 'Nanoseconds by the fraction of the seats that were taken.', ({ name, seats }) =>
      seats.ratios.seats.lines(seatRatio, { priority_level: name, phase: 'executing' }, now),
    ),
    ...lines(requestRatio, 'Nanoseconds by the fraction of the limits that requests made up.', ({ name, seats }) => [
      ...seats.ratios.executing.lines(requestRatio, { phase: 'executing', priority_level: name }, now),
      ...seats.ratios.waiting.lines(requestRatio, { phase: 'waiting', priority_level: name }, now),
    ]),
    ...lines(demandRatio, 'Nanoseconds by the fraction of the seats that were wanted.', ({ name, seats }) =>
      seats.ratios.demand.lines(demandRatio, { priority_level: name }, now),
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
    ...each('dispatched_requests_total', 'counter', ['Requests that were let begin.', ({ dispatched }) => dispatched]),
    ...samples([`${prefix}rejected_requests_total`, 'counter', 'Requests that were turned away.'], refused),
    ...each('current_executing_requests', 'gauge', ['Requests under way.', ({ executing }) => executing.requests]),
    ...each('current_executing_seats', 'gauge', ['Seats that they take.', ({ executing }) => executing.seats]),
    ...each('current_inqueue_requests', 'gauge', ['Requests that wait.', ({ queued }) => queued.requests]),
    ...each('current_inqueue_seats', 'gauge', ['Seats that they wait for.', ({ queued }) => queued.seats]),
    ...each('request_dispatch_no_accommodation_total', 'counter', [
      'How often the next in line found too few seats.',
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
    ...each('request_wait_duration_seconds', 'Seconds that requests waited for their turn.', (flow, name) => {
      const { waits, waitsInVain, dispatched } = flow.counts
      const labels = labelsOf(flow)
      const inVain = waitsInVain.count > 0 ? waitsInVain.lines(name, { execute: 'false', ...labels }) : []
      return [...waits.lines(name, { execute: 'true', ...labels }, Math.max(0, dispatched - waits.count)), ...inVain]
    }),
    ...each('request_execution_seconds', 'Seconds that requests took; of watches until they had begun.', (flow, name) => {
      const { ran, watchesBegan, dispatched, executing } = flow.counts
      const atOnce = Math.max(0, dispatched - executing.requests - ran.count - watchesBegan.count)
      const watches = watchesBegan.count > 0 ? watchesBegan.lines(name, { type: 'watch', ...labelsOf(flow) }) : []
      return [...ran.lines(name, { type: 'regular', ...labelsOf(flow) }, atOnce), ...watches]
    }),
    ...each('work_estimated_seats', 'Seats that requests were thought to need.', (flow, name) => {
      const { wide, dispatched, refusedInAll, queued } = flow.counts
      return wide.lines(name, labelsOf(flow), Math.max(0, dispatched + refusedInAll + queued.requests - wide.count), 1)
    }),
    ...each(
      'request_queue_length_after_enqueue',
      'Requests in the queue that one more came to, itself included.',
      plain(({ queueLengths }) => queueLengths),
    ),
    ...each(
      'watch_count_samples',
      'Watches that writes had to tell.',
      plain(({ watchers }) => watchers),
    ),
  ]
}
