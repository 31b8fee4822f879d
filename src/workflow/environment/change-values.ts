/** `env set`, `env unset` and `rollback`: values change by making a release of the image that runs. */
import { Deployment } from '#api/apps/v1/deployment.ts'
import { decode } from '#schema/decode.ts'
import { applyDefaults } from '#schema/default.ts'
import { WorkflowError } from '../workflow-error.ts'
import { getRelease, listReleases, nextNumber, nextRelease, type Release, runningRelease, writeRelease } from './releases.ts'
import { rollOut } from './roll-out.ts'
import { commandOf, type Target } from './target.ts'
import { changeLines, diffValues, type Values } from './values.ts'
import { type PodTemplate, projectDeployments } from './workloads.ts'

export interface ChangeOptions {
  readonly change: (values: Values) => Values
  readonly description: string
  /** Written as a release that the next rollout brings. */
  readonly isStaged: boolean
  readonly timeoutSeconds: number
}

export async function changeValues(target: Target, options: ChangeOptions): Promise<void> {
  const { around } = target
  const { values: before, sourced } = await nextRelease(target)
  const values = options.change(before)
  const changes = diffValues(before, values)
  if (changes.length === 0) return around.print('Nothing changes.')
  const foreign = changes.filter(({ key }) => sourced?.includes(key)).map(({ key }) => key)
  if (foreign.length > 0) {
    throw new WorkflowError(`${foreign.join(', ')}: ${target.secrets?.name} says what it is.`, {
      next: [`change it there, then ${commandOf(target, 'secrets sync')}`],
    })
  }
  const running = await runningRelease(target)
  const { description, timeoutSeconds } = options
  if (options.isStaged || (await projectDeployments(target)).length === 0) {
    const number = await nextNumber(target)
    const { image, tag, templates = {} } = running ?? {}
    await writeRelease(target, number, { description, image, tag, templates, values, sourced, state: 'staged' })
    around.print(`Release v${number} is staged; the next deploy brings it.`)
    return
  }
  const { image, tag } = running ?? {}
  const release = await rollOut(target, { description, image, tag, values, sourced, timeoutSeconds })
  around.print(`Release v${release.number} runs on ${target.environment}.`)
}

/** The whole of an earlier release again: image, templates and values. Without a number, the one that ran before. */
export async function rollback(target: Target, options: { number: number | undefined; timeoutSeconds: number }): Promise<void> {
  const wanted = await getRelease(target, options.number ?? (await previous(target)))
  if (Object.keys(wanted.templates).length === 0) {
    throw new WorkflowError(`v${wanted.number} never had a Deployment: there is nothing to go back to.`)
  }
  const { image, tag, templates, values, sourced, number } = wanted
  const { timeoutSeconds } = options
  const description = `rollback to v${number}`
  const release = await rollOut(target, { description, image, tag, templates, values, sourced, timeoutSeconds })
  if (!target.isReview && image) {
    const digest = image.slice(image.indexOf('@') + 1)
    await target.images.retag(digest, target.environment).catch((error: Error) => {
      target.around.note(`warning: the tag ${target.environment} was not set: ${error.message}`)
    })
  }
  target.around.print(`Release v${release.number} runs on ${target.environment}: v${number} again.`)
}

/** After an interruption that is the release that runs by the books; else the one that it replaced. */
async function previous(target: Target): Promise<number> {
  const releases = await listReleases(target)
  const running = releases.findLast(({ state }) => state === 'running')
  const latest = releases.at(-1)
  if (running && latest && latest.number > running.number && /interrupted|pending/.test(latest.state)) return running.number
  const found = releases.findLast(({ number, state, templates }) => {
    return state === 'superseded' && number < (running?.number ?? Number.POSITIVE_INFINITY) && Object.keys(templates).length > 0
  })
  if (found) return found.number
  throw new WorkflowError('No release ran before this one.', { next: [commandOf(target, 'releases')] })
}

/** What differs between two releases; values of secrets are never told. */
export async function diffReleases(target: Target, from: number, to: number): Promise<string[]> {
  const [a, b] = [await getRelease(target, from), await getRelease(target, to)]
  const lines = diffValues(a.values, b.values).flatMap(changeLines)
  if (a.image !== b.image) lines.unshift(...imageLines('-', a), ...imageLines('+', b))
  for (const name of new Set([...Object.keys(a.templates), ...Object.keys(b.templates)])) {
    const texts = [specOf(a, name), specOf(b, name)]
    if (texts[0] !== texts[1])
      lines.push(`~ deployment ${name}`, ...lineDiff(texts[0] ?? '', texts[1] ?? '').map((line) => `  ${line}`))
  }
  return lines
}

function imageLines(sign: string, { image, tag }: Release): string[] {
  return image ? [`${sign} image ${image}${tag ? ` (${tag})` : ''}`] : []
}

/** Without what every release changes: its number, and the image that is told already. */
function specOf({ templates, number, image }: Release, name: string): string | undefined {
  const template = templates[name]
  if (!template) return undefined
  return JSON.stringify(defaulted(template), sorted, 2)
    .replaceAll(`-v${number}"`, '"')
    .replaceAll(image ?? '\0', 'image')
    .replace(/"app\.kubernetes\.io\/version": "[0-9a-f]+"/, '"app.kubernetes.io/version": ""')
}

/** As a server completes it: a first release is recorded as its manifest says it, later ones as they ran. */
function defaulted(template: PodTemplate): PodTemplate {
  const deployment = decode(Deployment.schema, { metadata: { name: 'any' }, spec: { template } })
  applyDefaults(Deployment, deployment)
  return deployment.spec.template
}

function sorted(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Lines that only one of the texts has, in their order; enough for specs, where lines rarely move. */
function lineDiff(before: string, after: string): string[] {
  const [old, young] = [before.split('\n'), after.split('\n')]
  return [
    ...old.filter((line) => !young.includes(line)).map((line) => `- ${line.trim()}`),
    ...young.filter((line) => !old.includes(line)).map((line) => `+ ${line.trim()}`),
  ]
}
