/**
 * One-off pods: a command beside the application, in its image and with its values, and with the command's own exit code. Migrations and
 * hooks are such pods. The pod is gone afterwards, whatever happened.
 */
import type { Deployment } from '#api/apps/v1/deployment.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { Secret } from '#api/core/v1/secret.ts'
import { suffix } from '#lib/random.ts'
import { hasReason } from '#schema/status-error.ts'
import type { Draft } from '#schema/words.ts'
import { cleanName } from '../project/clean-name.ts'
import { setting } from '../project/config.ts'
import { findFile } from '../project/find-file.ts'
import { deploymentsOf, readManifests } from '../project/manifests.ts'
import { WorkflowError } from '../workflow-error.ts'
import { isOf, pinPodSpec } from './pin.ts'
import { listReleases } from './releases.ts'
import { commandOf, type Target } from './target.ts'
import { complaintsOf, type PodTemplate, projectDeployments } from './workloads.ts'

export interface RunOptions {
  readonly command: readonly string[]
  /** A tag, or a digest (it has a colon). */
  readonly tag: string
  readonly env?: Readonly<Record<string, string>>
  /** `key=value`: labels of nodes. */
  readonly constraints?: readonly string[] | undefined
  readonly hasTty?: boolean
}

/** The command's exit code. */
export async function runPod(target: Target, options: RunOptions): Promise<number> {
  const { client, namespace, around, pods } = target
  const pod = await client.create(Pod, await planned(target, options))
  const at = { name: pod.metadata.name, namespace }
  try {
    if (await started(target, at)) {
      if (options.hasTty) await pods.attach(at)
      else await copyLogs(target, at)
    }
    return await ended(target, at)
  } finally {
    await client.delete(Pod, at, { gracePeriodSeconds: around.signal.aborted ? 0 : 5 }).catch((error) => {
      if (!hasReason(error, 'NotFound')) throw error
    })
  }
}

async function planned(target: Target, options: RunOptions): Promise<Draft<Pod>> {
  const { project, around, images, namespace } = target
  // What lies on the node alone is found by what it is: its tags may have moved since.
  const which = images.isLocal ? await images.digest(options.tag) : options.tag
  if (!which) throw new WorkflowError(`${images.repository} has no tag ${options.tag}.`, { next: ['nami registry images'] })
  const image = `${images.repository}${which.includes(':') ? '@' : ':'}${which}`
  const template = await templateOf(target)
  const latest = (await listReleases(target)).findLast(({ state }) => state === 'running' || state === 'staged')
  const hasSecrets = latest !== undefined && (await hasSecret(target, latest.number))
  const release = latest?.number ?? 0
  const pin = { project: project.name, repository: images.repository, image, release, hasSecrets, isLocal: images.isLocal }
  const spec = latest ? pinPodSpec(template.spec, pin) : template.spec
  const name = `${project.name}-hokusai-run-${cleanName(around.user).slice(0, 20)}-${suffix(around.random)}`
  const labels = { 'nami.dev/kind': 'run', 'nami.dev/project': project.name }
  const constraints =
    options.constraints ?? setting('run-constraints', { option: undefined, config: project.config, env: around.env })
  return {
    metadata: { name, namespace, labels },
    spec: planRunSpec(spec, {
      ...options,
      image,
      isLocal: images.isLocal,
      constraints: constraints ?? [],
      repository: images.repository,
    }),
  } as Draft<Pod>
}

async function hasSecret({ client, namespace, project }: Target, release: number): Promise<boolean> {
  const { items } = await client.list(Secret, { namespace, labelSelector: `app=${project.name},nami.dev/kind=values` })
  return items.some(({ metadata }) => metadata.name.endsWith(`-v${release}`))
}

/** `run-template`, else the first Deployment: as it runs, or before there is any, as the environment's file says it. */
async function templateOf(target: Target): Promise<PodTemplate> {
  const wanted = target.project.config['run-template']
  const find = (all: readonly Deployment[]) => (wanted ? all.find(({ metadata }) => metadata.name === wanted) : all[0])
  const found = find(await projectDeployments(target)) ?? find(declaredIn(target))
  if (found) return found.spec.template
  throw new WorkflowError(
    wanted ? `run-template: there is no Deployment ${wanted}.` : 'The environment has no Deployment to take the spec from.',
    { next: [commandOf(target, 'create'), `It reads hokusai/${target.environment}.yml.`] },
  )
}

function declaredIn({ project, environment, namespace, isReview }: Target): readonly Deployment[] {
  if (!findFile(project.folder, environment)) return []
  const options = { environment, namespace, file: undefined, cwd: project.directory, isPlain: isReview }
  return deploymentsOf(readManifests(project, options))
}

type PodSpec = PodTemplate['spec']

export interface RunSpec {
  readonly command: readonly string[]
  readonly image: string
  readonly repository: string
  readonly isLocal: boolean
  readonly env?: Readonly<Record<string, string>> | undefined
  readonly constraints: readonly string[]
  readonly hasTty?: boolean | undefined
}

/** What of a Deployment's pod a one-off pod keeps (Hokusai's list, and how to pull its image), with the command in it. Sidecars stay away: they would never end. Pure. */
export function planRunSpec(spec: PodSpec, run: RunSpec): Draft<Pod['spec']> {
  const { containers, initContainers, dnsConfig, dnsPolicy, serviceAccountName, volumes, imagePullSecrets } = spec as any
  const main = containers.find((one: { image: string }) => isOf(run.repository, one.image)) ?? containers[0]
  const { envFrom, imagePullPolicy, name, volumeMounts } = main
  const env = Object.entries(run.env ?? {}).map(([key, value]) => ({ name: key, value }))
  const container = {
    ...{ name, image: run.image, args: run.command },
    ...(imagePullPolicy && { imagePullPolicy: run.isLocal ? 'IfNotPresent' : imagePullPolicy }),
    ...(envFrom && { envFrom }),
    ...(volumeMounts && { volumeMounts }),
    ...(env.length > 0 && { env }),
    ...(run.hasTty && { stdin: true, stdinOnce: true, tty: true }),
  }
  const nodeSelector = Object.fromEntries(run.constraints.map(readConstraint))
  const kept = { initContainers, dnsConfig, dnsPolicy, serviceAccountName, volumes, imagePullSecrets }
  const given = Object.entries(kept).filter(([, value]) => value !== undefined)
  return {
    ...Object.fromEntries(given),
    containers: [container],
    restartPolicy: 'Never',
    ...(run.constraints.length > 0 && { nodeSelector }),
  } as Draft<Pod['spec']>
}

function readConstraint(text: string): [string, string] {
  const at = text.indexOf('=')
  if (at < 1) throw new WorkflowError(`${JSON.stringify(text)}: a constraint is key=value, a label of nodes.`, { exitCode: 2 })
  return [text.slice(0, at), text.slice(at + 1)]
}

type At = { readonly name: string; readonly namespace: string }
/** Those never mend by themselves. */
const hopeless = /^(InvalidImageName|ErrImageNeverPull|CreateContainerConfigError|CreateContainerError)$/

/** False when it ended before anybody looked. */
async function started(target: Target, at: At): Promise<boolean> {
  const { client, around } = target
  let said = ''
  for (let tries = 0; ; tries++) {
    around.signal.throwIfAborted()
    const pod = await client.get(Pod, at)
    if (pod.status.phase === 'Running' || pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed') {
      return (pod.status.containerStatuses ?? []).some(({ state }) => state?.running ?? state?.terminated)
    }
    const waiting = pod.status.containerStatuses?.[0]?.state?.waiting
    const why = complaintsOf(pod).join('; ')
    if (hopeless.test(waiting?.reason ?? '') || (/ErrImagePull|ImagePullBackOff/.test(waiting?.reason ?? '') && tries > 40)) {
      throw new WorkflowError(`The pod ${at.name} cannot start: ${why}`)
    }
    if (why && why !== said) around.note(`  ${at.name}: ${why}`)
    said = why
    await around.pause(200)
  }
}

async function copyLogs({ pods, around }: Target, at: At): Promise<void> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of pods.logs(at, { isFollowed: true })) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) around.print(line)
  }
  if (rest) around.print(rest)
}

async function ended({ client, around }: Target, at: At): Promise<number> {
  for (;;) {
    around.signal.throwIfAborted()
    const { status } = await client.get(Pod, at)
    const final = status.containerStatuses?.[0]?.state?.terminated
    if (final && (status.phase === 'Succeeded' || status.phase === 'Failed')) return final.exitCode
    if (status.phase === 'Failed') {
      around.note(`  ${at.name} failed: ${status.reason ?? ''} ${status.message ?? ''}`.trimEnd())
      return 1
    }
    await around.pause(100)
  }
}
