/** What is written on pods that come from files of the node (upstream `kubelet/types/pod_update.go`). */
export const staticAnnotations = {
  source: 'kubernetes.io/config.source',
  hash: 'kubernetes.io/config.hash',
  seen: 'kubernetes.io/config.seen',
  mirror: 'kubernetes.io/config.mirror',
} as const
