/** An environment as a whole: created from its file, brought up to date, restarted, and deleted. */

import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Namespace } from '#api/core/v1/namespace.ts'
import { formatTime } from '#lib/clock.ts'
import { hasReason } from '#schema/status-error.ts'
import { deploymentsOf, type Manifest } from '../project/manifests.ts'
import { checkReviewNamespace } from '../review-app.ts'
import { WorkflowError } from '../workflow-error.ts'
import { environmentName, imageOf } from './pin.ts'
import { previewUpdate } from './preview.ts'
import { deleteReleases, listReleases, nextRelease, type Release, runningRelease } from './releases.ts'
import { rollOut } from './roll-out.ts'
import { commandOf, type Target } from './target.ts'
import { withValues } from './values.ts'
import { changeDeployment, projectDeployments, waitForRollouts } from './workloads.ts'

export interface CreateOptions {
  readonly manifests: readonly Manifest[]
  readonly values: Readonly<Record<string, string>>
  readonly timeoutSeconds: number
  /** Objects of a file of one's own: no environment is made. */
  readonly isFile: boolean
}

export async function createEnvironment(target: Target, options: CreateOptions): Promise<void> {
  const { images, environment, around, isReview } = target
  if (!isReview && !(await images.digest('latest'))) {
    throw new WorkflowError(`${images.repository} has no tag "latest".`, { next: ['nami registry push'] })
  }
  if (!(await images.digest(environment))) {
    if (isReview)
      throw new WorkflowError(`${images.repository} has no tag ${environment}.`, {
        next: [`nami registry push --tag ${environment}`],
      })
    await images.retag('latest', environment)
    around.note(`The tag ${environment} names what latest names.`)
  }
  await ensureNamespace(target)
  if ((await projectDeployments(target)).length > 0 && !options.isFile) {
    throw new WorkflowError(`${environment} exists already.`, {
      next: [commandOf(target, 'update'), commandOf(target, 'deploy')],
    })
  }
  if (!options.isFile) await createMirror(target, options.values)
  const what = options.isFile ? 'create -f' : `create ${environment}`
  const release = await applyFile(target, options, what)
  const done = options.isFile ? 'Created' : `${environment} is created`
  around.print(release ? `${done}: release v${release.number} runs.` : `${done}.`)
}

/** The file decides everything but the image, which is that of the environment's tag. */
export async function updateEnvironment(
  target: Target,
  options: { manifests: readonly Manifest[]; timeoutSeconds: number },
): Promise<void> {
  if (await runningRelease(target)) {
    const { changes } = await previewUpdate(target, options)
    if (!changes) return target.around.print('Up to date: nothing changes.')
  }
  const release = await applyFile(target, options, `update ${target.environment}`)
  target.around.print(release ? `${target.environment} is up to date: release v${release.number} runs.` : 'Up to date.')
}

/** Undefined where the file has no Deployment, so that there is nothing to release. */
async function applyFile(
  target: Target,
  { manifests, timeoutSeconds }: { manifests: readonly Manifest[]; timeoutSeconds: number },
  description: string,
): Promise<Release | undefined> {
  const { images, environment, client, around } = target
  if (deploymentsOf(manifests).length === 0) {
    const { applyObject } = await import('#client/apply.ts')
    for (const { kind, object } of manifests) {
      const { result } = await applyObject(client, kind, object, { fieldManager: 'nami', fieldValidation: 'Strict' })
      around.note(`  ${kind.def.singular ?? kind.kind.toLowerCase()}/${object.metadata.name} ${result}`)
    }
    return undefined
  }
  const digest = await images.digest(environment)
  const running = await runningRelease(target)
  const image = running?.image ?? (digest && imageOf(images, digest))
  const tag = running?.tag ?? environment
  const next = await nextRelease(target)
  return rollOut(target, { description, image, pinned: image, tag, ...next, manifests, timeoutSeconds })
}

async function ensureNamespace({ client, namespace, project, isReview, around }: Target): Promise<void> {
  const labels = isReview ? { 'app-name': project.name, 'app-phase': 'review' } : {}
  try {
    await client.create(Namespace, { metadata: { name: namespace, labels } })
    around.note(`  namespace/${namespace} created`)
  } catch (error) {
    // Who may not make namespaces may still work in one.
    if (hasReason(error, 'AlreadyExists')) return
    if (!hasReason(error, 'Forbidden')) throw error
    await client.get(Namespace, { name: namespace })
  }
}

async function createMirror(target: Target, values: Readonly<Record<string, string>>): Promise<void> {
  const { client, namespace, project } = target
  const metadata = { name: environmentName(project.name), namespace, labels: { app: project.name } }
  const current = await client.get(ConfigMap, metadata).catch((error) => {
    if (!hasReason(error, 'NotFound')) throw error
  })
  const { plain } = withValues({ plain: { ...current?.data }, secret: {} }, { plain: values })
  if (!current) return void (await client.create(ConfigMap, { metadata, data: plain }))
  await client.patch(ConfigMap, metadata, { type: 'merge', body: { data: plain } })
}

/** Deletes what the file names; without a file of one's own the values and releases too, and of a review app the namespace. */
export async function deleteEnvironment(
  target: Target,
  { manifests, isFile }: { manifests: readonly Manifest[]; isFile: boolean },
): Promise<void> {
  const { client, namespace, environment, isReview, around, project } = target
  if (isReview) await checkReviewNamespace(client, project, namespace)
  for (const { kind, object } of manifests.toReversed()) {
    const { name, namespace: place } = object.metadata
    const line = `  ${kind.def.singular ?? kind.kind.toLowerCase()}/${name}`
    await client.delete(kind, { name, namespace: place }, { propagationPolicy: 'Background' }).then(
      () => around.note(`${line} deleted`),
      (error) => {
        if (!hasReason(error, 'NotFound')) throw error
        around.note(`${line} was not there`)
      },
    )
  }
  if (!isFile) await deleteReleases(target)
  if (isReview) await client.delete(Namespace, { name: namespace }).catch(unlessItIsGone)
  around.print(isFile ? 'Deleted what the file names.' : `${environment} is deleted.`)
}

function unlessItIsGone(error: unknown): void {
  if (!hasReason(error, 'NotFound')) throw error
}

/** A new pod for every pod, one after the other as the Deployments say; and staged values begin to count. */
export async function refreshEnvironment(
  target: Target,
  { deployment, timeoutSeconds }: { deployment: string | undefined; timeoutSeconds: number },
): Promise<void> {
  const { client, namespace, around } = target
  const all = await projectDeployments(target)
  const chosen = deployment === undefined ? all : all.filter(({ metadata }) => metadata.name === deployment)
  if (chosen.length === 0) {
    const names = all.map(({ metadata }) => metadata.name).join(', ') || 'none'
    throw new WorkflowError(
      `There is no Deployment ${deployment ?? `of ${target.project.name}`} in ${namespace} (there are: ${names}).`,
    )
  }
  const releases = await listReleases(target)
  const running = releases.findLast(({ state }) => state === 'running')?.number ?? 0
  if (releases.some(({ number, state }) => state === 'staged' && number > running)) return bringStaged(target, timeoutSeconds)
  const names = chosen.map(({ metadata }) => metadata.name)
  for (const name of names) {
    around.note(`Restarting ${name}`)
    await changeDeployment(client, { name, namespace }, ({ spec }) => {
      const annotations = {
        ...spec.template.metadata?.annotations,
        'kubectl.kubernetes.io/restartedAt': formatTime(around.clock.now()),
      }
      spec.template = { ...spec.template, metadata: { ...spec.template.metadata, annotations } as typeof spec.template.metadata }
    })
  }
  const failures = await waitForRollouts(target, names, timeoutSeconds)
  if (failures.length > 0) {
    throw new WorkflowError(`Restart failed: ${failures.map(({ name, reason }) => `${name} ${reason}`).join('; ')}`)
  }
  around.print(`Restarted ${names.join(', ')}.`)
}

async function bringStaged(target: Target, timeoutSeconds: number): Promise<void> {
  const { image, tag } = (await runningRelease(target)) ?? {}
  const next = await nextRelease(target)
  const { number } = await rollOut(target, { description: 'refresh', image, tag, ...next, timeoutSeconds })
  target.around.print(`Release v${number} runs on ${target.environment}, with the values that were staged.`)
}
