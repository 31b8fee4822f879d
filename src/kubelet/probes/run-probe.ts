/** One attempt of a probe: exec, httpGet, tcpSocket or grpc (upstream: `pkg/kubelet/prober`, `pkg/probe`). */
import type { Pod } from '#api/core/v1/pod.ts'
import type { HTTPGetAction, Probe } from '#api/core/v1/probe.ts'
import type { Clock } from '#lib/clock.ts'
import type { Container } from '../containers/pod-names.ts'
import { type Runtime, RuntimeError } from '../cri/runtime.ts'
import { expand } from '../env/expand.ts'
import { address, type HttpAnswer, type ProbeDialer } from './dialer.ts'

export interface ProbeTarget {
  readonly pod: Pod
  readonly container: Container
  readonly containerId: string
  readonly podIp: string
}

export interface ProbeMeans {
  readonly runtime: Runtime
  readonly dialer: ProbeDialer
  readonly clock: Clock
}

/** `error`: it could not be found out; the last result then stands. */
export interface Attempt {
  readonly result: 'success' | 'failure' | 'warning' | 'error'
  readonly output: string
  /** Nobody listened: the container's program has not seen anything of the attempt. */
  readonly isRefused?: boolean
}

export async function runProbe(probe: Probe, target: ProbeTarget, means: ProbeMeans): Promise<Attempt> {
  const timeout = (probe.timeoutSeconds ?? 1) * 1000
  if (probe.exec) return await execProbe(probe.exec.command ?? [], target, { ...means, timeout })
  if (probe.httpGet) return await httpProbe(probe.httpGet, target, { ...means, timeout })
  if (probe.tcpSocket) {
    const host = probe.tcpSocket.host || target.podIp
    return await tcpProbe(host, portOf(probe.tcpSocket.port, target.container), { ...means, timeout })
  }
  if (probe.grpc) return await grpcProbe(target.podIp, probe.grpc, { ...means, timeout })
  return { result: 'error', output: 'missing probe handler' }
}

type Means = ProbeMeans & { readonly timeout: number }

const longestOutput = 10 * 1024

/** Of the environment only what the container's author wrote out is known here, as upstream. */
async function execProbe(command: readonly string[], target: ProbeTarget, { runtime, timeout }: Means): Promise<Attempt> {
  const env = new Map((target.container.env ?? []).map(({ name, value = '' }) => [name, value]))
  const words = command.map((word) => expand(word, env))
  try {
    const { stdout, stderr, exitCode } = await runtime.execSync(target.containerId, words, timeout / 1000)
    const output = Buffer.concat([stdout, stderr]).subarray(0, longestOutput).toString('utf8')
    return { result: exitCode === 0 ? 'success' : 'failure', output }
  } catch (error) {
    if (error instanceof RuntimeError && error.code === 'DeadlineExceeded') {
      return { result: 'failure', output: `command ${JSON.stringify(words.join(' '))} timed out` }
    }
    return { result: 'error', output: textOf(error) }
  }
}

async function httpProbe(action: HTTPGetAction, target: ProbeTarget, means: Means): Promise<Attempt> {
  const url = httpUrl(action, target.container, target.podIp)
  const deadline = deadlineOf(means)
  try {
    const answer = await followRedirects(url, probeHeaders(action), { dialer: means.dialer, signal: deadline.signal })
    if (answer.status >= 200 && answer.status < 300) return { result: 'success', output: answer.body }
    if (answer.status < 400) {
      return { result: 'warning', output: `Probe terminated redirects, Response body: ${answer.body}` }
    }
    return { result: 'failure', output: `HTTP probe failed with statuscode: ${answer.status}` }
  } catch (error) {
    const text = deadline.signal.aborted
      ? 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
      : textOf(error)
    return { result: 'failure', output: `Get "${goUrl(url)}": ${text}`, ...refusal(error) }
  } finally {
    deadline.cancel()
  }
}

/** Within the same host up to ten redirections are followed; one to another host ends the probe with a warning. */
async function followRedirects(
  url: URL,
  headers: readonly (readonly [string, string])[],
  { dialer, signal }: { dialer: ProbeDialer; signal: AbortSignal },
): Promise<HttpAnswer> {
  let at = url
  for (let hops = 0; ; hops++) {
    const answer = await dialer.http({ url: at, headers, signal })
    if (answer.status < 300 || answer.status >= 400 || !answer.location) return answer
    const next = new URL(answer.location, at)
    if (next.hostname !== url.hostname) return answer
    if (hops === 10) throw new Error('stopped after 10 redirects')
    at = next
  }
}

/** Shared with lifecycle hooks. */
export function httpUrl(action: HTTPGetAction, container: Container, podIp: string): URL {
  const scheme = (action.scheme || 'HTTP').toLowerCase()
  const path = action.path?.startsWith('/') ? action.path : `/${action.path ?? ''}`
  return new URL(`${scheme}://${address(action.host || podIp, portOf(action.port, container))}${path}`)
}

export function httpHeaders(action: HTTPGetAction): (readonly [string, string])[] {
  return (action.httpHeaders ?? []).map(({ name, value }) => [name, value] as const)
}

const defaults = [
  ['User-Agent', 'kube-probe/1.36'],
  ['Accept', '*/*'],
  ['Connection', 'close'],
] as const

/** A header that the probe sets to '' is not sent. */
function probeHeaders(action: HTTPGetAction): (readonly [string, string])[] {
  const own = httpHeaders(action)
  const named = new Set(own.map(([name]) => name.toLowerCase()))
  return [...defaults.filter(([name]) => !named.has(name.toLowerCase())), ...own.filter(([, value]) => value !== '')]
}

/** Go prints the default path and always the port. */
function goUrl(url: URL): string {
  const port = url.port || (url.protocol === 'https:' ? '443' : '80')
  return `${url.protocol}//${url.hostname}:${port}${url.pathname}${url.search}`
}

async function tcpProbe(host: string, port: number, means: Means): Promise<Attempt> {
  const deadline = deadlineOf(means)
  try {
    await means.dialer.tcp({ host, port, signal: deadline.signal })
    return { result: 'success', output: '' }
  } catch (error) {
    return { result: 'failure', output: textOf(error), ...refusal(error) }
  } finally {
    deadline.cancel()
  }
}

async function grpcProbe(host: string, { port, service = '' }: NonNullable<Probe['grpc']>, means: Means): Promise<Attempt> {
  const deadline = deadlineOf(means)
  const health = await means.dialer.grpc({ host, port, service, signal: deadline.signal }).finally(() => deadline.cancel())
  if ('status' in health) {
    if (health.status === 'SERVING') return { result: 'success', output: 'service healthy' }
    return { result: 'failure', output: `service unhealthy (responded with "${health.status}")` }
  }
  if (health.error === 'unimplemented') {
    const output = `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${health.message}`
    return { result: 'failure', output }
  }
  if (health.error === 'timeout') {
    const within = `${means.timeout / 1000}s`
    return {
      result: 'failure',
      output: `timeout: failed to connect service "${address(host, port)}" within ${within}: context deadline exceeded`,
    }
  }
  return { result: 'failure', output: `error: health rpc probe failed: ${health.message}` }
}

/** A number, or the name of one of the container's ports. */
export function portOf(port: number | string, container: Container): number {
  if (typeof port === 'number') return port
  const named = container.ports?.find(({ name }) => name === port)?.containerPort
  const number = named ?? Number(port)
  if (Number.isInteger(number) && number > 0 && number < 65536) return number
  throw new Error(`couldn't find port: ${port} in container ${container.name}`)
}

function deadlineOf({ clock, timeout }: Means): { signal: AbortSignal; cancel(): void } {
  const controller = new AbortController()
  const timer = clock.after(timeout, () => controller.abort())
  return { signal: controller.signal, cancel: () => timer.cancel() }
}

function refusal(error: unknown): { isRefused: true } | undefined {
  return ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code === 'ECONNREFUSED' ? { isRefused: true } : undefined
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
