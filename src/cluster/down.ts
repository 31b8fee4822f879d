/** `down`: stops everything of a cluster; with `delete` nothing of it stays on the machine. Safe to repeat, and after any crash. */
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { connectContainerd } from '#kubelet/cri/containerd.ts'
import type { Clock } from '#lib/clock.ts'
import { removePodNetwork } from '#network/pod-network.ts'
import { nftRunner } from '#network/proxy/nft.ts'
import { removeRules } from '#network/proxy/proxy.ts'
import { forgetRoot } from './agent-root.ts'
import { stopContainerd } from './containerd.ts'
import { runningPid } from './containerd-process.ts'
import { deleteContainerd, killContainers } from './containerd-sweep.ts'
import type { DataDirectory } from './data-directory.ts'
import { stopProcess } from './processes.ts'
import type { Progress } from './progress.ts'
import { findProgram } from './provision.ts'
import { unmountBelow } from './unmount.ts'

export interface DownOptions {
  readonly directory: DataDirectory
  readonly clock: Clock
  readonly progress: Progress
  readonly delete: boolean
}

/** Answers whether anything was there to stop or to delete. */
export async function down({ directory, clock, progress, delete: isDeleting }: DownOptions): Promise<boolean> {
  progress.step('stopping the control plane and the node')
  const stopped = [
    await stopProcess(directory, 'supervisor', { clock, grace: 40_000 }),
    await stopProcess(directory, 'agent', { clock }),
    await stopProcess(directory, 'server', { clock }),
  ]
  const hadNode = existsSync(directory.containerd.root) || existsSync(directory.containerd.state)
  if (hadNode && process.getuid?.() === 0) {
    progress.step('stopping containers')
    await stopNode(directory, { clock, isDeleting })
  }
  if (isDeleting) {
    progress.step('deleting data')
    unmountBelow(directory.path)
    const existed = existsSync(directory.path) || existsSync(directory.run)
    await forgetRoot(directory.kubelet)
    await rm(directory.run, { recursive: true, force: true })
    await rm(directory.path, { recursive: true, force: true })
    progress.done()
    return existed || stopped.some(Boolean)
  }
  progress.done()
  return stopped.some(Boolean)
}

async function stopNode(directory: DataDirectory, { clock, isDeleting }: { clock: Clock; isDeleting: boolean }): Promise<void> {
  const { containerd } = directory
  if (isDeleting) {
    await deleteContainerd(containerd, { clock, cgroups: [directory.cgroup] })
  } else {
    const stopped = runningPid(containerd) !== undefined && (await stopSandboxes(containerd.socket, clock))
    if (!stopped) await killContainers(containerd, { clock, cgroups: [directory.cgroup] })
    await stopContainerd(containerd, clock)
  }
  if (findProgram('nft')) await removeRules(nftRunner()).catch(() => {})
  if (findProgram('ip')) await removePodNetwork().catch(() => {})
  unmountBelow(directory.kubelet)
}

/** What ran is stopped; what is on disk stays, so that the next `up` starts it again. False where containerd does not answer, or ends meanwhile. */
async function stopSandboxes(socket: string, clock: Clock): Promise<boolean> {
  const runtime = await connectContainerd({ socket, clock, timeout: 3000 }).catch(() => undefined)
  if (!runtime) return false
  try {
    const containers = await runtime.listContainers()
    await Promise.allSettled(containers.filter(({ state }) => state === 'running').map(({ id }) => runtime.stopContainer(id, 2)))
    const sandboxes = await runtime.listPodSandboxes()
    await Promise.allSettled(sandboxes.map(({ id }) => runtime.stopPodSandbox(id)))
    return true
  } catch {
    return false
  } finally {
    await runtime.close()
  }
}
