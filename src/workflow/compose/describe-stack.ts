/** A stack in words: its table, its addresses. */
import type { Pod } from '#api/core/v1/pod.ts'
import { labelOf } from './plan-pods.ts'
import { stateOf } from './pod-state.ts'
import type { Stack } from './read-stack.ts'

export function stackTable(pods: readonly Pod[]): string[] {
  const rows = pods.map((pod) => {
    const { image = '', ports = [] } = pod.spec.containers[0] ?? {}
    const published = ports.map(
      ({ hostPort, containerPort, protocol }) => `${hostPort}->${containerPort}/${(protocol ?? 'TCP').toLowerCase()}`,
    )
    const name = pod.metadata.name
    return [
      name,
      pod.metadata.labels?.[labelOf.service] ?? '',
      stateOf(pod).text,
      published.join(', '),
      image.replace(/@sha256:(.{10}).*/, '@$1'),
    ]
  })
  const all = [['NAME', 'SERVICE', 'STATUS', 'PORTS', 'IMAGE'], ...rows]
  const widths = [0, 1, 2, 3].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  return all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

/** Where published ports are reached. */
export function portLines({ services }: Stack): string[] {
  return Object.values(services).flatMap(({ name, ports }) =>
    ports.flatMap(({ published, protocol }) =>
      published === undefined ? [] : [`${name}: ${protocol === 'TCP' ? 'http' : 'udp'}://localhost:${published}`],
    ),
  )
}
