/** `update --dry-run`: the server says what each object would become, and nothing is kept. */
import type { Deployment } from '#api/apps/v1/deployment.ts'
import { hasReason } from '#schema/status-error.ts'
import { toYaml } from '#schema/yaml.ts'
import type { Manifest } from '../project/manifests.ts'
import { imageOf } from './pin.ts'
import { nextRelease, runningRelease } from './releases.ts'
import { pinTemplate, withTemplate } from './roll-out.ts'
import type { Target } from './target.ts'
import { tryOut } from './try-out.ts'
import { changeLines, diffValues, noValues } from './values.ts'

export interface Preview {
  /** A heading for each object, and under those that would change the lines that they would lose and get. */
  readonly lines: readonly string[]
  readonly changes: boolean
  /** Objects that would change: `configmap/web-env`. */
  readonly changed: readonly string[]
}

export async function previewUpdate(
  target: Target,
  { manifests, timeoutSeconds }: { manifests: readonly Manifest[]; timeoutSeconds: number },
): Promise<Preview> {
  const { client, images, project, environment } = target
  const running = await runningRelease(target)
  const digest = await images.digest(environment)
  const image = running?.image ?? (digest && imageOf(images, digest))
  const { values } = await nextRelease(target)
  const hasSecrets = Object.keys(values.secret).length > 0
  const release = running?.number ?? 1
  const pin = { project: project.name, repository: images.repository, image, release, hasSecrets, isLocal: images.isLocal }
  const lines = diffValues(running?.values ?? noValues, values).flatMap(changeLines)
  const changed: string[] = []
  const hasValues = lines.length > 0
  if (hasValues) lines.unshift('values would change:')
  for (const { kind, object } of manifests) {
    const name = `${kind.kind.toLowerCase()}/${object.metadata.name}`
    const { spec } = object as Deployment
    const wanted =
      kind.kind === 'Deployment' ? withTemplate(object as Deployment, pinTemplate(spec.template, pin), timeoutSeconds) : object
    const before = await client.get(kind, object.metadata).catch((error) => {
      if (!hasReason(error, 'NotFound')) throw error
    })
    const after = await tryOut(client, { kind, object: wanted })
    const different = before && after ? difference(specLines(before), specLines(after)) : []
    if (!before || different.length > 0) changed.push(name)
    if (!before) lines.push(`${name} would be created`)
    else if (different.length === 0) lines.push(`${name} stays as it is`)
    else lines.push(`${name} would change:`, ...different.map((line) => `  ${line}`))
  }
  return { lines, changes: hasValues || changed.length > 0, changed }
}

function specLines({ metadata, status: _, ...rest }: any): string[] {
  const { name, labels, annotations } = metadata
  return toYaml({ metadata: { name, labels, annotations }, ...rest }).split('\n')
}

function difference(before: readonly string[], after: readonly string[]): string[] {
  return [
    ...before.filter((line) => !after.includes(line)).map((line) => `- ${line.trim()}`),
    ...after.filter((line) => !before.includes(line)).map((line) => `+ ${line.trim()}`),
  ]
}
