/** What the pod worker asks of the image manager (`kubelet/images/`). */
import type { Pod } from '#api/core/v1/pod.ts'
import type { SandboxConfig } from '../cri/runtime.ts'
import type { ObjectData } from '../volumes/object-source.ts'

export interface ImageRequest {
  readonly pod: Pod
  /** As the pod's author wrote it. */
  readonly image: string
  readonly policy: 'Always' | 'IfNotPresent' | 'Never'
  readonly sandbox: SandboxConfig
  /** Content of the pod's pull secrets, in order; those that are missing are left out. */
  readonly pullSecrets: readonly ObjectData[]
  /** Records an event about the container that needs the image. */
  readonly record: (event: { type: 'Normal' | 'Warning'; reason: string; message: string }) => void
  readonly signal: AbortSignal
}

export interface PresentImage {
  /** `sha256:...`, to create containers from. */
  readonly id: string
  readonly uid?: number | undefined
  readonly username?: string | undefined
}

/** Rejects with ImageSourceError. */
export interface ImageSource {
  ensure(request: ImageRequest): Promise<PresentImage>
}

/** Why a container waits for its image: the reason and message of its waiting state. */
export class ImageSourceError extends Error {
  /** `ErrImagePull`, `ImagePullBackOff`, `InvalidImageName`, `ErrImageNeverPull`, `ImageInspectError`, `RegistryUnavailable`. */
  readonly reason: string

  constructor(reason: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ImageSourceError'
    this.reason = reason
  }
}
