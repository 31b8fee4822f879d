/** The ports of the node that a pod asks for. */
import type { Pod } from '#api/core/v1/pod.ts'

/** `0.0.0.0/TCP/8080` for each host port that the pod asks for. */
export function hostPorts({ spec }: Pod): readonly string[] {
  if (!spec.containers.some(({ ports }) => ports) && !spec.initContainers?.length) return none
  const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always')
  return [...spec.containers, ...sidecars].flatMap(({ ports = [] }) =>
    ports
      .filter(({ hostPort }) => hostPort)
      .map(({ hostIP, protocol, hostPort }) => `${hostIP || '0.0.0.0'}/${protocol ?? 'TCP'}/${hostPort}`),
  )
}

const none: readonly string[] = []
