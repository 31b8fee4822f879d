/** `update --dry-run`: the server says what each object would become, and nothing is kept. */
import type { Deployment } from '#api/apps/v1/deployment.ts'
import { hasReason } from '#schema/status-error.ts'
import { toYaml } from '#schema/yaml.ts'
import type { Manifest } from '../project/manifests.ts'
import { imageOf, pinPodSpec } from './pin.ts'
import { nextValues, runningRelease } from './releases.ts'
import type { Target } from './target.ts'

/** A heading for each object that would change, and the lines that it would lose and get. */
export async function previewUpdate(target: Target, manifests: readonly Manifest[]): Promise<string[]> {
  const { client, images, project, environment } = target
  const running = await runningRelease(target)
  const digest = await images.digest(environment)
  const image = running?.image ?? (digest && imageOf(images, digest))
  const hasSecrets = Object.keys((await nextValues(target)).secret).length > 0
  const release = running?.number ?? 1
  const pin = { project: project.name, repository: images.repository, image, release, hasSecrets, isLocal: images.isLocal }
  const lines: string[] = []
  for (const { kind, object } of manifests) {
    const name = `${kind.kind.toLowerCase()}/${object.metadata.name}`
    const wanted = kind.kind === 'Deployment' ? withPin(object as Deployment, (spec) => pinPodSpec(spec, pin)) : object
    const before = await client.get(kind, object.metadata).catch((error) => {
      if (!hasReason(error, 'NotFound')) throw error
    })
    const patch = { type: 'apply', body: wanted, force: true } as const
    const after = await client.patch(kind, object.metadata, patch, {
      dryRun: true,
      fieldManager: 'nami',
      fieldValidation: 'Strict',
    })
    const changes = before ? difference(specLines(before), specLines(after)) : []
    if (!before) lines.push(`${name} would be created`)
    else if (changes.length === 0) lines.push(`${name} stays as it is`)
    else lines.push(`${name} would change:`, ...changes.map((line) => `  ${line}`))
  }
  return lines
}

function withPin(deployment: Deployment, pin: (spec: Deployment['spec']['template']['spec']) => typeof spec): Deployment {
  const { template } = deployment.spec
  return { ...deployment, spec: { ...deployment.spec, template: { ...template, spec: pin(template.spec) } } }
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
