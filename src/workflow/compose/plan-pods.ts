/**
 * A service of a Compose file as objects of a cluster. Pure. Its containers are pods by themselves: they exit, stay exited and are scaled
 * as Compose's do, which no Deployment would allow; others reach them by a headless Service, on every port.
 */
import { createHash } from 'node:crypto'
import type { Pod } from '#api/core/v1/pod.ts'
import type { Service as KubeService } from '#api/core/v1/service.ts'
import type { Draft } from '#schema/words.ts'
import { cleanName } from '../project/clean-name.ts'
import { probeOf } from './health.ts'
import type { Mount } from './mounts.ts'
import type { Stack } from './read-stack.ts'
import type { Service } from './service.ts'

export interface PlanOptions {
  readonly stack: Pick<Stack, 'volumes'>
  readonly project: string
  readonly namespace: string
  readonly image: { readonly reference: string; readonly isLocal: boolean }
  /** Published ports are those of the node that the pod runs on. */
  readonly publishes: boolean
}

export const labelOf = { project: 'nami.dev/project', service: 'nami.dev/service', kind: 'nami.dev/kind' } as const
export const hashAnnotation = 'nami.dev/config-hash'

/** Of the service's copies, the `number`th, counted from 1. */
export function planPod(service: Service, number: number, options: PlanOptions): Draft<Pod> {
  const spec = podSpec(service, options)
  const hash = createHash('sha256').update(JSON.stringify(spec)).digest('hex').slice(0, 16)
  return {
    metadata: {
      name: `${cleanName(service.name)}-${number}`,
      namespace: options.namespace,
      labels: labelsOf(service, options.project),
      annotations: { ...annotationsOf(service.labels), [hashAnnotation]: hash },
    },
    spec,
  } as Draft<Pod>
}

export function labelsOf({ name }: Pick<Service, 'name'>, project: string): Record<string, string> {
  return { [labelOf.project]: project, [labelOf.service]: cleanName(name), [labelOf.kind]: 'stack' }
}

/** Keys of labels may be anything in Compose; those that cannot be annotations are left out. */
function annotationsOf(labels: Readonly<Record<string, string>>): Record<string, string> {
  const valid = /^(?:[a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/
  return Object.fromEntries(Object.entries(labels).filter(([key]) => valid.test(key)))
}

function podSpec(service: Service, options: PlanOptions): object {
  const { image, publishes } = options
  const mounts = service.mounts.map((mount, index) => ({ mount, name: `v${index}` }))
  const ports = service.ports.filter(({ published }) => publishes && published !== undefined)
  const env = Object.entries(service.environment).map(([name, value]) => ({ name, value: escaped(value) }))
  const fills = mounts.filter(({ mount }) => isFilled(mount, service))
  const volumes = mounts.map(({ mount, name }) => ({ name, ...volumeOf(mount, options) }))
  const pull = image.isLocal ? { imagePullPolicy: 'IfNotPresent' } : {}
  const { securityContext, ...pod } = service.pod as { securityContext?: object }
  const container = {
    name: cleanName(service.name),
    image: image.reference,
    ...(service.entrypoint && { command: service.entrypoint.map(escaped) }),
    ...(service.command && { args: service.command.map(escaped) }),
    ...(env.length > 0 && { env }),
    ...(ports.length > 0 && {
      ports: ports.map(({ published, target, protocol, address }) => ({
        ...{ containerPort: target, hostPort: published, protocol },
        ...(address && address !== '0.0.0.0' && { hostIP: address }),
      })),
    }),
    ...(mounts.length > 0 && { volumeMounts: mounts.map(({ mount, name }) => ({ name, ...placeOf(mount) })) }),
    ...(Object.keys({ ...service.resources.limits, ...service.resources.requests }).length > 0 && {
      resources: service.resources,
    }),
    ...(service.check && { readinessProbe: probeOf(service.check) }),
    ...(service.check && service.check.startPeriod > 0 && { startupProbe: startupOf(service.check) }),
    ...service.container,
    ...pull,
  }
  return {
    ...pod,
    ...((securityContext || service.build) && {
      securityContext: { ...(service.build && { fsGroup: 1000 }), ...securityContext },
    }),
    restartPolicy: service.restart,
    enableServiceLinks: false,
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: Math.ceil((service.stopGrace ?? 10_000) / 1000),
    ...(fills.length > 0 && { initContainers: fills.map(({ mount, name }) => fillOf(mount, { name, service, options })) }),
    containers: [container],
    ...(volumes.length > 0 && { volumes }),
  }
}

/** `$(NAME)` is Kubernetes' and not Compose's. */
function escaped(text: string): string {
  return text.replaceAll('$(', () => '$$(')
}

/** The container may take as long as the start period without being given up; it is ready at the first success. */
function startupOf(check: NonNullable<Service['check']>): object {
  const every = Math.max(1, Math.round(Math.min(check.startInterval, check.interval) / 1000))
  const times = Math.ceil(check.startPeriod / 1000 / every) + Math.max(1, check.retries)
  return { ...probeOf(check), periodSeconds: every, failureThreshold: Math.max(times, 60) }
}

function volumeOf(mount: Mount, { stack }: PlanOptions): object {
  switch (mount.kind) {
    case 'folder':
      return { hostPath: { path: mount.source } }
    case 'volume':
      return { persistentVolumeClaim: { claimName: claimName(mount.source, stack) } }
    case 'memory':
      return { emptyDir: { medium: 'Memory', ...(mount.size && { sizeLimit: mount.size }) } }
    case 'scratch':
      return { emptyDir: {} }
    case 'config':
      return { configMap: { name: `config-${cleanName(mount.source)}`, ...modeOf(mount.mode) } }
    case 'secret':
      return { secret: { secretName: `secret-${cleanName(mount.source)}`, ...modeOf(mount.mode) } }
  }
}

function modeOf(mode: number | undefined): object {
  return mode === undefined ? {} : { defaultMode: mode }
}

export function claimName(volume: string, { volumes }: Pick<Stack, 'volumes'>): string {
  const { external, name } = volumes[volume] ?? {}
  return external ? (name ?? volume) : cleanName(volume)
}

function placeOf(mount: Mount): object {
  const { target } = mount
  if (mount.kind === 'config' || mount.kind === 'secret') return { mountPath: target, subPath: 'content', readOnly: true }
  if (mount.kind !== 'folder' && mount.kind !== 'volume') return { mountPath: target }
  return {
    mountPath: target,
    ...(mount.isReadOnly && { readOnly: true }),
    ...(mount.kind === 'volume' && mount.subPath && { subPath: mount.subPath }),
  }
}

/** Engines fill an empty volume with what the image has there; of images that we build we know that they have a shell for it. */
function isFilled(mount: Mount, service: Service): boolean {
  return service.build !== undefined && (mount.kind === 'scratch' || (mount.kind === 'volume' && !mount.isReadOnly))
}

function fillOf({ target }: Mount, { name, service, options }: { name: string; service: Service; options: PlanOptions }): object {
  const script = `[ -d "$1" ] && [ -z "$(ls -A /fill 2>/dev/null)" ] && cp -a "$1/." /fill/; true`
  return {
    name: `fill-${name}`,
    image: options.image.reference,
    command: ['/bin/sh', '-c', script, 'fill', target],
    volumeMounts: [{ name, mountPath: '/fill' }],
    ...(options.image.isLocal && { imagePullPolicy: 'IfNotPresent' }),
    ...(service.container.securityContext ? { securityContext: service.container.securityContext } : {}),
  }
}

/** Names in the stack's namespace: the service's own and its aliases. Also what is not ready has an address, as with Compose. */
export function planNames(
  service: Service,
  { project, namespace }: Pick<PlanOptions, 'project' | 'namespace'>,
): Draft<KubeService>[] {
  const labels = labelsOf(service, project)
  const listed = [
    ...service.ports.map(({ target, protocol }) => ({ port: target, protocol })),
    ...service.exposed.map((port) => ({ port, protocol: 'TCP' })),
  ]
  const ports = [...new Map(listed.map((one) => [`${one.protocol}${one.port}`, one])).values()]
  return [...new Set([service.name, ...service.aliases].map(cleanName))].map(
    (name) =>
      ({
        metadata: { name, namespace, labels },
        spec: {
          clusterIP: 'None',
          publishNotReadyAddresses: true,
          selector: labels,
          ...(ports.length > 0 && { ports: ports.map((one) => ({ ...one, name: `${one.protocol.toLowerCase()}-${one.port}` })) }),
        },
      }) as Draft<KubeService>,
  )
}
