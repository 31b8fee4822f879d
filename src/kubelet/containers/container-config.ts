/** The configuration of one container, from the pod and what was resolved for it beforehand (environment, mounts, image). */
import type { Pod } from '#api/core/v1/pod.ts'
import type { ContainerConfig, IdRange, Mount } from '../cri/runtime.ts'
import { expand } from '../env/expand.ts'
import { containerAnnotations, containerLabels } from './annotations.ts'
import type { NodeFacts } from './node-facts.ts'
import type { Container } from './pod-names.ts'
import { linuxResources } from './resources.ts'
import { containerLogPath } from './sandbox-config.ts'
import { containerSecurity, type ImageUser } from './security.ts'

export interface ResolvedContainer {
  readonly restartCount: number
  /** As pulled. */
  readonly imageRef: string
  readonly imageUser: ImageUser
  readonly env: ReadonlyMap<string, string>
  readonly mounts: readonly Mount[]
  readonly devices?: ContainerConfig['devices']
  readonly cdiDevices?: ContainerConfig['cdiDevices']
  /** Container whose processes an ephemeral container is to see. */
  readonly targetId?: string | undefined
  /** The sandbox's. */
  readonly users?: IdRange | undefined
}

export function containerConfig(
  pod: Pod,
  container: Container,
  { facts, ...resolved }: ResolvedContainer & { facts: Pick<NodeFacts, 'memoryCapacity' | 'cgroupVersion' | 'rootDirectory'> },
): ContainerConfig {
  const { env, restartCount } = resolved
  return {
    metadata: { name: container.name, attempt: restartCount },
    image: resolved.imageRef,
    userSpecifiedImage: container.image ?? '',
    command: (container.command ?? []).map((word) => expand(word, env)),
    args: (container.args ?? []).map((word) => expand(word, env)),
    workingDir: container.workingDir ?? '',
    envs: [...env].map(([key, value]) => ({ key, value })),
    mounts: resolved.mounts,
    devices: resolved.devices ?? [],
    cdiDevices: resolved.cdiDevices,
    labels: containerLabels(pod, container),
    annotations: containerAnnotations(pod, container, restartCount),
    logPath: containerLogPath(container.name, restartCount),
    stdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
    tty: container.tty ?? false,
    resources: linuxResources(pod, container, facts),
    security: containerSecurity(pod, container, {
      image: resolved.imageUser,
      seccompRoot: `${facts.rootDirectory}/seccomp`,
      targetId: resolved.targetId,
      users: resolved.users,
    }),
  }
}
