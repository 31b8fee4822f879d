/** What lies between production and staging: the commits of their images, and the way to compare them. */
import { commitOf } from './environment/deploy.ts'
import type { Git } from './git.ts'
import type { ImageStore } from './images/image-store.ts'
import { WorkflowError } from './workflow-error.ts'

export interface Span {
  readonly production: string
  readonly staging: string
}

/** Throws where an environment's image has no tag that is a commit, or git does not know it. */
export async function spanOf(images: ImageStore, git: Git): Promise<Span> {
  for (const remote of await git.remotes()) await git.fetch(remote, { tags: true })
  const [production, staging] = [await commitNamed(images, git, 'production'), await commitNamed(images, git, 'staging')]
  return { production, staging }
}

async function commitNamed(images: ImageStore, git: Git, environment: string): Promise<string> {
  if (!(await images.digest(environment))) {
    throw new WorkflowError(`${images.repository} has no tag ${environment}.`, { next: [`nami ${environment} create`] })
  }
  const commit = await commitOf(images, environment)
  if (!commit) {
    throw new WorkflowError(`No tag of ${environment}'s image is a commit.`, {
      next: ['nami registry push   tags with the commit'],
    })
  }
  if (!(await git.hasCommit(commit))) throw new WorkflowError(`git does not know the commit ${commit} of ${environment}.`)
  return commit
}

const defaultLink = 'https://github.com/{org}/{project}/compare/{production}...{staging}'

/** Fills in a link; Hokusai's own pattern is the four `%s` in this order. */
export function compareLink(pattern: string | undefined, parts: Span & { org: string; project: string }): string {
  const { org, project, production, staging } = parts
  const inOrder = [org, project, production, staging]
  let next = 0
  return (pattern ?? defaultLink)
    .replace(/%s|\{\}/g, () => inOrder[next++] ?? '')
    .replace(/\{(org|project|production|staging)\}/g, (_, name: keyof typeof parts) => parts[name])
}
