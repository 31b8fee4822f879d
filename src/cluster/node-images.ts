/** The images of the node on this machine, for commands: what its runtime has, and how more gets in. */
import { connectContainerd } from '#kubelet/cri/containerd.ts'
import type { Runtime } from '#kubelet/cri/runtime.ts'
import { systemClock } from '#lib/clock.ts'
import type { Importer } from './application-image.ts'
import { importImages } from './containerd.ts'
import { runningPid } from './containerd-process.ts'
import type { DataDirectory } from './data-directory.ts'

/** Runs `use` with the node's runtime; undefined where no node runs here. */
export async function withRuntime<T>(
  { containerd }: DataDirectory,
  use: (runtime: Runtime) => Promise<T>,
): Promise<T | undefined> {
  if (runningPid(containerd) === undefined) return undefined
  const runtime = await connectContainerd({ socket: containerd.socket, clock: systemClock })
  try {
    return await use(runtime)
  } finally {
    await runtime.close()
  }
}

export function importerOf(runtime: Runtime, directory: DataDirectory): Importer {
  return {
    has: async (reference) => (await runtime.imageStatus(reference)) !== undefined,
    load: (path) => loadArchive(directory, path),
  }
}

/** An archive in which all images carry their names. */
export function loadArchive({ containerd }: DataDirectory, path: string): void {
  importImages({ socket: containerd.socket, snapshotter: 'overlayfs' }, path)
}
