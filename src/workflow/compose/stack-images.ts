/** The images of a stack: built where a service says so, found here, or left to the node to pull. */
import { existsSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import type { Image } from '#images/image.ts'
import type { Layout } from '#images/layout.ts'
import type { BuildPlan } from '../images/build-plan.ts'
import { cleanName } from '../project/clean-name.ts'
import { WorkflowError } from '../workflow-error.ts'
import type { Stack } from './read-stack.ts'
import type { Service } from './service.ts'

export interface StackImages {
  readonly project: string
  readonly layout: Layout
  build(plan: BuildPlan, service: string, more?: { readonly isForDevelopment?: boolean }): Promise<Image>
  /** Brings the image to where nodes find it; answers its whole name there. */
  deliver(image: Image, name: string): Promise<string>
  /** Left out, services that are built take what was built before. */
  readonly isBuilt: boolean
  readonly note: (line: string) => void
}

export async function imagesOf(
  { services }: Pick<Stack, 'services'>,
  images: StackImages,
): Promise<Map<string, { reference: string; isLocal: boolean }>> {
  const found = new Map<string, { reference: string; isLocal: boolean }>()
  const delivered = new Map<string, Promise<string>>()
  const deliver = (image: Image, name: string) => {
    const { digest } = image.descriptor
    const already = delivered.get(digest) ?? images.deliver(image, name)
    delivered.set(digest, already)
    return already
  }
  const built = new Map<string, Promise<Image>>()
  // Services of one folder share its image.
  const build: StackImages['build'] = (plan, service) => {
    const key = JSON.stringify(plan)
    const already = built.get(key) ?? images.build(plan, service)
    built.set(key, already)
    return already
  }
  for (const service of Object.values(services)) {
    const image = await imageOf(service, { ...images, build })
    const name = `${images.project}-${cleanName(service.name)}`
    if (image) found.set(service.name, { reference: await deliver(image, name), isLocal: true })
    else found.set(service.name, { reference: service.image as string, isLocal: false })
  }
  return found
}

/** Undefined where it is to be pulled. */
async function imageOf(service: Service, images: StackImages): Promise<Image | undefined> {
  const { layout, project, isBuilt, note } = images
  if (!service.build) return layout.find(service.image as string)
  const kept = service.image ?? `nami_${project}_${cleanName(service.name)}:latest`
  const known = isBuilt ? undefined : await layout.find(kept)
  if (known) return known
  if (!isBuilt) note(`${service.name} was never built: building it`)
  const image = await images.build(buildPlanOf(service), service.name)
  await layout.tag(kept, image)
  return image
}

function buildPlanOf({ build, name }: Service): BuildPlan {
  if (!build) throw new WorkflowError(`service ${name} is not built.`)
  const { context, dockerfile, target, args } = build
  if (!existsSync(context)) throw new WorkflowError(`service ${name}: the folder ${context} does not exist.`)
  const file = isAbsolute(dockerfile ?? '') ? (dockerfile as string) : join(context, dockerfile ?? 'Dockerfile')
  if (dockerfile && !existsSync(file)) throw new WorkflowError(`service ${name}: ${file} does not exist.`)
  return { context, ...(existsSync(file) && { dockerfile: file }), ...(target && { target }), arguments: args }
}
