/**
 * Brings a new release onto the cluster: writes it down, changes every Deployment, waits, and takes all of it back when one fails.
 *
 * Guarantees
 * - After a failure every Deployment has the pod template it had before, whatever the others did; the release stands as failed.
 * - After Ctrl-C the release stands as interrupted. Deployments may be of either release; the next deploy or rollback puts all of them right.
 * - Nothing is changed before the release is written.
 * - Whoever is overtaken by another rollout of the same environment neither undoes it nor claims it.
 */
import { Deployment } from '#api/apps/v1/deployment.ts'
import { applyObject } from '#client/apply.ts'
import { hasReason } from '#schema/status-error.ts'
import { deploymentsOf, type Manifest } from '../project/manifests.ts'
import { WorkflowError } from '../workflow-error.ts'
import { type Pin, pinPodSpec } from './pin.ts'
import { listReleases, markRunning, type NewRelease, nextNumber, type Release, setState, writeRelease } from './releases.ts'
import { commandOf, type Target } from './target.ts'
import { tryOut } from './try-out.ts'
import { changeDeployment, type Failure, type PodTemplate, projectDeployments, waitForRollouts } from './workloads.ts'

export interface RollOutOptions extends NewRelease {
  /** The image to tie Deployments to, `repo@sha256:..`; left out, each keeps its own. */
  readonly pinned?: string | undefined
  /** What the environment's file says, to be applied; left out, the Deployments that are there are changed. */
  readonly manifests?: readonly Manifest[] | undefined
  /** Names of the Deployments to change; left out, all of the project. */
  readonly only?: readonly string[] | undefined
  /** Whole templates to go back to, by Deployment; left out, those that are there are tied to the new release. */
  readonly templates?: Readonly<Record<string, PodTemplate>>
  readonly timeoutSeconds: number
}

export const defaultTimeout = 600
const versionLabel = 'app.kubernetes.io/version'

export async function rollOut(target: Target, options: RollOutOptions): Promise<Release> {
  const { around } = target
  await settleInterrupted(target)
  const existing = await projectDeployments(target)
  const declared = options.manifests ? deploymentsOf(options.manifests) : await chosen(target, existing, options.only)
  const before = await asTheyAre(target, existing, declared)
  // The server reads all of the file before anything is changed.
  for (const manifest of options.manifests ?? []) await tryOut(target.client, manifest)
  const number = await nextNumber(target)
  const pin = pinOf(target, options, number)
  const changed = Object.fromEntries(
    declared.map(({ metadata, spec }) => {
      const template = options.templates?.[metadata.name] ?? spec.template
      return [metadata.name, pinTemplate(template, pin)]
    }),
  )
  const others = Object.fromEntries(existing.map(({ metadata, spec }) => [metadata.name, spec.template]))
  const { description, image, tag, values, sourced } = options
  const record = { description, image, tag, values, sourced, templates: { ...others, ...changed }, state: 'pending' } as const
  const release = await writeRelease(target, number, record)
  try {
    await change(target, options, changed)
    const failures = await waitForRollouts(target, Object.keys(changed), options.timeoutSeconds)
    if (failures.length > 0) throw new RolloutFailure(failures)
    await mustBePending(target, number)
    await markRunning(target, release)
    return { ...release, state: 'running' }
  } catch (error) {
    await mustBePending(target, number, error)
    if (!around.signal.aborted)
      throw await undo(target, { number, before, error: error as Error, isWhole: options.manifests !== undefined })
    await setState(target, number, 'interrupted')
    around.note(`Release v${number} is interrupted; some pods may be of it already.`)
    around.note(`  ${commandOf(target, 'rollback')}   brings back the release before`)
    throw error
  }
}

class RolloutFailure extends Error {
  readonly failures: readonly Failure[]

  constructor(failures: readonly Failure[]) {
    super(`${failures.map(({ name }) => name).join(', ')} did not come up.`)
    this.failures = failures
  }
}

/** `error` is what happened before; a release that runs already is not undone for it. */
async function mustBePending(target: Target, number: number, error?: unknown): Promise<void> {
  const found = (await listReleases(target)).find((release) => release.number === number)
  if (found?.state === 'pending') return
  if (found?.state === 'running' && error) throw error
  throw new WorkflowError(`Release v${number} was overtaken by another.`, { next: [commandOf(target, 'releases')] })
}

/** There is something that a release could change. */
export function mustBeThere(target: Target, existing: readonly Deployment[]): void {
  if (existing.length > 0) return
  throw new WorkflowError(
    `There is no Deployment with the labels app=${target.project.name},layer=application in ${target.namespace}.`,
    { next: [commandOf(target, 'create')] },
  )
}

async function chosen(
  target: Target,
  existing: readonly Deployment[],
  only: readonly string[] | undefined,
): Promise<readonly Deployment[]> {
  const { client, namespace } = target
  if (!only) {
    mustBeThere(target, existing)
    return existing
  }
  return Promise.all(
    only.map(async (name) => {
      const found = existing.find(({ metadata }) => metadata.name === name)
      if (found) return found
      return client.get(Deployment, { name, namespace }).catch((error) => {
        if (!hasReason(error, 'NotFound')) throw error
        throw new WorkflowError(`There is no Deployment ${name} in ${namespace}.`, {
          next: [`${commandOf(target, 'create')} -f FILE`, 'Or apply the file with the deploy: --update-config'],
        })
      })
    }),
  )
}

type Before = ReadonlyMap<string, Deployment | undefined>

/** Those that are to be changed, as they are now; undefined for those that are to be made. */
async function asTheyAre(
  { client, namespace }: Target,
  existing: readonly Deployment[],
  declared: readonly Deployment[],
): Promise<Before> {
  const found = await Promise.all(
    declared.map(async ({ metadata: { name } }) => {
      const known = existing.find(({ metadata }) => metadata.name === name)
      const current = known ?? (await client.get(Deployment, { name, namespace }).catch(absent))
      return [name, current] as const
    }),
  )
  return new Map(found)
}

function absent(error: unknown): undefined {
  if (hasReason(error, 'NotFound')) return undefined
  throw error
}

/** A process that died left its release pending: from now on it is known as interrupted. */
async function settleInterrupted(target: Target): Promise<void> {
  const { around } = target
  for (const { number, state, at, by } of await listReleases(target)) {
    if (state !== 'pending') continue
    const age = around.clock.now() - Date.parse(at)
    if (age < defaultTimeout * 1000 && by !== around.user) {
      throw new WorkflowError(`${by} is rolling out v${number} since ${at}.`, {
        next: [commandOf(target, 'releases'), 'and wait for its end'],
      })
    }
    around.note(`v${number} by ${by} was never finished; it counts as interrupted.`)
    await setState(target, number, 'interrupted')
  }
}

function pinOf({ project, images }: Target, { pinned, values }: RollOutOptions, release: number): Pin {
  const hasSecrets = Object.keys(values.secret).length > 0
  return { project: project.name, repository: images.repository, image: pinned, release, hasSecrets, isLocal: images.isLocal }
}

export function pinTemplate(template: PodTemplate, pin: Pin): PodTemplate {
  const { metadata } = template
  const version = pin.image && versionOf(pin.image)
  return {
    ...template,
    metadata: { ...metadata, ...(version && { labels: { ...metadata?.labels, [versionLabel]: version } }) } as typeof metadata,
    spec: pinPodSpec(template.spec, pin),
  }
}

/** The second half of the digest: a label's value holds 63 characters, a digest has 64. */
export function versionOf(image: string): string {
  return image.slice(image.indexOf('sha256:') + 'sha256:'.length).slice(32)
}

async function change(
  { client, namespace, around }: Target,
  { manifests, timeoutSeconds }: RollOutOptions,
  templates: Readonly<Record<string, PodTemplate>>,
): Promise<void> {
  for (const { kind, object } of manifests ?? []) {
    around.signal.throwIfAborted()
    const { name } = object.metadata
    const isDeployment = kind.kind === 'Deployment'
    const wanted = isDeployment ? withTemplate(object as Deployment, templates[name] as PodTemplate, timeoutSeconds) : object
    const { result } = await applyObject(client, kind, wanted, { fieldManager: 'nami', fieldValidation: 'Strict' })
    around.note(`  ${kind.def.singular ?? kind.kind.toLowerCase()}/${name} ${result}`)
  }
  if (manifests) return
  for (const [name, template] of Object.entries(templates)) {
    around.signal.throwIfAborted()
    await changeDeployment(client, { name, namespace }, (deployment) => {
      deployment.metadata.labels = withVersion(deployment.metadata.labels, template) as typeof deployment.metadata.labels
      deployment.spec.template = template
      deployment.spec.progressDeadlineSeconds = deadlineOf(deployment, timeoutSeconds)
    })
  }
}

/** A Deployment carries the version of its pods. */
function withVersion(labels: Labels, { metadata }: PodTemplate): Labels {
  const version = metadata?.labels?.[versionLabel]
  return version === undefined ? labels : { ...labels, [versionLabel]: version }
}
type Labels = Readonly<Record<string, string>> | undefined

export function withTemplate(deployment: Deployment, template: PodTemplate, timeoutSeconds: number): Deployment {
  const { metadata, spec } = deployment
  const labels = withVersion(metadata.labels, template)
  const progressDeadlineSeconds = spec.progressDeadlineSeconds ?? deadlineOf(deployment, timeoutSeconds)
  return {
    ...deployment,
    metadata: { ...metadata, ...(labels && { labels }) },
    spec: { ...spec, template, progressDeadlineSeconds },
  }
}

function deadlineOf({ spec }: Deployment, timeoutSeconds: number): number {
  return Math.max(timeoutSeconds, (spec.minReadySeconds ?? 0) + 1)
}

interface Undoing {
  readonly number: number
  readonly before: Before
  readonly error: Error
  /** More than templates may have changed. */
  readonly isWhole: boolean
}

const settleSeconds = 60

/** Puts all Deployments back, also those that came up, and takes away those that the release made. Answers what to throw. */
async function undo(target: Target, { number, before, error, isWhole }: Undoing): Promise<WorkflowError> {
  const { client, namespace, around } = target
  const failures = error instanceof RolloutFailure ? error.failures : []
  for (const { name, reason } of failures) around.note(`  ${name} ${reason}`)
  const isFirst = [...before.values()].every((deployment) => deployment === undefined)
  const restored: string[] = []
  for (const [name, deployment] of before) {
    if (!deployment) {
      if (!isFirst) await client.delete(Deployment, { name, namespace }, { propagationPolicy: 'Background' }).catch(absent)
      continue
    }
    restored.push(name)
    await changeDeployment(client, { name, namespace }, (current) => {
      const { template } = deployment.spec
      current.spec = (isWhole ? deployment.spec : { ...current.spec, template }) as typeof current.spec
      current.metadata.labels = deployment.metadata.labels as typeof current.metadata.labels
    })
  }
  await setState(target, number, 'failed')
  await waitForRollouts(target, restored, settleSeconds)
  const outcome = isFirst ? 'There is nothing to go back to.' : 'All Deployments are as they were before.'
  return new WorkflowError(`Release v${number} failed: ${error.message} ${outcome}`, {
    next: [commandOf(target, 'logs'), commandOf(target, 'status')],
    cause: error,
  })
}
