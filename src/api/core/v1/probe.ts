/** probe: HTTPHeader, HTTPGetAction, TCPSocketAction. */
import {
  always,
  embedded,
  int32,
  int64,
  intOrString,
  list,
  object,
  oneOf,
  optional,
  pointer,
  type Schema,
  string,
  type TypeOf,
} from '#schema/words.ts'

const hTTPHeader = object('io.k8s.api.core.v1.HTTPHeader', {
  name: always(1, string()),
  value: always(2, string()),
})
export interface HTTPHeader extends TypeOf<typeof hTTPHeader> {}
export const HTTPHeader: Schema<HTTPHeader> = hTTPHeader

const hTTPGetAction = object('io.k8s.api.core.v1.HTTPGetAction', {
  path: optional(1, string()),
  port: always(2, intOrString()),
  host: optional(3, string()),
  scheme: optional(4, oneOf('HTTP', 'HTTPS')),
  httpHeaders: optional(5, list(HTTPHeader, { listType: 'atomic' })),
})
export interface HTTPGetAction extends TypeOf<typeof hTTPGetAction> {}
export const HTTPGetAction: Schema<HTTPGetAction> = hTTPGetAction

const tCPSocketAction = object('io.k8s.api.core.v1.TCPSocketAction', {
  port: always(1, intOrString()),
  host: optional(2, string()),
})
export interface TCPSocketAction extends TypeOf<typeof tCPSocketAction> {}
export const TCPSocketAction: Schema<TCPSocketAction> = tCPSocketAction

const execAction = object('io.k8s.api.core.v1.ExecAction', {
  command: optional(1, list(string(), { listType: 'atomic' })),
})
export interface ExecAction extends TypeOf<typeof execAction> {}
export const ExecAction: Schema<ExecAction> = execAction

const gRPCAction = object('io.k8s.api.core.v1.GRPCAction', {
  port: always(1, int32()),
  service: pointer(2, string(), { default: '' }),
})
export interface GRPCAction extends TypeOf<typeof gRPCAction> {}
export const GRPCAction: Schema<GRPCAction> = gRPCAction

const probeHandler = object('io.k8s.api.core.v1.ProbeHandler', {
  exec: pointer(1, ExecAction),
  httpGet: pointer(2, HTTPGetAction),
  tcpSocket: pointer(3, TCPSocketAction),
  grpc: pointer(4, GRPCAction),
})
export interface ProbeHandler extends TypeOf<typeof probeHandler> {}
export const ProbeHandler: Schema<ProbeHandler> = probeHandler

const probe = object('io.k8s.api.core.v1.Probe', {
  ...embedded(1, ProbeHandler),
  initialDelaySeconds: optional(2, int32()),
  timeoutSeconds: optional(3, int32()),
  periodSeconds: optional(4, int32()),
  successThreshold: optional(5, int32()),
  failureThreshold: optional(6, int32()),
  terminationGracePeriodSeconds: pointer(7, int64()),
})
export interface Probe extends TypeOf<typeof probe> {}
export const Probe: Schema<Probe> = probe

const sleepAction = object('io.k8s.api.core.v1.SleepAction', {
  seconds: always(1, int64()),
})
export interface SleepAction extends TypeOf<typeof sleepAction> {}
export const SleepAction: Schema<SleepAction> = sleepAction

const lifecycleHandler = object('io.k8s.api.core.v1.LifecycleHandler', {
  exec: pointer(1, ExecAction),
  httpGet: pointer(2, HTTPGetAction),
  tcpSocket: pointer(3, TCPSocketAction),
  sleep: pointer(4, SleepAction),
})
export interface LifecycleHandler extends TypeOf<typeof lifecycleHandler> {}
export const LifecycleHandler: Schema<LifecycleHandler> = lifecycleHandler

const lifecycle = object('io.k8s.api.core.v1.Lifecycle', {
  postStart: pointer(1, LifecycleHandler),
  preStop: pointer(2, LifecycleHandler),
  stopSignal: pointer(
    3,
    oneOf(
      'SIGABRT',
      'SIGALRM',
      'SIGBUS',
      'SIGCHLD',
      'SIGCLD',
      'SIGCONT',
      'SIGFPE',
      'SIGHUP',
      'SIGILL',
      'SIGINT',
      'SIGIO',
      'SIGIOT',
      'SIGKILL',
      'SIGPIPE',
      'SIGPOLL',
      'SIGPROF',
      'SIGPWR',
      'SIGQUIT',
      'SIGRTMAX',
      'SIGRTMAX-1',
      'SIGRTMAX-10',
      'SIGRTMAX-11',
      'SIGRTMAX-12',
      'SIGRTMAX-13',
      'SIGRTMAX-14',
      'SIGRTMAX-2',
      'SIGRTMAX-3',
      'SIGRTMAX-4',
      'SIGRTMAX-5',
      'SIGRTMAX-6',
      'SIGRTMAX-7',
      'SIGRTMAX-8',
      'SIGRTMAX-9',
      'SIGRTMIN',
      'SIGRTMIN+1',
      'SIGRTMIN+10',
      'SIGRTMIN+11',
      'SIGRTMIN+12',
      'SIGRTMIN+13',
      'SIGRTMIN+14',
      'SIGRTMIN+15',
      'SIGRTMIN+2',
      'SIGRTMIN+3',
      'SIGRTMIN+4',
      'SIGRTMIN+5',
      'SIGRTMIN+6',
      'SIGRTMIN+7',
      'SIGRTMIN+8',
      'SIGRTMIN+9',
      'SIGSEGV',
      'SIGSTKFLT',
      'SIGSTOP',
      'SIGSYS',
      'SIGTERM',
      'SIGTRAP',
      'SIGTSTP',
      'SIGTTIN',
      'SIGTTOU',
      'SIGURG',
      'SIGUSR1',
      'SIGUSR2',
      'SIGVTALRM',
      'SIGWINCH',
      'SIGXCPU',
      'SIGXFSZ',
    ),
  ),
})
export interface Lifecycle extends TypeOf<typeof lifecycle> {}
export const Lifecycle: Schema<Lifecycle> = lifecycle
