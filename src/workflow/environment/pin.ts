/**
 * Ties pod templates to one release: to an image by its digest, and to that release's own ConfigMap and Secret. So neither a crash nor a
 * scale-up can pick up what was only staged. Pure.
 */
import type { ImageStore } from '../images/image-store.ts'

export interface Pin {
  readonly project: string
  readonly repository: string
  /** `repo@sha256:..`; undefined leaves images as they are. */
  readonly image?: string | undefined
  /** Number of the release whose values are meant. */
  readonly release: number
  readonly hasSecrets: boolean
  /** Images that nobody can pull. */
  readonly isLocal: boolean
}

export const environmentName = (project: string, release?: number) =>
  `${project}-environment${release === undefined ? '' : `-v${release}`}`
export const secretsName = (project: string, release?: number) =>
  `${project}-secrets${release === undefined ? '' : `-v${release}`}`

/** The image that a release is made of: by digest. */
export function imageOf({ repository }: Pick<ImageStore, 'repository'>, digest: string): string {
  return `${repository}@${digest}`
}

/** Whether the image's name is that of the repository, whatever its tag. */
export function isOf(repository: string, image: string | undefined): boolean {
  return image === repository || image?.startsWith(`${repository}:`) === true || image?.startsWith(`${repository}@`) === true
}

interface Source {
  readonly configMapRef?: { readonly name?: string | undefined } | undefined
  readonly secretRef?: { readonly name?: string | undefined } | undefined
}

interface ContainerLike {
  image?: string | undefined
  imagePullPolicy?: string | undefined
  envFrom?: readonly Source[] | undefined
}

interface PodSpecLike {
  containers?: readonly ContainerLike[] | undefined
  initContainers?: readonly ContainerLike[] | undefined
}

/** The pod spec, tied to the release. Whoever reads `PROJECT-environment` gets its secrets beside it. */
export function pinPodSpec<S>(spec: S, pin: Pin): S {
  const named = renamed(spec, pin) as S & PodSpecLike
  const container = (one: ContainerLike) => pinContainer(one, pin)
  return {
    ...named,
    ...(named.containers && { containers: named.containers.map(container) }),
    ...(named.initContainers && { initContainers: named.initContainers.map(container) }),
  }
}

function pinContainer(container: ContainerLike, pin: Pin): ContainerLike {
  const own = isOf(pin.repository, container.image)
  const { envFrom } = container
  return {
    ...container,
    ...(own && pin.image && { image: pin.image }),
    ...(own && pin.isLocal && { imagePullPolicy: 'IfNotPresent' }),
    ...(envFrom && { envFrom: envFrom.flatMap((source) => sourcesOf(source, pin)) }),
  }
}

function sourcesOf(source: Source, { project, release, hasSecrets }: Pin): Source[] {
  if (isNameOf(secretsName(project), source.secretRef?.name)) return []
  if (source.configMapRef?.name !== environmentName(project, release)) return [source]
  return hasSecrets ? [source, { secretRef: { name: secretsName(project, release) } }] : [source]
}

/** Every reference to the environment's objects, wherever it stands: envFrom, valueFrom, volumes. */
function renamed(value: unknown, pin: Pin): unknown {
  if (Array.isArray(value)) return value.map((one) => renamed(one, pin))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      if (/^configMap(Ref|KeyRef)?$/.test(key)) return [key, withName(inner, environmentName(pin.project), pin)]
      if (/^secret(Ref|KeyRef)?$/.test(key)) return [key, withName(inner, secretsName(pin.project), pin)]
      return [key, renamed(inner, pin)]
    }),
  )
}

function withName(reference: any, base: string, { release }: Pin): unknown {
  const field = reference?.secretName === undefined ? 'name' : 'secretName'
  return isNameOf(base, reference?.[field]) ? { ...reference, [field]: `${base}-v${release}` } : reference
}

function isNameOf(base: string, name: string | undefined): boolean {
  return name === base || (name?.startsWith(`${base}-v`) === true && /^\d+$/.test(name.slice(base.length + 2)))
}
