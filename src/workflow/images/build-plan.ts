/** What is to be built, from `hokusai/build.yml`, and the command line of whichever builder of Dockerfiles there is. Pure but for reading. */
import { existsSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { parseYaml } from '#schema/yaml.ts'
import { findFile, requireFile } from '../project/find-file.ts'
import type { Project } from '../project/project.ts'
import { renderFile } from '../project/template.ts'
import { WorkflowError } from '../workflow-error.ts'

export interface BuildPlan {
  /** Folder that goes into the image. */
  readonly context: string
  /** Absent: built from source. */
  readonly dockerfile?: string
  readonly target?: string
  readonly arguments: Readonly<Record<string, string>>
}

export function planBuild(project: Project, { file, cwd }: { file: string | undefined; cwd: string }): BuildPlan {
  const path = file === undefined ? findFile(project.folder, 'build') : requireFile(project.folder, 'build', { given: file, cwd })
  const build = path ? buildOf(path, project) : {}
  const at = (base: string, name: string) => (isAbsolute(name) ? name : join(base, name))
  const context = at(project.folder, build.context ?? '..')
  const named = build.dockerfile !== undefined
  const dockerfile = at(context, build.dockerfile ?? 'Dockerfile')
  if (named && !existsSync(dockerfile)) throw new WorkflowError(`${path}: ${dockerfile} does not exist.`)
  return {
    context,
    ...(existsSync(dockerfile) && { dockerfile }),
    ...(build.target && { target: build.target }),
    arguments: argumentsOf(build.args),
  }
}

interface ComposeBuild {
  readonly context?: string
  readonly dockerfile?: string
  readonly target?: string
  readonly args?: readonly string[] | Readonly<Record<string, unknown>>
}

/** Of the service called like the project, else of the only one that is built. Hokusai's template calls it by the project's name. */
function buildOf(path: string, { name, folder, variables }: Project): ComposeBuild {
  const [document] = parseYaml(renderFile(path, { root: folder, variables }), { file: path })
  const { services = {} } = (document?.value ?? {}) as { services?: Record<string, { build?: string | ComposeBuild }> }
  const build = (services[name] ?? Object.values(services).find((one) => one?.build))?.build
  if (build === undefined) throw new WorkflowError(`${path}: no service ${name} with a "build".`)
  return typeof build === 'string' ? { context: build } : build
}

function argumentsOf(args: ComposeBuild['args']): Record<string, string> {
  if (!args) return {}
  const pairs = Array.isArray(args)
    ? (args as readonly string[]).map((line) => line.split(/=(.*)/s) as [string, string?])
    : Object.entries(args)
  return Object.fromEntries(pairs.map(([key, value]) => [key, String(value ?? '')]))
}

export type Builder = 'buildctl' | 'docker' | 'podman' | 'buildah'

/** In the order in which they are looked for. */
export const builders: readonly Builder[] = ['buildctl', 'docker', 'podman', 'buildah']

/** Command lines that build the image and write it into an archive. */
export function builderCommands(
  builder: Builder,
  plan: BuildPlan & { readonly dockerfile: string },
  { name, archive }: { name: string; archive: string },
): readonly (readonly string[])[] {
  const pairs = Object.entries(plan.arguments).map(([key, value]) => `${key}=${value}`)
  if (builder === 'buildctl') {
    const slash = plan.dockerfile.lastIndexOf('/')
    const options = [`filename=${plan.dockerfile.slice(slash + 1)}`, ...(plan.target ? [`target=${plan.target}`] : [])]
    return [
      [
        ...['buildctl', 'build', '--progress', 'plain', '--frontend', 'dockerfile.v0'],
        ...['--local', `context=${plan.context}`, '--local', `dockerfile=${plan.dockerfile.slice(0, slash)}`],
        ...[...options, ...pairs.map((pair) => `build-arg:${pair}`)].flatMap((option) => ['--opt', option]),
        ...['--output', `type=oci,name=${name},dest=${archive}`],
      ],
    ]
  }
  const common = [
    ...['--file', plan.dockerfile, '--tag', name],
    ...(plan.target ? ['--target', plan.target] : []),
    ...pairs.flatMap((pair) => ['--build-arg', pair]),
    plan.context,
  ]
  if (builder === 'docker') {
    return [
      ['docker', 'build', ...common],
      ['docker', 'save', '--output', archive, name],
    ]
  }
  if (builder === 'podman') {
    return [
      ['podman', 'build', ...common],
      ['podman', 'save', '--format', 'oci-archive', '--output', archive, name],
    ]
  }
  return [
    ['buildah', 'build', ...common],
    ['buildah', 'push', name, `oci-archive:${archive}:${name}`],
  ]
}
