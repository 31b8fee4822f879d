/** Containers in a description: image, ports, state, resources, probes, environment, mounts. */
import { goQuote, goValue } from '../output/go-value.ts'
import type { Json } from '../session.ts'
import { containerResource, fieldOf } from './field-values.ts'
import { type Report, timeText, titleBool } from './report.ts'

export interface ContainerOptions {
  readonly label: string
  readonly containers: readonly Json[]
  readonly statuses?: readonly Json[] | undefined
  /** Resolves the fields that variables refer to. */
  readonly pod?: Json
  /** Put before each title; two spaces in a pod template. */
  readonly space: string
}

export function describeContainers(w: Report, { label, containers, statuses = [], pod, space }: ContainerOptions): void {
  w.line(0, `${space}${label}:${containers.length === 0 ? ' <none>' : ''}`)
  for (const container of containers) {
    const status = statuses.find(({ name }) => name === container.name)
    describeBasics(w, container, { status, space })
    describeLines(w, 'Command', container.command)
    describeLines(w, 'Args', container.args)
    if (status) describeStatus(w, status)
    describeResources(w, container.resources, 2)
    for (const [title, probe] of [
      ['Liveness', container.livenessProbe],
      ['Readiness', container.readinessProbe],
      ['Startup', container.startupProbe],
    ] as const) {
      if (probe) w.field(2, title, probeText(probe))
    }
    if (container.envFrom?.length) describeEnvFrom(w, container.envFrom)
    describeEnv(w, container, pod)
    describeMounts(w, container)
  }
}

function describeBasics(w: Report, container: Json, { status, space }: { status: Json | undefined; space: string }): void {
  const { name, image, ports = [], securityContext } = container
  w.line(1, `${space ? ' ' : ''}${name}:`)
  if (status) w.field(2, 'Container ID', status.containerID)
  w.field(2, 'Image', image)
  if (status) w.field(2, 'Image ID', status.imageID)
  describePorts(w, 'Port', portsText(ports, 'containerPort'))
  describePorts(w, 'Host Port', portsText(ports, 'hostPort'))
  const profile = securityContext?.seccompProfile
  if (profile) w.field(2, 'SeccompProfile', profile.type)
  if (profile?.type === 'Localhost') w.field(3, 'LocalhostProfile', profile.localhostProfile)
}

function portsText(ports: readonly Json[], field: 'containerPort' | 'hostPort'): string {
  return ports.map((port) => `${port[field] ?? 0}/${port.protocol ?? ''}${port.name ? ` (${port.name})` : ''}`).join(', ')
}

function describePorts(w: Report, title: string, text: string): void {
  if (text.includes(',')) w.field(2, `${title}s`, text)
  else w.field(2, title, text || '<none>')
}

function describeLines(w: Report, title: string, words: readonly string[] = []): void {
  if (words.length === 0) return
  w.line(2, `${title}:`)
  for (const line of words.flatMap((word) => word.split('\n'))) w.line(3, line)
}

function describeStatus(w: Report, status: Json): void {
  describeState(w, 'State', status.state ?? {})
  if (status.lastState?.terminated) describeState(w, 'Last State', status.lastState)
  w.field(2, 'Ready', titleBool(status.ready))
  w.field(2, 'Restart Count', status.restartCount ?? 0)
}

function describeState(w: Report, title: string, { running, waiting, terminated }: Json): void {
  if (running) {
    w.field(2, title, 'Running')
    w.field(3, 'Started', timeText(running.startedAt))
  } else if (terminated) {
    w.field(2, title, 'Terminated')
    if (terminated.reason) w.field(3, 'Reason', terminated.reason)
    if (terminated.message) w.field(3, 'Message', terminated.message)
    w.field(3, 'Exit Code', terminated.exitCode ?? 0)
    if (terminated.signal > 0) w.field(3, 'Signal', terminated.signal)
    w.field(3, 'Started', timeText(terminated.startedAt))
    w.field(3, 'Finished', timeText(terminated.finishedAt))
  } else {
    w.field(2, title, 'Waiting')
    if (waiting?.reason) w.field(3, 'Reason', waiting.reason)
  }
}

export function describeResources(w: Report, resources: Json | undefined, level: number): void {
  for (const [title, list] of [
    ['Limits', resources?.limits],
    ['Requests', resources?.requests],
  ] as const) {
    const names = Object.keys(list ?? {}).sort()
    if (names.length > 0) w.line(level, `${title}:`)
    for (const name of names) w.field(level + 1, name, list[name])
  }
}

export function probeText(probe: Json): string {
  const { initialDelaySeconds = 0, timeoutSeconds = 0, periodSeconds = 0, successThreshold = 0, failureThreshold = 0 } = probe
  const attributes = `delay=${initialDelaySeconds}s timeout=${timeoutSeconds}s period=${periodSeconds}s #success=${successThreshold} #failure=${failureThreshold}`
  const { exec, httpGet, tcpSocket, grpc } = probe
  if (exec) return `exec ${goValue(exec.command ?? [])} ${attributes}`
  if (httpGet) {
    const { host = '', port, path = '', scheme = '' } = httpGet
    const slash = path && !path.startsWith('/') ? '/' : ''
    const name = host.includes(':') ? `[${host}]` : host
    return `http-get ${scheme.toLowerCase()}://${name}:${port}${slash}${encodeURI(path).replaceAll('?', '%3F')} ${attributes}`
  }
  if (tcpSocket) return `tcp-socket ${tcpSocket.host ?? ''}:${tcpSocket.port} ${attributes}`
  if (grpc) return `grpc <pod>:${grpc.port} ${grpc.service ?? ''} ${attributes}`
  return `unknown ${attributes}`
}

function describeEnvFrom(w: Report, sources: readonly Json[]): void {
  w.line(2, 'Environment Variables from:')
  for (const { configMapRef, secretRef, prefix } of sources) {
    const source = configMapRef ?? secretRef ?? {}
    const kind = configMapRef ? 'ConfigMap' : secretRef ? 'Secret' : ''
    const from = prefix ? `${kind} with prefix '${prefix}'` : kind
    w.line(3, `${source.name ?? ''}\t${from}\tOptional: ${Boolean(source.optional)}`)
  }
}

function describeEnv(w: Report, container: Json, pod: Json | undefined): void {
  const variables: readonly Json[] = container.env ?? []
  w.line(2, `Environment:${variables.length === 0 ? '\t<none>' : ''}`)
  for (const { name, value = '', valueFrom } of variables) {
    if (!valueFrom) {
      for (const [at, line] of value.split('\n').entries()) w.line(3, at === 0 ? `${name}:\t${line}` : `\t${line}`)
      continue
    }
    const { fieldRef, resourceFieldRef, secretKeyRef, configMapKeyRef } = valueFrom
    if (fieldRef) {
      w.line(3, `${name}:\t${pod ? fieldOf(pod, fieldRef.fieldPath) : ''} (${fieldRef.apiVersion ?? 'v1'}:${fieldRef.fieldPath})`)
    } else if (resourceFieldRef) {
      const { resource } = resourceFieldRef
      const amount = containerResource(resourceFieldRef, container)
      const isWhole = amount === '0' && (resource === 'limits.cpu' || resource === 'limits.memory')
      w.line(3, `${name}:\t${isWhole ? 'node allocatable' : amount} (${resource})`)
    } else if (secretKeyRef) {
      w.line(
        3,
        `${name}:\t<set to the key '${secretKeyRef.key}' in secret '${secretKeyRef.name}'>\tOptional: ${Boolean(secretKeyRef.optional)}`,
      )
    } else if (configMapKeyRef) {
      w.line(
        3,
        `${name}:\t<set to the key '${configMapKeyRef.key}' of config map '${configMapKeyRef.name}'>\tOptional: ${Boolean(configMapKeyRef.optional)}`,
      )
    }
  }
}

function describeMounts(w: Report, { volumeMounts = [], volumeDevices = [] }: Json): void {
  const none = volumeMounts.length === 0 ? '\t<none>' : ''
  const by = (field: string) => (a: Json, b: Json) => (a[field] < b[field] ? -1 : a[field] > b[field] ? 1 : 0)
  w.line(2, `Mounts:${none}`)
  for (const { mountPath, name, readOnly, subPath } of volumeMounts.toSorted(by('mountPath'))) {
    const flags = [readOnly ? 'ro' : 'rw', ...(subPath ? [`path=${goQuote(subPath)}`] : [])]
    w.line(3, `${mountPath} from ${name} (${flags.join(',')})`)
  }
  if (volumeDevices.length === 0) return
  w.line(2, `Devices:${none}`)
  for (const { devicePath, name } of volumeDevices.toSorted(by('devicePath'))) w.line(3, `${devicePath} from ${name}`)
}
