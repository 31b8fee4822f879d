/**
 * Brings a new release onto the cluster: writes it down, changes every Deployment, waits, and takes all of it back when one fails.
 *
 * Guarantees
 * - After a failure every Deployment has the pod template it had before, whatever the others did; the release stands as failed.
 * - After Ctrl-C the release stands as interrupted. Deployments may be of either release; the next deploy or rollback puts all of them right.
 * - Nothing is changed before the release is written.
 */
import type { Deployment } from '#api/apps/v1/deployment.ts'
import { applyObject } from '#client/apply.ts'
import { deploymentsOf, type Manifest } from '../project/manifests.ts'
import { WorkflowError } from '../workflow-error.ts'
import { type Pin, pinPodSpec } from './pin.ts'
import { listReleases, markRunning, type NewRelease, nextNumber, type Release, setState, writeRelease } from './releases.ts'
import { commandOf, type Target } from './target.ts'
import { changeDeployment, type Failure, type PodTemplate, projectDeployments, waitForRollouts } from './workloads.ts'

export interface RollOutOptions extends NewRelease {
  /** What the environment's file says, to be applied; left out, the Deployments that are there are changed. */
  readonly manifests?: readonly Manifest[]
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
  const declared = options.manifests ? deploymentsOf(options.manifests) : existing
  if (declared.length === 0) {
    throw new WorkflowError(
      `There is no Deployment with the labels app=${target.project.name},layer=application in ${target.namespace}.`,
      {
        next: [commandOf(target, 'create')],
      },
    )
  }
  const number = await nextNumber(target)
  const pin = pinOf(target, options, number)
  const templates = Object.fromEntries(
    declared.map(({ metadata, spec }) => [
      metadata.name,
      pinTemplate(options.templates?.[metadata.name] ?? spec.template, pin, options.image),
    ]),
  )
  const { description, image, tag, values } = options
  const release = await writeRelease(target, number, { description, image, tag, values, templates, state: 'pending' })
  try {
    await change(target, options, templates)
    const failures = await waitForRollouts(target, Object.keys(templates), options.timeoutSeconds)
    if (failures.length > 0) throw await undo(target, { number, existing, failures })
    await markRunning(target, release)
    return { ...release, state: 'running' }
  } catch (error) {
    await setState(target, number, around.signal.aborted ? 'interrupted' : 'failed')
    if (around.signal.aborted) {
      around.note(`Release v${number} is interrupted; some pods may be of it already.`)
      around.note(`  ${commandOf(target, 'rollback')}   brings back the release before`)
    }
    throw error
  }
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

function pinOf({ project, images }: Target, { image, values }: RollOutOptions, release: number): Pin {
  const hasSecrets = Object.keys(values.secret).length > 0
  return { project: project.name, repository: images.repository, image, release, hasSecrets, isLocal: images.isLocal }
}

function pinTemplate(template: PodTemplate, pin: Pin, image: string | undefined): PodTemplate {
  const { metadata } = template
  const version = image && versionOf(image)
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
  { manifests, image, timeoutSeconds }: RollOutOptions,
  templates: Readonly<Record<string, PodTemplate>>,
): Promise<void> {
  const version = image && versionOf(image)
  for (const { kind, object } of manifests ?? []) {
    around.signal.throwIfAborted()
    const { name } = object.metadata
    const wanted =
      kind.kind === 'Deployment' ? withTemplate(object as Deployment, templates[name] as PodTemplate, version) : object
    const { result } = await applyObject(client, kind, wanted, { fieldManager: 'nami', fieldValidation: 'Strict' })
    around.note(`  ${kind.def.singular ?? kind.kind.toLowerCase()}/${name} ${result}`)
  }
  if (manifests) return
  for (const [name, template] of Object.entries(templates)) {
    around.signal.throwIfAborted()
    await changeDeployment(client, { name, namespace }, (deployment) => {
      if (version) deployment.metadata.labels = { ...deployment.metadata.labels, [versionLabel]: version }
      deployment.spec.template = template
      deployment.spec.progressDeadlineSeconds = Math.max(timeoutSeconds, (deployment.spec.minReadySeconds ?? 0) + 1)
    })
  }
}

function withTemplate(deployment: Deployment, template: PodTemplate, version: string | undefined): Deployment {
  const { metadata, spec } = deployment
  const labels = version ? { ...metadata.labels, [versionLabel]: version } : metadata.labels
  return { ...deployment, metadata: { ...metadata, ...(labels && { labels }) }, spec: { ...spec, template } }
}

interface Undoing {
  readonly number: number
  readonly existing: readonly Deployment[]
  readonly failures: readonly Failure[]
}

/** Puts all Deployments back, also those that came up. */
async function undo(target: Target, { number, existing, failures }: Undoing): Promise<WorkflowError> {
  const { client, namespace, around } = target
  for (const { name, reason } of failures) around.note(`  ${name} ${reason}`)
  for (const { metadata, spec } of existing) {
    await changeDeployment(client, { name: metadata.name, namespace }, (deployment) => {
      deployment.spec.template = spec.template
      deployment.metadata.labels = metadata.labels as typeof deployment.metadata.labels
    })
  }
  const names = failures.map(({ name }) => name).join(', ')
  const outcome = existing.length > 0 ? 'All Deployments are as they were before.' : 'There is nothing to go back to.'
  return new WorkflowError(`Release v${number} failed: ${names} did not come up. ${outcome}`, {
    next: [commandOf(target, 'logs'), commandOf(target, 'status')],
  })
}
