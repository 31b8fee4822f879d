/** What `/metrics` tells beside requests: seats and queues, objects in the store, the version. Read when it is asked for. */
import type { Flow, FlowControl, Level } from '../flowcontrol/flow-control.ts'
import type { Registry } from '../registry/registry.ts'
import { family, samples } from './exposition.ts'

export interface MeasuredServer {
  readonly registry: Registry
  readonly flowControl?: FlowControl | undefined
}

export function serverMetrics({ registry, flowControl }: MeasuredServer): string[] {
  return [...storedObjects(registry), ...(flowControl ? flowControlLines(flowControl) : [])]
}

export function buildInfo(gitVersion: string, platform: string): string[] {
  const labels = { build_date: '', compiler: 'node', git_commit: '', git_tree_state: 'clean', git_version: gitVersion }
  const all = { ...labels, go_version: '', major: '1', minor: '36', platform }
  return samples(['kubernetes_build_info', 'gauge', 'The version of this server.'], [[all, 1]])
}

function storedObjects({ kinds, storage }: Registry): string[] {
  const seen = new Set<unknown>()
  const counts: [{ group: string; resource: string }, number][] = []
  for (const kind of kinds.all()) {
    if (kind.def.virtual || kind.def.storedAs) continue
    const key = `${kind.group}/${kind.plural}`
    const opened = seen.has(key) ? undefined : storage(kind)
    seen.add(key)
    if (opened && !(opened instanceof Promise)) counts.push([{ group: kind.group, resource: kind.plural }, opened.cache.size])
  }
  const old = counts.map(
    ([{ group, resource }, count]) => [{ resource: group ? `${resource}.${group}` : resource }, count] as const,
  )
  return [
    ...samples(['apiserver_storage_objects', 'gauge', 'Objects in the store, by kind.'], old),
    ...samples(['apiserver_resource_objects', 'gauge', 'Objects in the store, by group and kind.'], counts),
  ]
}

const prefix = 'apiserver_flowcontrol_'

function flowControlLines({ levels, flows }: FlowControl): string[] {
  return [...levelLines([...levels.values()]), ...flowLines(flows)]
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
    ...gauge('current_executing_seats', 'Seats that are taken.', ({ seats }) => seats.seatsInUse),
    ...gauge('current_inqueue_seats', 'Seats that are waited for.', ({ seats }) => seats.seatsWaiting),
    ...gauge('demand_seats_high_watermark', 'Most seats wanted in the last period.', ({ seats }) => seats.demand.highWatermark),
    ...gauge('demand_seats_average', 'Seats wanted on average in the last period.', ({ seats }) => seats.demand.average),
    ...gauge('demand_seats_stdev', 'How much that varied.', ({ seats }) => seats.demand.deviation),
    ...gauge('demand_seats_smoothed', 'Seats wanted, over several periods.', ({ seats }) => seats.demand.smoothed),
    ...gauge('current_executing_requests', 'Requests under way.', ({ seats }) => seats.executing),
    ...gauge('current_inqueue_requests', 'Requests that wait.', ({ seats }) => seats.waiting),
  ]
}

function flowLines(flows: readonly Flow[]): string[] {
  const labelsOf = ({ name, level }: Flow) => ({ flow_schema: name, priority_level: level.name })
  const refused = flows.flatMap((flow) =>
    [...flow.refused].map(([reason, count]) => [{ ...labelsOf(flow), reason }, count] as const),
  )
  const waited = `${prefix}request_wait_duration_seconds`
  return [
    ...samples(
      [`${prefix}dispatched_requests_total`, 'counter', 'Requests that were let begin.'],
      flows.map((flow) => [labelsOf(flow), flow.dispatched] as const),
    ),
    ...samples([`${prefix}rejected_requests_total`, 'counter', 'Requests that were turned away.'], refused),
    ...family(waited, 'histogram', 'Seconds that requests waited for their turn.'),
    ...flows.flatMap((flow) => {
      const execute = { execute: 'true', ...labelsOf(flow) }
      // Who was let begin at once did not wait.
      return flow.waits.lines(waited, execute, Math.max(0, flow.dispatched - flow.waits.count))
    }),
  ]
}
