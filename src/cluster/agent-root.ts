/**
 * The folder of the node's pods and plugins, as programs that others wrote expect it: what a container mounts below it is seen by the node, and it is
 * also found where every manifest of a CSI driver looks for it.
 */
import { execFile } from 'node:child_process'
import { mkdir, readFile, readlink, realpath, rm, symlink } from 'node:fs/promises'
import { promisify } from 'node:util'

/** Upstream's `--root-dir`, which drivers' manifests have word for word. */
const customary = '/var/lib/kubelet'

const run = promisify(execFile)

/** Answers what the plugin behind an endpoint calls the folder. */
export async function prepareRoot(path: string): Promise<(endpoint: string) => string> {
  await mkdir(path, { recursive: true, mode: 0o750 })
  const mountinfo = await readFile('/proc/self/mountinfo', 'utf8')
  if (!isShared(mountinfo, path) && !hasMountsBelow(mountinfo, path)) {
    await run('mount', ['--bind', path, path])
    await run('mount', ['--make-shared', path])
  }
  const isKnown = await isFoundAt(customary, path)
  return (endpoint) => (isKnown && endpoint.startsWith(`${customary}/`) ? customary : path)
}

/** Takes away the way to the folder, if it leads there. */
export async function forgetRoot(path: string, link = customary): Promise<void> {
  const target = await readlink(link).catch(() => undefined)
  if (target === path) await rm(link, { force: true }).catch(() => {})
}

/** A folder or a way that leads elsewhere is somebody's own, and stays. */
export async function isFoundAt(link: string, path: string): Promise<boolean> {
  const found = await realpath(link).catch(() => undefined)
  if (found) return found === (await realpath(path))
  // One that leads nowhere is what a cluster left that is gone.
  await rm(link, { force: true }).catch(() => {})
  return await symlink(path, link).then(
    () => true,
    () => false,
  )
}

/** Whether the mount that the folder itself is passes on what is mounted below (fields as in proc(5) mountinfo). */
export function isShared(mountinfo: string, path: string): boolean {
  return mountinfo.split('\n').some((line) => line.split(' ')[4] === path && / shared:\d+ .*- /.test(line))
}

function hasMountsBelow(mountinfo: string, path: string): boolean {
  return mountinfo.split('\n').some((line) => line.split(' ')[4]?.startsWith(`${path}/`))
}
