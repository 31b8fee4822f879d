/** `registry push`, `pull` and `images`: a project's images between this machine and where environments get them. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { readIgnored } from '#images/ignore.ts'
import type { Image } from '#images/image.ts'
import type { Layout } from '#images/layout.ts'
import type { Git } from '../git.ts'
import type { Project } from '../project/project.ts'
import { WorkflowError } from '../workflow-error.ts'
import { localName } from './build-project.ts'
import type { ImageStore } from './image-store.ts'

export interface PushOptions {
  readonly project: Project
  readonly images: ImageStore
  readonly layout: Layout
  readonly git: Git
  /** Default: the sha1 of HEAD. */
  readonly tag: string | undefined
  readonly localTag: string
  /** Left out, what was built before is pushed. */
  readonly build: (() => Promise<Image>) | undefined
  /** Of a dirty working tree. */
  readonly isForced: boolean
  /** Of an existing tag. */
  readonly overwrites: boolean
  readonly skipsLatest: boolean
}

/** The tags that were pushed. Checks come first: nothing is built that could not be pushed. */
export async function pushProject(options: PushOptions): Promise<{ readonly tags: readonly string[]; readonly digest: string }> {
  const { project, images, layout, git } = options
  const changes = options.isForced ? [] : await foreignChanges(git, project.directory)
  if (changes.length > 0) {
    const shown = changes.slice(0, 5).map((line) => `  ${line}`)
    throw new WorkflowError(
      `The working tree has changes that no commit has:\n${shown.join('\n')}${changes.length > 5 ? '\n  ...' : ''}`,
      {
        next: ['git add -A && git commit', 'Or push all the same: --force'],
      },
    )
  }
  const tag = options.tag ?? (await git.head())
  if (!options.overwrites && (await images.digest(tag))) {
    throw new WorkflowError(`${images.repository} has the tag ${tag} already.`, { next: ['Or replace it: --overwrite'] })
  }
  const image = options.build ? await options.build() : await layout.find(localName(project, options.localTag))
  if (!image) throw new WorkflowError(`There is no image ${localName(project, options.localTag)}.`, { next: ['nami build'] })
  const tags = options.skipsLatest || tag === 'latest' ? [tag] : [tag, 'latest']
  let digest = ''
  for (const one of tags) digest = await images.push(image, one)
  return { tags, digest }
}

/** What would be in the image and in no commit. What `.dockerignore` leaves out would not; installed dependencies come from a lock file. */
async function foreignChanges(git: Git, directory: string): Promise<readonly string[]> {
  const ignored = await readIgnored(directory)
  const hasLock = existsSync(join(directory, 'package-lock.json'))
  return (await git.changes()).filter((line) => {
    const path = line.slice(3).replace(/^"|"$/g, '').replace(/\/$/, '')
    if (line.startsWith('!!') && hasLock && /(^|\/)node_modules$/.test(path)) return false
    return line.startsWith('R') || !ignored.has(path)
  })
}

export interface ImageRow {
  readonly tag: string
  readonly digest: string
  /** Seconds since the epoch: of the image, or of the commit that is its tag. */
  readonly time: number | undefined
  readonly runsOn: readonly ('staging' | 'production')[]
}

/** Newest first; what has no known age comes last, by name. */
export async function imageRows(images: ImageStore, git: Git, filter: readonly string[]): Promise<ImageRow[]> {
  const tags = (await images.tags()).filter((tag) => filter.length === 0 || filter.some((part) => tag.includes(part)))
  const [staging, production] = [await images.digest('staging'), await images.digest('production')]
  const rows: ImageRow[] = []
  for (const tag of tags) {
    const digest = (await images.digest(tag)) ?? ''
    const runsOn = [
      ...(digest === staging ? (['staging'] as const) : []),
      ...(digest === production ? (['production'] as const) : []),
    ]
    rows.push({ tag, digest, time: await timeOf(images, git, tag), runsOn })
  }
  // Tags of one image share what is known of any of them.
  const known = new Map(rows.filter(({ time }) => time !== undefined).map(({ digest, time }) => [digest, time]))
  const dated = rows.map((row) => ({ ...row, time: row.time ?? known.get(row.digest) }))
  return dated.sort((a, b) => (b.time ?? 0) - (a.time ?? 0) || (a.tag < b.tag ? -1 : 1))
}

/** Builders that always give the same image date it to the epoch. */
const plausible = Date.UTC(1990) / 1000

async function timeOf(images: ImageStore, git: Git, tag: string): Promise<number | undefined> {
  const stamp = /--(\d{4}-\d\d-\d\d)--(\d\d)-(\d\d)-(\d\d)$/.exec(tag)
  if (stamp) return Date.parse(`${stamp[1]}T${stamp[2]}:${stamp[3]}:${stamp[4]}Z`) / 1000
  const created = Date.parse((await images.created(tag)) ?? '') / 1000
  if (created > plausible) return created
  return /^[0-9a-f]{40}$/.test(tag) ? git.commitTime(tag) : undefined
}
