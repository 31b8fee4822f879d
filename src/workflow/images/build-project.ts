/** `nami build`: the project's image, from source or by a Dockerfile, kept in the layout as `hokusai_PROJECT:latest`. */
import { createReadStream, existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readArchive } from '#images/archive.ts'
import { buildApplication } from '#images/build.ts'
import type { Image } from '#images/image.ts'
import { type Layout, loadImage } from '#images/layout.ts'
import type { RuntimeSources } from '#images/runtime-layer.ts'
import type { Project } from '../project/project.ts'
import type { Surroundings } from '../surroundings.ts'
import { WorkflowError } from '../workflow-error.ts'
import { type Builder, type BuildPlan, builderCommands, builders, planBuild } from './build-plan.ts'

export interface BuildOptions {
  readonly file: string | undefined
  readonly cwd: string
  readonly layout: Layout
  /** Throws where this machine lacks something. */
  readonly runtime: () => RuntimeSources
  readonly architecture: string
}

export const localName = (project: { readonly name: string }, tag: string) => `hokusai_${project.name}:${tag}`

export async function buildProject(project: Project, around: Surroundings, options: BuildOptions): Promise<Image> {
  const plan = planBuild(project, options)
  await hook(project, around, 'pre-build')
  const image = await buildPlanned(plan, around, { ...options, name: localName(project, 'latest') })
  await options.layout.tag(localName(project, 'latest'), image)
  await hook(project, around, 'post-build')
  return image
}

export type PlannedOptions = Pick<BuildOptions, 'layout' | 'runtime' | 'architecture'> & {
  /** For builders of Dockerfiles. */
  readonly name: string
  /** With what tests need, and changeable. */
  readonly isForDevelopment?: boolean
}

export async function buildPlanned(plan: BuildPlan, around: Surroundings, options: PlannedOptions): Promise<Image> {
  const { dockerfile } = plan
  return dockerfile ? fromDockerfile({ ...plan, dockerfile }, around, options) : fromSource(plan, around, options)
}

async function hook(
  { config, directory }: Project,
  { programs, note }: Surroundings,
  which: 'pre-build' | 'post-build',
): Promise<void> {
  const command = config[which]
  if (!command) return
  note(`Running the ${which} hook: ${command}`)
  const { code } = await programs.run('sh', ['-c', command], { cwd: directory, isShown: true })
  if (code !== 0) throw new WorkflowError(`The ${which} hook failed with exit code ${code}.`, { exitCode: code })
}

async function fromSource(
  plan: BuildPlan,
  { note }: Surroundings,
  { layout, runtime, architecture, isForDevelopment }: PlannedOptions,
): Promise<Image> {
  try {
    const { image } = await buildApplication(layout, {
      directory: plan.context,
      runtime: runtime(),
      architecture,
      ...(isForDevelopment && { isForDevelopment }),
      onProgress: note,
    })
    return image
  } catch (error) {
    if ((error as Error).name !== 'ImageError') throw error
    throw new WorkflowError((error as Error).message, { cause: error })
  }
}

async function fromDockerfile(
  plan: BuildPlan & { readonly dockerfile: string },
  around: Surroundings,
  { layout, name }: { layout: Layout; name: string },
): Promise<Image> {
  const { programs, note, random } = around
  const builder = await findBuilder(around)
  if (!builder) {
    throw new WorkflowError(`${plan.dockerfile} needs one of ${builders.join(', ')}, and none is installed and works.`, {
      next: ['apt-get install -y buildah', 'Or remove the Dockerfile: a Node.js application is built from source.'],
    })
  }
  const archive = join(layout.directory, `build-${random.uuid()}.tar`)
  try {
    for (const [program = '', ...args] of builderCommands(builder, plan, { name, archive })) {
      note(`${program} ${args[0]}`)
      const { code } = await programs.run(program, args, { isShown: true })
      if (code !== 0) throw new WorkflowError(`${program} ${args[0]} failed with exit code ${code}.`, { exitCode: code })
    }
    const [found] = await readArchive(createReadStream(archive), layout)
    if (!found) throw new WorkflowError(`${builder} wrote no image.`)
    return await loadImage(layout, found.descriptor)
  } finally {
    await rm(archive, { force: true })
  }
}

/** The first that is installed and works: docker's client is often there without its daemon. */
export async function findBuilder({
  programs,
  env: { PATH = '' },
}: Pick<Surroundings, 'programs' | 'env'>): Promise<Builder | undefined> {
  for (const builder of builders) {
    if (!PATH.split(':').some((folder) => existsSync(join(folder, builder)))) continue
    const [program, ...args] = probes[builder] as [string, ...string[]]
    if ((await programs.run(program, args)).code === 0) return builder
  }
  return undefined
}

const probes: Readonly<Record<Builder, readonly string[]>> = {
  buildctl: ['buildctl', 'debug', 'workers'],
  docker: ['docker', 'info'],
  podman: ['podman', 'info'],
  buildah: ['buildah', 'version'],
}
