/** Rules for probes, hooks and what they run (upstream `validateProbe`, `validateLifecycle`, `validateHandler`). */
import type { HTTPGetAction, Lifecycle, LifecycleHandler, Probe, ProbeHandler } from '#api/core/v1/probe.ts'
import { stopSignals } from '#api/core/v1/stop-signal.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isHTTPHeaderName, isValidPortName, isValidPortNum } from '#schema/formats.ts'
import { among, nonNegative, required } from './checks.ts'
import type { PodContext } from './pod-context.ts'

interface Probes {
  livenessProbe?: Probe | undefined
  readinessProbe?: Probe | undefined
  startupProbe?: Probe | undefined
}

export function validateProbes(
  { livenessProbe, readinessProbe, startupProbe }: Probes,
  at: Path,
  context: PodContext,
): FieldError[] {
  return [
    ...(livenessProbe ? validateOnceProbe(livenessProbe, at.child('livenessProbe'), context) : []),
    ...(readinessProbe ? validateReadinessProbe(readinessProbe, at.child('readinessProbe'), context) : []),
    ...(startupProbe ? validateOnceProbe(startupProbe, at.child('startupProbe'), context) : []),
  ]
}

/** Liveness and startup: one success is success. */
function validateOnceProbe(probe: Probe, at: Path, context: PodContext): FieldError[] {
  const errors = probeErrors(probe, at, context)
  if (probe.successThreshold !== 1) errors.push(at.child('successThreshold').invalid(probe.successThreshold, 'must be 1'))
  return errors
}

function validateReadinessProbe(probe: Probe, at: Path, context: PodContext): FieldError[] {
  const errors = probeErrors(probe, at, context)
  const { terminationGracePeriodSeconds: seconds } = probe
  if (seconds !== undefined) {
    errors.push(at.child('terminationGracePeriodSeconds').invalid(seconds, 'must not be set for readinessProbes'))
  }
  return errors
}

function probeErrors(probe: Probe, at: Path, context: PodContext): FieldError[] {
  const seconds = probe.terminationGracePeriodSeconds
  const errors = [
    ...handlerErrors(probe, at, context),
    ...nonNegative(probe.initialDelaySeconds, at.child('initialDelaySeconds')),
    ...nonNegative(probe.timeoutSeconds, at.child('timeoutSeconds')),
    ...nonNegative(probe.periodSeconds, at.child('periodSeconds')),
    ...nonNegative(probe.successThreshold, at.child('successThreshold')),
    ...nonNegative(probe.failureThreshold, at.child('failureThreshold')),
  ]
  if (seconds !== undefined && seconds <= 0) {
    errors.push(at.child('terminationGracePeriodSeconds').invalid(seconds, 'must be greater than 0'))
  }
  return errors
}

export function validateLifecycle({ postStart, preStop, stopSignal }: Lifecycle, at: Path, context: PodContext): FieldError[] {
  return [
    ...(postStart ? handlerErrors(postStart, at.child('postStart'), context) : []),
    ...(preStop ? handlerErrors(preStop, at.child('preStop'), context) : []),
    ...(stopSignal === undefined ? [] : signalErrors(stopSignal, at.child('stopSignal'), context)),
  ]
}

function signalErrors(signal: string, at: Path, { spec: { os } }: PodContext): FieldError[] {
  if (!os) return [at.forbidden('may not be set for containers with empty `spec.os.name`')]
  if (os.name === 'windows') return among(signal, ['SIGKILL', 'SIGTERM'], at)
  return os.name === 'linux' ? among(signal, stopSignals, at) : []
}

type Handler = ProbeHandler & LifecycleHandler

function handlerErrors({ exec, httpGet, tcpSocket, grpc, sleep }: Handler, at: Path, context: PodContext): FieldError[] {
  const period = context.spec.terminationGracePeriodSeconds
  const found: [string, FieldError[]][] = []
  if (exec) found.push(['exec', exec.command?.length ? [] : [at.child('exec', 'command').required()]])
  if (httpGet) found.push(['httpGet', httpGetErrors(httpGet, at.child('httpGet'))])
  if (tcpSocket) found.push(['tcpSocket', portErrors(tcpSocket.port, at.child('tcpSocket', 'port'))])
  if (grpc) found.push(['grpc', portErrors(grpc.port, at.child('grpc', 'port'))])
  if (sleep) {
    const isBad = sleep.seconds < 0 || sleep.seconds > period
    const message = `must be non-negative and less than terminationGracePeriodSeconds (${period})`
    found.push(['sleep', isBad ? [at.child('sleep').invalid(sleep.seconds, message)] : []])
  }
  if (found.length === 0) return [at.required('must specify a handler type')]
  return found.flatMap(([name, errors], index) =>
    index === 0 ? errors : [at.child(name).forbidden('may not specify more than 1 handler type')],
  )
}

function httpGetErrors({ path, port, scheme, httpHeaders = [] }: HTTPGetAction, at: Path): FieldError[] {
  const headers = at.child('httpHeaders')
  return [
    ...required(path, at.child('path')),
    ...portErrors(port, at.child('port')),
    ...among(scheme, ['HTTP', 'HTTPS'], at.child('scheme')),
    ...httpHeaders.flatMap(({ name }) => isHTTPHeaderName(name).map((message) => headers.invalid(name, message))),
  ]
}

export function portErrors(port: number | string, at: Path): FieldError[] {
  const messages = typeof port === 'number' ? isValidPortNum(port) : isValidPortName(port)
  return messages.map((message) => at.invalid(port, message))
}
