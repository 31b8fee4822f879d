/** One environment of a project: the cluster and namespace that it lives in, and the images that it is made of. */
import type { Client } from '#client/client.ts'
import type { ImageStore } from '../images/image-store.ts'
import type { Project } from '../project/project.ts'
import type { SecretSource } from '../secrets/source.ts'
import type { Surroundings } from '../surroundings.ts'

export interface Target {
  readonly project: Project
  /** `staging`, `production`, or the name of a review app: also the tag that names what runs there. */
  readonly environment: string
  readonly isReview: boolean
  readonly namespace: string
  readonly client: Client
  readonly images: ImageStore
  readonly pods: PodStreams
  readonly around: Surroundings
  /** Where secrets come from, beside those that were set by hand. */
  readonly secrets?: SecretSource | undefined
}

export interface LogOptions {
  readonly container?: string
  readonly isFollowed?: boolean
  readonly tail?: number | undefined
  readonly hasTimestamps?: boolean | undefined
  readonly isPrevious?: boolean | undefined
}

/** What flows out of pods; the client of objects does not carry it. */
export interface PodStreams {
  logs(pod: { readonly name: string; readonly namespace: string }, options: LogOptions): AsyncIterable<Uint8Array>
  /** The terminal becomes that of the pod's first container, until it ends. */
  attach(pod: { readonly name: string; readonly namespace: string }): Promise<void>
}

/** `nami staging`, `nami review_app NAME`: how commands about it begin. */
export function commandOf({ environment, isReview }: Target, verb: string): string {
  return isReview ? `nami review_app ${verb} ${environment}` : `nami ${environment} ${verb}`
}

/** Labels by which all commands find what is theirs. */
export function selectorOf(project: { readonly name: string }): string {
  return `app=${project.name},layer=application`
}
