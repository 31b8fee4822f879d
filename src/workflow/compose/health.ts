/** Health checks, and who waits for whom. */
import { WorkflowError } from '../workflow-error.ts'
import type { ServicePlace } from './read-stack.ts'
import { milliseconds } from './units.ts'

/** Times in milliseconds. */
export interface Check {
  readonly command: readonly string[]
  readonly interval: number
  readonly timeout: number
  readonly retries: number
  readonly startPeriod: number
  readonly startInterval: number
}

export type Condition = 'service_started' | 'service_healthy' | 'service_completed_successfully'

export interface Dependency {
  readonly service: string
  readonly condition: Condition
  /** Made anew when the other one is. */
  readonly isRestarted: boolean
  readonly isRequired: boolean
}

/** Defaults are Docker's. */
export function checkOf(raw: any, place: ServicePlace): Check | undefined {
  if (!raw || raw.disable || raw.test === undefined) return undefined
  const [kind = '', ...rest] = [raw.test].flat().map(String)
  if (kind === 'NONE') return undefined
  const isList = Array.isArray(raw.test)
  if (isList && kind !== 'CMD' && kind !== 'CMD-SHELL') {
    throw new WorkflowError(place.at(['healthcheck', 'test'], 'healthcheck.test begins with CMD, CMD-SHELL or NONE'))
  }
  const command = isList && kind === 'CMD' ? rest : ['/bin/sh', '-c', isList ? rest.join(' ') : kind]
  const time = (value: unknown, fallback: number) => (value === undefined ? fallback : milliseconds(value as string))
  return {
    command,
    interval: time(raw.interval, 30_000),
    timeout: time(raw.timeout, 30_000),
    retries: raw.retries ?? 3,
    startPeriod: time(raw.start_period, 0),
    startInterval: time(raw.start_interval, 5_000),
  }
}

export function dependenciesOf(raw: Readonly<Record<string, any>>, place: ServicePlace): Dependency[] {
  const listed: Record<string, any> = Array.isArray(raw.depends_on)
    ? Object.fromEntries(raw.depends_on.map((name: string) => [name, {}]))
    : (raw.depends_on ?? {})
  const links = (raw.links ?? []).map((link: string) => link.split(':')[0] ?? '')
  const all = { ...Object.fromEntries(links.map((name: string) => [name, {}])), ...listed }
  return Object.entries(all).map(([service, one]) => {
    const condition = one?.condition ?? 'service_started'
    if (!/^service_(started|healthy|completed_successfully)$/.test(condition)) {
      throw new WorkflowError(place.at(['depends_on', service], `${JSON.stringify(condition)} is no condition of depends_on`))
    }
    return { service, condition, isRestarted: one?.restart ?? false, isRequired: one?.required ?? true }
  })
}

/** Readiness by the check; while the start period lasts, failures count for nothing, so that it only delays. */
export function probeOf({ command, interval, timeout, retries }: Check): object {
  const seconds = (value: number) => Math.max(1, Math.round(value / 1000))
  return {
    exec: { command },
    periodSeconds: seconds(interval),
    timeoutSeconds: seconds(timeout),
    failureThreshold: Math.max(1, retries),
  }
}
