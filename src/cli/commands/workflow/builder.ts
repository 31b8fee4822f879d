/** How the workflow's commands build: with this machine's Node.js, into its layout. */
import { CommandError } from '#cli/command.ts'
import type { Image } from '#images/image.ts'
import type { Workflow } from './open.ts'

export async function buildWith(
  { project, around, layout }: Workflow,
  { file, cwd }: { file: string | undefined; cwd: string },
): Promise<Image> {
  const [{ buildProject }, { findProgram }] = await Promise.all([
    import('#workflow/images/build-project.ts'),
    import('#cluster/provision.ts'),
  ])
  const runtime = () => {
    const busybox = findProgram('/bin/busybox') ?? findProgram('busybox')
    if (!busybox) throw new CommandError('busybox is not installed.', { next: ['apt-get install -y busybox-static'] })
    return { node: process.execPath, busybox }
  }
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch
  return buildProject(project, around, { file, cwd, layout, runtime, architecture })
}
