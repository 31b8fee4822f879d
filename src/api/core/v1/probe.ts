/** Probe, Lifecycle: how the node asks a container for its health, and what it runs at start and end. */
import { StopSignal } from '#api/core/v1/stop-signal.ts'
import {
  always,
  embedded,
  int32,
  int64,
  intOrString,
  known,
  list,
  object,
  optional,
  pointer,
  type Schema,
  string,
  type TypeOf,
} from '#schema/words.ts'

const hTTPHeader = object('io.k8s.api.core.v1.HTTPHeader', {
  name: always(1, string(), { doc: 'Name of the header.' }),
  value: always(2, string(), { doc: 'Its value.' }),
})
export interface HTTPHeader extends TypeOf<typeof hTTPHeader> {}
export const HTTPHeader: Schema<HTTPHeader> = hTTPHeader

const hTTPGetAction = object('io.k8s.api.core.v1.HTTPGetAction', {
  path: optional(1, string(), { default: '/', doc: 'Path of the request.' }),
  port: always(2, intOrString(), { isRequired: true, doc: 'Number or name of the port.' }),
  host: optional(3, string(), { doc: 'Host to ask; default the address of the pod.' }),
  scheme: optional(4, known('HTTP', 'HTTPS'), { default: 'HTTP', doc: 'HTTP or HTTPS.' }),
  httpHeaders: optional(5, list(HTTPHeader, { listType: 'atomic' }), { doc: 'Headers to send.' }),
})
export interface HTTPGetAction extends TypeOf<typeof hTTPGetAction> {}
export const HTTPGetAction: Schema<HTTPGetAction> = hTTPGetAction

const tCPSocketAction = object('io.k8s.api.core.v1.TCPSocketAction', {
  port: always(1, intOrString(), { isRequired: true, doc: 'Number or name of the port.' }),
  host: optional(2, string(), { doc: 'Host to connect to; default the address of the pod.' }),
})
export interface TCPSocketAction extends TypeOf<typeof tCPSocketAction> {}
export const TCPSocketAction: Schema<TCPSocketAction> = tCPSocketAction

const execAction = object('io.k8s.api.core.v1.ExecAction', {
  command: optional(1, list(string(), { listType: 'atomic' }), { doc: 'Program and arguments; no shell is involved.' }),
})
export interface ExecAction extends TypeOf<typeof execAction> {}
export const ExecAction: Schema<ExecAction> = execAction

const gRPCAction = object('io.k8s.api.core.v1.GRPCAction', {
  port: always(1, int32(), { doc: 'Number of the port.' }),
  service: pointer(2, string(), { default: '', publishedDefault: '', doc: 'Service to ask for.' }),
})
export interface GRPCAction extends TypeOf<typeof gRPCAction> {}
export const GRPCAction: Schema<GRPCAction> = gRPCAction

const probeHandler = object('io.k8s.api.core.v1.ProbeHandler', {
  exec: pointer(1, ExecAction, { doc: 'Runs a command; exit code 0 is success.' }),
  httpGet: pointer(2, HTTPGetAction, { doc: 'Asks over HTTP; 200 to 399 is success.' }),
  tcpSocket: pointer(3, TCPSocketAction, { doc: 'Opens a connection.' }),
  grpc: pointer(4, GRPCAction, { doc: 'Calls the gRPC health service.' }),
})
export interface ProbeHandler extends TypeOf<typeof probeHandler> {}
export const ProbeHandler: Schema<ProbeHandler> = probeHandler

const probe = object('io.k8s.api.core.v1.Probe', {
  ...embedded(1, ProbeHandler),
  initialDelaySeconds: optional(2, int32(), { doc: 'Seconds after the start until the first attempt.' }),
  timeoutSeconds: optional(3, int32(), { default: 1, doc: 'Seconds until one attempt counts as failed.' }),
  periodSeconds: optional(4, int32(), { default: 10, doc: 'Seconds from one attempt to the next.' }),
  successThreshold: optional(5, int32(), { default: 1, doc: 'Successes in a row after which a failing probe passes.' }),
  failureThreshold: optional(6, int32(), { default: 3, doc: 'Failures in a row after which it fails.' }),
  terminationGracePeriodSeconds: pointer(7, int64(), { doc: 'Grace for the container when this probe ends it.' }),
})
export interface Probe extends TypeOf<typeof probe> {}
export const Probe: Schema<Probe> = probe

const sleepAction = object('io.k8s.api.core.v1.SleepAction', {
  seconds: always(1, int64(), { doc: 'How long.' }),
})
export interface SleepAction extends TypeOf<typeof sleepAction> {}
export const SleepAction: Schema<SleepAction> = sleepAction

const lifecycleHandler = object('io.k8s.api.core.v1.LifecycleHandler', {
  exec: pointer(1, ExecAction, { doc: 'Runs a command.' }),
  httpGet: pointer(2, HTTPGetAction, { doc: 'Sends an HTTP request.' }),
  tcpSocket: pointer(3, TCPSocketAction, { doc: 'Not supported; kept for compatibility.' }),
  sleep: pointer(4, SleepAction, { doc: 'Waits.' }),
})
export interface LifecycleHandler extends TypeOf<typeof lifecycleHandler> {}
export const LifecycleHandler: Schema<LifecycleHandler> = lifecycleHandler

const lifecycle = object('io.k8s.api.core.v1.Lifecycle', {
  postStart: pointer(1, LifecycleHandler, { doc: 'Runs right after the container has started.' }),
  preStop: pointer(2, LifecycleHandler, { doc: 'Runs before the container is told to end.' }),
  stopSignal: pointer(3, StopSignal, { doc: 'Signal that tells it to end.' }),
})
export interface Lifecycle extends TypeOf<typeof lifecycle> {}
export const Lifecycle: Schema<Lifecycle> = lifecycle
