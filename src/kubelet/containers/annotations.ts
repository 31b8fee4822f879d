/** What is written on sandboxes and containers, so that the agent finds everything again after its own restart. */
import type { Container } from '#api/core/v1/container.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { type Labels, labels } from '../cri/runtime.ts'
import { containerHash } from './container-hash.ts'

/** Upstream's names (`pkg/kubelet/kuberuntime/labels.go`). */
export const annotationNames = {
  hash: 'io.kubernetes.container.hash',
  restartCount: 'io.kubernetes.container.restartCount',
  terminationMessagePath: 'io.kubernetes.container.terminationMessagePath',
  terminationMessagePolicy: 'io.kubernetes.container.terminationMessagePolicy',
  preStopHandler: 'io.kubernetes.container.preStopHandler',
  ports: 'io.kubernetes.container.ports',
  deletionGracePeriod: 'io.kubernetes.pod.deletionGracePeriod',
  terminationGracePeriod: 'io.kubernetes.pod.terminationGracePeriod',
} as const

export function sandboxLabels(pod: Pod): Labels {
  const { name, namespace = '', uid } = pod.metadata
  return { ...pod.metadata.labels, [labels.podName]: name, [labels.podNamespace]: namespace, [labels.podUid]: uid }
}

export function sandboxAnnotations(pod: Pod): Labels {
  return { 'kubernetes.io/config.source': 'api', ...pod.metadata.annotations }
}

export function containerLabels(pod: Pod, container: Container): Labels {
  const { name, namespace = '', uid } = pod.metadata
  return {
    [labels.containerName]: container.name,
    [labels.podName]: name,
    [labels.podNamespace]: namespace,
    [labels.podUid]: uid,
  }
}

export function containerAnnotations(pod: Pod, container: Container, restartCount: number): Labels {
  const { deletionGracePeriodSeconds } = pod.metadata
  const { terminationGracePeriodSeconds } = pod.spec
  const preStop = container.lifecycle?.preStop
  return {
    [annotationNames.hash]: containerHash(container),
    [annotationNames.restartCount]: String(restartCount),
    [annotationNames.terminationMessagePath]: container.terminationMessagePath ?? '',
    [annotationNames.terminationMessagePolicy]: container.terminationMessagePolicy ?? '',
    ...(deletionGracePeriodSeconds !== undefined && {
      [annotationNames.deletionGracePeriod]: String(deletionGracePeriodSeconds),
    }),
    ...(terminationGracePeriodSeconds !== undefined && {
      [annotationNames.terminationGracePeriod]: String(terminationGracePeriodSeconds),
    }),
    ...(preStop && { [annotationNames.preStopHandler]: JSON.stringify({ preStop }) }),
    ...(container.ports?.length && { [annotationNames.ports]: JSON.stringify(container.ports) }),
  }
}
