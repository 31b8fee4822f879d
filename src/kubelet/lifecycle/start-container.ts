/** Starts one container: image, configuration, create, start, postStart hook (upstream: `startContainer`). */
import type { Pod } from '#api/core/v1/pod.ts'
import { containerConfig } from '../containers/container-config.ts'
import { hostsFile } from '../containers/hosts-file.ts'
import { ImageSourceError, type PresentImage } from '../containers/image-source.ts'
import { type Container, findContainer } from '../containers/pod-names.ts'
import { latest, type RuntimePod } from '../containers/runtime-pod.ts'
import { verifyNonRoot } from '../containers/security.ts'
import type { ContainerConfig, Mount, SandboxConfig } from '../cri/runtime.ts'
import { resolveEnv } from '../env/resolve-env.ts'
import { serviceEnv } from '../env/service-env.ts'
import type { StartFailure } from '../status/container-statuses.ts'
import { killContainer } from './kill-pod.ts'
import type { PodMeans } from './pod-means.ts'
import { runHook } from './run-hook.ts'

export interface StartTarget {
  readonly pod: Pod
  readonly container: Container
  readonly status: RuntimePod
  readonly sandboxId: string
  readonly sandbox: SandboxConfig
  readonly podIps: readonly string[]
  /** Told of the container before it starts. */
  readonly created: (id: string) => void
  /** Aborted when the pod is to end: nothing further is begun. */
  readonly signal: AbortSignal
}

/** Answers why it could not be started; undefined when it runs. */
export async function startContainer(means: PodMeans, target: StartTarget): Promise<StartFailure | undefined> {
  const { pod, container, signal } = target
  const warn = (reason: string, message: string) =>
    means.record(pod, { type: 'Warning', reason, message, container: container.name })
  let image: PresentImage
  try {
    image = await ensureImage(means, target, container)
    await mountImages(means, target)
  } catch (error) {
    signal.throwIfAborted()
    const reason = error instanceof ImageSourceError ? error.reason : 'ErrImagePull'
    warn('Failed', `Error: ${reason}`)
    return { reason, message: textOf(error) }
  }
  signal.throwIfAborted()
  let config: ContainerConfig
  try {
    config = await configure(means, target, image)
  } catch (error) {
    warn('Failed', `Error: ${textOf(error)}`)
    return { reason: 'CreateContainerConfigError', message: textOf(error) }
  }
  signal.throwIfAborted()
  let id: string
  try {
    id = await means.runtime.createContainer(target.sandboxId, config, target.sandbox)
    target.created(id)
  } catch (error) {
    warn('Failed', `Error: ${textOf(error)}`)
    return { reason: 'CreateContainerError', message: textOf(error) }
  }
  means.record(pod, { type: 'Normal', reason: 'Created', message: 'Container created', container: container.name })
  try {
    await means.runtime.startContainer(id)
  } catch (error) {
    warn('Failed', `Error: ${textOf(error)}`)
    return { reason: 'RunContainerError', message: textOf(error) }
  }
  means.record(pod, { type: 'Normal', reason: 'Started', message: 'Container started', container: container.name })
  return await postStart(means, target, id)
}

/** Those of the volumes that the container mounts; as upstream, a volume whose image fails holds up this container alone. */
async function mountImages(means: PodMeans, target: StartTarget): Promise<void> {
  const { pod, container } = target
  for (const { name, image } of pod.spec.volumes ?? []) {
    if (!image?.reference || !container.volumeMounts?.some((mount) => mount.name === name)) continue
    const wanted = { image: image.reference, imagePullPolicy: image.pullPolicy }
    const { id } = await ensureImage(means, target, wanted)
    await means.volumes.mountImage(pod, name, id)
  }
}

async function ensureImage(
  means: PodMeans,
  { pod, container, sandbox, signal }: StartTarget,
  wanted: Pick<Container, 'image' | 'imagePullPolicy'>,
): Promise<PresentImage> {
  const namespace = pod.metadata.namespace ?? ''
  const secrets = await Promise.all(
    (pod.spec.imagePullSecrets ?? []).map(({ name }) =>
      name ? means.objects.secret(namespace, name).catch(() => undefined) : undefined,
    ),
  )
  const missing = (pod.spec.imagePullSecrets ?? []).filter((_, index) => !secrets[index]).map(({ name }) => name)
  if (missing.length > 0) {
    const message = `Unable to retrieve some image pull secrets (${missing.join(', ')}); attempting to pull the image may not succeed.`
    means.record(pod, { type: 'Warning', reason: 'FailedToRetrieveImagePullSecret', message })
  }
  return await means.images.ensure({
    pod,
    image: wanted.image ?? '',
    policy: wanted.imagePullPolicy ?? 'IfNotPresent',
    sandbox,
    pullSecrets: secrets.filter((secret) => secret !== undefined),
    record: (event) => means.record(pod, { ...event, container: container.name }),
    signal,
  })
}

async function configure(means: PodMeans, target: StartTarget, image: PresentImage): Promise<ContainerConfig> {
  const { pod, container, status, podIps } = target
  const { facts } = means
  const refused = verifyNonRoot(pod, container, image)
  if (refused) throw new Error(refused)
  const addresses = { podIps: pod.spec.hostNetwork ? facts.hostIps : podIps, hostIps: facts.hostIps }
  const services = serviceEnv(pod, means.services())
  const { env, warnings } = await resolveEnv(pod, container, {
    objects: means.objects,
    addresses,
    services,
    allocatable: facts.allocatable,
    readFile: (volume, path) => means.volumes.readFile(pod, volume, path),
  })
  for (const message of warnings) means.record(pod, { type: 'Warning', reason: 'InvalidEnvironmentVariableNames', message })
  const last = latest(status, container.name)
  const restartCount = last ? last.restartCount + 1 : 0
  const mounts = [
    ...(await means.volumes.mountsOf(pod, container, env)),
    ...(await ownMounts(means, target, { restartCount, podIps: addresses.podIps })),
  ]
  return containerConfig(pod, container, {
    facts,
    restartCount,
    imageRef: image.id,
    imageUser: image,
    env,
    mounts,
    devices: means.volumes.devicesOf(pod, container),
    cdiDevices: await means.claims?.devicesOf(pod, container),
    targetId: targetOf(pod, container, status),
    users: target.sandbox.namespaces.users,
  })
}

/** /etc/hosts, unless the pod mounts its own, and the file for the container's last words. */
async function ownMounts(
  means: PodMeans,
  { pod, container }: StartTarget,
  { restartCount, podIps }: { restartCount: number; podIps: readonly string[] },
): Promise<Mount[]> {
  const { files, facts } = means
  const mounts: Mount[] = []
  const plain = { readonly: false, propagation: 'private' } as const
  if (podIps.length > 0 && !container.volumeMounts?.some(({ mountPath }) => mountPath === '/etc/hosts')) {
    const content = hostsFile(pod, { ips: podIps, nodeHosts: facts.hostsFile, clusterDomain: facts.clusterDomain })
    mounts.push({ ...plain, containerPath: '/etc/hosts', hostPath: await files.writeHosts(pod, content) })
  }
  const { terminationMessagePath } = container
  if (terminationMessagePath) {
    const hostPath = await files.makeTerminationLog(pod.metadata.uid, container.name, restartCount)
    mounts.push({ ...plain, containerPath: terminationMessagePath, hostPath })
  }
  return mounts
}

function targetOf(pod: Pod, { name }: Container, status: RuntimePod): string | undefined {
  const target = pod.spec.ephemeralContainers?.find((container) => container.name === name)?.targetContainerName
  if (!target) return undefined
  const run = latest(status, target)
  if (run?.state !== 'running') throw new Error(`unable to find target container ${target}`)
  return run.id
}

/** A container whose hook fails is killed and counts as failed. */
async function postStart(means: PodMeans, target: StartTarget, id: string): Promise<StartFailure | undefined> {
  const { pod, container, podIps, signal } = target
  const handler = container.lifecycle?.postStart
  if (!handler) return undefined
  const podIp = podIps[0] ?? ''
  try {
    await untilAborted(runHook(handler, { pod, container, containerId: id, podIp, signal }, means), signal)
    return undefined
  } catch (error) {
    signal.throwIfAborted()
    const event = { type: 'Warning', reason: 'FailedPostStartHook', message: 'PostStartHook failed' } as const
    means.record(pod, { ...event, container: container.name })
    const found = await means.runtime.containerStatus(id)
    if (found && findContainer(pod, container.name)) {
      const run = { ...found, name: container.name, hash: '', restartCount: found.metadata.attempt }
      await killContainer(means, { pod, run, podIp }, { message: 'FailedPostStartHook', reason: 'postStart' })
    }
    return { reason: 'PostStartHookError', message: textOf(error) }
  }
}

/** A hook's command cannot be called back; the worker goes on without waiting for it. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
