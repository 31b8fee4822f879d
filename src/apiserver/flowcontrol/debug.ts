/** `/debug/api_priority_and_fairness/`: who runs and who waits, as tables (upstream `apf_controller_debug.go`). */
import { formatTime } from '#lib/clock.ts'
import type { Request, Response, Stage } from '../request.ts'
import type { FlowControl, Level } from './flow-control.ts'

const root = '/debug/api_priority_and_fairness/'

export function flowControlDumps(control: FlowControl): Stage {
  const dumps: Readonly<Record<string, (levels: readonly Level[], request: Request) => string[][]>> = {
    dump_priority_levels: dumpLevels,
    dump_queues: dumpQueues,
    dump_requests: dumpRequests,
  }
  return (request, next) => {
    if (!request.path.startsWith(root)) return next(request)
    const dump = dumps[request.path.slice(root.length)]
    if (!dump) return next(request)
    const levels = [...control.levels.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
    return table(dump(levels, request))
  }
}

/** As Go's tabwriter would, with a comma behind each cell but the last. */
function table(rows: readonly string[][]): Response {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)) + 2)
  const lines = rows.map((row) =>
    row.map((cell, column) => (column === row.length - 1 ? cell : `${cell},`.padEnd(widths[column] as number))).join(''),
  )
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' }
  return { type: 'bytes', status: 200, bytes: Buffer.from(`${lines.join('\n')}\n`), headers }
}

function dumpLevels(levels: readonly Level[]): string[][] {
  const head = ['PriorityLevelName', 'ActiveQueues', 'IsIdle', 'IsQuiescing', 'WaitingRequests', 'ExecutingRequests']
  const counts = ['DispatchedRequests', 'RejectedRequests', 'TimedoutRequests', 'CancelledRequests']
  const rows = levels.map(({ name, seats, isQuiescing }) => {
    const active = seats.queues.filter(({ waiting, executing }) => waiting.length + executing > 0).length
    const { refused } = seats
    const rejected = Object.values(refused).reduce((sum, count) => sum + count, 0)
    const numbers = [seats.waiting, seats.executing, seats.dispatched, rejected, refused['time-out'], refused.cancelled]
    return [name, String(active), String(seats.isIdle), String(isQuiescing), ...numbers.map(String)]
  })
  return [[...head, ...counts], ...rows]
}

function dumpQueues(levels: readonly Level[]): string[][] {
  const head = ['PriorityLevelName', 'Index', 'PendingRequests', 'ExecutingRequests', 'SeatsInUse', 'NextDispatchR']
  const sums = ['InitialSeatsSum', 'MaxSeatsSum', 'TotalWorkSum']
  const rows = levels.flatMap(({ name, seats }) =>
    seats.queues.map(({ waiting, executing, seatsInUse, nextDispatchR }, index) => {
      const initial = waiting.reduce((sum, { work }) => sum + work.initialSeats, 0)
      const most = waiting.reduce((sum, { work }) => sum + Math.max(work.initialSeats, work.finalSeats), 0)
      const total = waiting.reduce((sum, { work }) => sum + work.initialSeats * 0.003, 0)
      const ss = (value: number) => `${value.toFixed(8)}ss`
      return [
        ...[name, ...[index, waiting.length, executing, seatsInUse].map(String), ss(nextDispatchR)],
        ...[String(initial), String(most), ss(total)],
      ]
    }),
  )
  return [[...head, ...sums], ...rows]
}

function dumpRequests(levels: readonly Level[], { query }: Request): string[][] {
  const isDetailed = ['1', 'true'].includes(query.get('includeRequestDetails') ?? '')
  const head = ['PriorityLevelName', 'FlowSchemaName', 'QueueIndex', 'RequestIndexInQueue', 'FlowDistingsher', 'ArriveTime']
  const work = ['InitialSeats', 'FinalSeats', 'AdditionalLatency', 'StartTime']
  const details = ['UserName', 'Verb', 'APIPath', 'Namespace', 'Name', 'APIVersion', 'Resource', 'SubResource']
  const rows = levels.flatMap(({ name, seats }) =>
    seats.queues.flatMap(({ waiting }, queue) =>
      waiting.map((one, index) => {
        const { initialSeats, finalSeats, additionalLatency } = one.work
        const row = [
          ...[name, one.schema, String(queue), String(index), one.distinguisher, formatTime(one.arrivedAt)],
          ...[String(initialSeats), String(finalSeats), `${additionalLatency}ms`, '0001-01-01T00:00:00Z'],
        ]
        return isDetailed ? [...row, ...detailsOf(one.subject as Request)] : row
      }),
    ),
  )
  return [[...head, ...work, ...(isDetailed ? details : [])], ...rows]
}

function detailsOf({ user, info }: Request): string[] {
  return [user.name, info.verb, info.path, info.namespace, info.name, info.version, info.resource, info.subresource]
}
