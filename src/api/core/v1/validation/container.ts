/** Rules for containers of all three sorts (upstream `validateContainers`, `...InitContainers`, `...EphemeralContainers`). */
import type { Container, ContainerPort, EphemeralContainer } from '#api/core/v1/container.ts'
import { isSidecar } from '#api/core/v1/pod-resources.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isValidPortName, isValidPortNum } from '#schema/formats.ts'
import { dnsLabel, required, requiredAmong } from './checks.ts'
import { validateEnv, validateEnvFrom } from './env.ts'
import { pullPolicyErrors } from './image.ts'
import { validateVolumeDevices, validateVolumeMounts } from './mounts.ts'
import type { PodContext } from './pod-context.ts'
import { validateLifecycle, validateProbes } from './probe.ts'
import { validateResourceRequirements } from './resources.ts'
import { validateInitRestartPolicy, validateResizePolicy, validateRestartPolicy } from './restart-policy.ts'
import { validateSecurityContext } from './security-context.ts'
import type { VolumesByName } from './volume.ts'

export function validateContainers(at: Path, context: PodContext, volumes: VolumesByName): FieldError[] {
  const { containers } = context.spec
  if (containers.length === 0) return [at.required()]
  const names = new Set<string>()
  const errors = containers.flatMap((container, index) => {
    const here = at.index(index)
    const found = commonErrors(container, here, { context, volumes })
    if (names.has(container.name)) found.push(here.child('name').duplicate(container.name))
    names.add(container.name)
    if (container.lifecycle) found.push(...validateLifecycle(container.lifecycle, here.child('lifecycle'), context))
    return [...found, ...validateProbes(container, here, context), ...validateRestartPolicy(container, here)]
  })
  return [...errors, ...hostPortConflicts(containers, at)]
}

export function validateInitContainers(at: Path, context: PodContext, volumes: VolumesByName): FieldError[] {
  const names = new Set(context.spec.containers.map(({ name }) => name))
  return (context.spec.initContainers ?? []).flatMap((container, index) => {
    const here = at.index(index)
    const errors = [...commonErrors(container, here, { context, volumes }), ...validateInitRestartPolicy(container, here)]
    if (names.has(container.name)) errors.push(here.child('name').duplicate(container.name))
    else if (container.name) names.add(container.name)
    errors.push(...hostPortConflicts([container], at))
    return [...errors, ...(isSidecar(container) ? sidecarErrors(container, here, context) : initOnlyErrors(container, here))]
  })
}

function sidecarErrors(container: Container, at: Path, context: PodContext): FieldError[] {
  const { lifecycle } = container
  return [
    ...(lifecycle ? validateLifecycle(lifecycle, at.child('lifecycle'), context) : []),
    ...validateProbes(container, at, context),
  ]
}

function initOnlyErrors(container: Container, at: Path): FieldError[] {
  const forbidden = (['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const)
    .filter((field) => container[field])
    .map((field) => at.child(field).forbidden('may not be set for init containers without restartPolicy=Always'))
  const resizes = (container.resizePolicy ?? []).flatMap(({ restartPolicy }, index) => {
    const message = "must not be set to 'RestartContainer' for non-sidecar initContainers"
    const here = at.child('resizePolicy').index(index).child('restartPolicy')
    return restartPolicy === 'RestartContainer' ? [here.invalid(restartPolicy, message)] : []
  })
  return [...forbidden, ...resizes]
}

/** Fields that a container for debugging has no use for, in the order of upstream's struct. */
const notForEphemeral = [
  'ports',
  'resources',
  'resizePolicy',
  'restartPolicy',
  'restartPolicyRules',
  'livenessProbe',
  'readinessProbe',
  'startupProbe',
  'lifecycle',
] as const

export function validateEphemeralContainers(at: Path, context: PodContext, volumes: VolumesByName): FieldError[] {
  const { containers, initContainers = [], ephemeralContainers = [] } = context.spec
  const others = new Set([...containers, ...initContainers].map(({ name }) => name))
  const names = new Set(others)
  return ephemeralContainers.flatMap((container, index) => {
    const here = at.index(index)
    const { name, targetContainerName } = container
    const errors = [
      ...commonErrors(container as Container, here, { context, volumes }),
      ...imageSpaceErrors(container as Container, here),
    ]
    if (names.has(name)) errors.push(here.child('name').duplicate(name))
    names.add(name)
    if (targetContainerName && !others.has(targetContainerName)) {
      errors.push(here.child('targetContainerName').notFound(targetContainerName))
    }
    return [...errors, ...ephemeralFieldErrors(container, here)]
  })
}

function ephemeralFieldErrors(container: EphemeralContainer, at: Path): FieldError[] {
  const message = 'cannot be set for an Ephemeral Container'
  const isSet = (field: (typeof notForEphemeral)[number]) =>
    field === 'resources' ? Object.keys(container.resources).length > 0 : container[field] !== undefined
  return [
    ...notForEphemeral.filter(isSet).map((field) => at.child(field).forbidden(message)),
    ...(container.volumeMounts ?? []).flatMap((mount, index) =>
      (['subPath', 'subPathExpr'] as const)
        .filter((field) => mount[field])
        .map((field) => at.child('volumeMounts').index(index).child(field).forbidden(message)),
    ),
  ]
}

interface Surroundings {
  context: PodContext
  volumes: VolumesByName
}

function commonErrors(container: Container, at: Path, { context, volumes }: Surroundings): FieldError[] {
  const { name, image, terminationMessagePolicy, resources, securityContext } = container
  return [
    ...(name ? dnsLabel(name, at.child('name')) : [at.child('name').required()]),
    ...required(image, at.child('image')),
    ...requiredAmong(terminationMessagePolicy, ['File', 'FallbackToLogsOnError'], at.child('terminationMessagePolicy')),
    ...portsErrors(container.ports ?? [], at.child('ports')),
    ...validateEnv(container.env ?? [], at.child('env')),
    ...validateEnvFrom(container.envFrom ?? [], at.child('envFrom')),
    ...validateVolumeMounts(container, volumes, at.child('volumeMounts')),
    ...validateVolumeDevices(container, volumes, at.child('volumeDevices')),
    ...pullPolicyErrors(container.imagePullPolicy, at.child('imagePullPolicy')),
    ...validateResourceRequirements(resources, at.child('resources'), { claims: context.claims }),
    ...validateResizePolicy(container, at.child('resizePolicy'), context),
    ...validateSecurityContext(securityContext, at.child('securityContext'), context),
  ]
}

/** Only pods: templates were stored with such images before the rule. */
export function imageSpaceErrors({ image = '' }: Container, at: Path): FieldError[] {
  return image === image.trim() ? [] : [at.child('image').invalid(image, 'must not have leading or trailing whitespace')]
}

function portsErrors(ports: readonly ContainerPort[], at: Path): FieldError[] {
  const names = new Set<string>()
  return ports.flatMap(({ name, containerPort, hostPort, protocol }, index) => {
    const here = at.index(index)
    const errors: FieldError[] = []
    if (name) {
      const messages = isValidPortName(name)
      errors.push(...messages.map((message) => here.child('name').invalid(name, message)))
      if (messages.length === 0 && names.has(name)) errors.push(here.child('name').duplicate(name))
      if (messages.length === 0) names.add(name)
    }
    if (containerPort === 0) errors.push(here.child('containerPort').required())
    else
      errors.push(...isValidPortNum(containerPort).map((message) => here.child('containerPort').invalid(containerPort, message)))
    if (hostPort) errors.push(...isValidPortNum(hostPort).map((message) => here.child('hostPort').invalid(hostPort, message)))
    return [...errors, ...requiredAmong(protocol, ['SCTP', 'TCP', 'UDP'], here.child('protocol'))]
  })
}

function hostPortConflicts(containers: readonly Container[], at: Path): FieldError[] {
  const taken = new Set<string>()
  return containers.flatMap(({ ports = [] }, index) =>
    ports.flatMap(({ hostPort, hostIP = '', protocol }, position) => {
      if (!hostPort) return []
      const key = `${protocol}/${hostIP}/${hostPort}`
      if (taken.has(key)) return [at.index(index).child('ports').index(position).child('hostPort').duplicate(key)]
      taken.add(key)
      return []
    }),
  )
}
