/** What happened to objects, line by line, for golden transcripts of a controller's behaviour. */
import { Event } from '#api/core/v1/event.ts'
import type { TestCluster } from './cluster.ts'

/** Events about an object, oldest first, as `Reason: message` with a count where there were several. */
export async function eventsOf(cluster: TestCluster, name: string, kind?: string): Promise<readonly string[]> {
  await cluster.settle()
  const events = await cluster.list(Event)
  return events
    .filter(({ involvedObject }) => involvedObject.name === name && (kind === undefined || involvedObject.kind === kind))
    .toSorted((a, b) => order(a) - order(b))
    .map(({ reason, message, count = 1 }) => `${reason}: ${message}${count > 1 ? ` (x${count})` : ''}`)
}

/** The name ends in the instant in nanoseconds, which says more than the timestamps. */
function order({ metadata }: Event): number {
  return Number(`0x${metadata.name.split('.').at(-1)}`)
}
