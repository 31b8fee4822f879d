/** `pods/ephemeralcontainers`: adds debugging containers to a pod (KEP-277). */
import { podPart } from './pod-parts.ts'

export const ephemeralContainers = podPart((pod, sent) => {
  if (sent.spec.ephemeralContainers) pod.spec.ephemeralContainers = sent.spec.ephemeralContainers
  else delete pod.spec.ephemeralContainers
})
