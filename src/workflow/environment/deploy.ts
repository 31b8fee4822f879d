/**
 * A deploy: the order of its steps is a contract (Hokusai's). Before the rollout a failure stops it and has changed nothing; after it, a
 * failure is a warning that the exit code tells.
 */
import type { Git } from '../git.ts'
import type { ProjectConfig } from '../project/config.ts'
import { deploymentsOf, type Manifest } from '../project/manifests.ts'
import { WorkflowError } from '../workflow-error.ts'
import { splitCommand } from './command-words.ts'
import { imageOf } from './pin.ts'
import { nextRelease, runningRelease } from './releases.ts'
import { mustBeThere, type RollOutOptions, rollOut } from './roll-out.ts'
import { runPod } from './run-pod.ts'
import type { Target } from './target.ts'
import { projectDeployments } from './workloads.ts'

export interface DeployOptions {
  readonly tag: string
  readonly migration?: string | undefined
  readonly constraints?: readonly string[] | undefined
  /** Left out, git is not touched. */
  readonly gitRemote?: string | undefined
  readonly git?: Git | undefined
  readonly timeoutSeconds: number
  /** What the environment's file says, or for a canary its own. */
  readonly manifests?: readonly Manifest[] | undefined
  /** The file is applied: `--update-config`. */
  readonly appliesFile?: boolean | undefined
  /** A canary (`-f`): only the Deployments of that file change, there are no hooks, and tags stay. */
  readonly isCanary?: boolean
  readonly description?: string
}

/** 0, or 1 where all is deployed and something after it failed. Throws where nothing is. */
export async function deploy(target: Target, options: DeployOptions): Promise<number> {
  const { around, project, images } = target
  const { tag, constraints } = options
  if (!options.appliesFile && !options.isCanary) mustBeThere(target, await projectDeployments(target))
  const step = async (what: string, command: string | undefined, image: string) => {
    if (!command) return 0
    around.note(`Running the ${what}: ${command}`)
    return runPod(target, { command: splitCommand(command), tag: image, constraints })
  }
  const migrated = await step('migration', options.migration, tag)
  if (migrated !== 0) throw stopped('The migration', migrated)

  const digest = await images.digest(tag)
  if (!digest)
    throw new WorkflowError(`${images.repository} has no tag ${tag}.`, {
      next: ['nami registry images', `nami registry push --tag ${tag}`],
    })

  const hooks: Partial<ProjectConfig> = options.isCanary ? {} : project.config
  const prepared = await step('pre-deploy hook', hooks['pre-deploy'], digest)
  if (prepared !== 0) throw stopped('The pre-deploy hook', prepared)

  around.note(`Deploying ${shortTag(tag)} (${digest.slice(7, 19)}) to ${target.environment}`)
  const release = await rollOut(target, await releaseOf(target, options, digest))
  around.print(`Release v${release.number} runs on ${target.environment}.`)

  const warnings = [await afterwards(target, hooks['post-deploy'], { digest, constraints })]
  if (!options.isCanary) warnings.push(await moveTags(target, options, digest))
  return warnings.some(Boolean) ? 1 : 0
}

/** What the environment runs on the whole is not what its canary runs: later releases go on from the former. */
async function releaseOf(target: Target, options: DeployOptions, digest: string): Promise<RollOutOptions> {
  const { tag, isCanary = false, manifests = [], appliesFile, timeoutSeconds } = options
  const pinned = imageOf(target.images, digest)
  const running = isCanary ? await runningRelease(target) : undefined
  return {
    description: options.description ?? `${isCanary ? 'canary' : 'deploy'} ${shortTag(tag)}`,
    image: running?.image ?? pinned,
    tag: running?.tag ?? tag,
    pinned,
    ...(await nextRelease(target)),
    timeoutSeconds,
    ...(appliesFile ? { manifests } : isCanary && { only: deploymentsOf(manifests).map(({ metadata }) => metadata.name) }),
  }
}

/** Commits as people write them. */
function shortTag(tag: string): string {
  return isSha(tag) ? tag.slice(0, 12) : tag
}

function stopped(what: string, exitCode: number): WorkflowError {
  return new WorkflowError(`${what} failed with exit code ${exitCode}. Nothing is deployed.`, { exitCode })
}

async function afterwards(
  target: Target,
  command: string | undefined,
  { digest, constraints }: { digest: string; constraints: readonly string[] | undefined },
): Promise<boolean> {
  const { around } = target
  if (!command) return false
  around.note(`Running the post-deploy hook: ${command}`)
  const failure = await runPod(target, { command: splitCommand(command), tag: digest, constraints }).then(
    (code) => (code === 0 ? undefined : `exit code ${code}`),
    (error: Error) => error.message,
  )
  if (failure) around.note(`warning: the post-deploy hook failed (${failure}); the release runs all the same.`)
  return failure !== undefined
}

/** The registry's tags count, git's only warn. Answers whether the registry's failed. */
async function moveTags(target: Target, { tag, git, gitRemote }: DeployOptions, digest: string): Promise<boolean> {
  const { environment, images, isReview, around } = target
  const stamp = `${environment}--${stampOf(around.clock.now())}`
  let hasFailed = false
  if (!isReview) {
    for (const alias of [environment, stamp]) {
      if (alias === tag) continue
      await images.retag(digest, alias).catch((error: Error) => {
        hasFailed = true
        around.note(`warning: the tag ${alias} was not set: ${error.message}`)
      })
    }
  }
  if (git && gitRemote && !isReview) await pushGitTags(target, { git, remote: gitRemote, tags: [environment, stamp], tag })
  return hasFailed
}

const gitTries = 3

async function pushGitTags(
  { around, images }: Target,
  { git, remote, tags, tag }: { git: Git; remote: string; tags: readonly string[]; tag: string },
): Promise<void> {
  const commit = await commitOf(images, tag)
  if (!commit || !(await git.hasCommit(commit)))
    return around.note(`git is left alone: no commit is known by which ${tag} was built.`)
  for (let tries = 1; ; tries++) {
    try {
      return await git.pushTags(remote, tags, commit)
    } catch (error) {
      if (tries < gitTries) await around.pause(3000)
      else return around.note(`warning: git tags were not pushed to ${remote}: ${(error as Error).message}`)
    }
  }
}

/** The commit by which an image was built: itself a tag, or a tag of the same image. */
export async function commitOf(images: Target['images'], tag: string): Promise<string | undefined> {
  if (isSha(tag)) return tag
  const digest = await images.digest(tag)
  for (const other of (await images.tags()).filter(isSha)) if ((await images.digest(other)) === digest) return other
  return undefined
}

function isSha(tag: string): boolean {
  return /^[0-9a-f]{40}$/.test(tag)
}

/** `2026-11-21--09-30-00`, UTC. */
export function stampOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 19).replace('T', '--').replaceAll(':', '-')
}

/** `600` are seconds, `10m` is ten minutes. */
export function parseTimeout(text: string): number {
  const [, amount = '', unit = 's'] = /^(\d+)(s|m|h)?$/.exec(text) ?? []
  const seconds = Number(amount) * ({ s: 1, m: 60, h: 3600 }[unit] ?? 1)
  if (amount === '' || seconds === 0) {
    throw new WorkflowError(`--timeout ${text}: seconds, or 90s, 10m, 1h.`, { exitCode: 2 })
  }
  return seconds
}
