/** How the workflow's commands build: with this machine's Node.js, into its layout. */
import { CommandError } from '#cli/command.ts'
import { findProgram } from '#cluster/provision.ts'
import type { Image } from '#images/image.ts'
import type { RuntimeSources } from '#images/runtime-layer.ts'
import type { Workflow } from './open.ts'

export async function buildWith(
  { project, around, layout }: Workflow,
  { file, cwd }: { file: string | undefined; cwd: string },
): Promise<Image> {
  const { buildProject } = await import('#workflow/images/build-project.ts')
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch
  return buildProject(project, around, { file, cwd, layout, runtime: runtimeSources, architecture })
}

/** This machine's own; throws where it lacks something. */
export function runtimeSources(): RuntimeSources {
  const busybox = findProgram('/bin/busybox') ?? findProgram('busybox')
  if (!busybox) throw new CommandError('busybox is not installed.', { next: ['apt-get install -y busybox-static'] })
  return { node: process.execPath, busybox }
}
