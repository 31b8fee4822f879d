/** Removes images that nothing uses, when the disk becomes full. */
import { statfs } from 'node:fs/promises'
import type { Runtime } from '#kubelet/cri/runtime.ts'
import { createImageGc } from '#kubelet/images/image-gc.ts'
import { systemClock as clock, sleep } from '#lib/clock.ts'

const collectEvery = 5 * 60_000

export async function collectImages({
  runtime,
  signal,
  onError,
}: {
  runtime: Runtime
  signal: AbortSignal
  onError: (error: unknown) => void
}): Promise<void> {
  const filesystem = async (path: string) => {
    const { blocks, bavail, bsize } = await statfs(path)
    return { capacity: blocks * bsize, available: bavail * bsize }
  }
  const gc = createImageGc({ runtime, clock, filesystem })
  while (!signal.aborted) {
    await gc.collect().catch(onError)
    await sleep(clock, collectEvery, signal).catch(() => {})
  }
}
