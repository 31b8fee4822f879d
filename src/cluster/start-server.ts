/** The server process from its first moment: the threads of the store start, and its file is read, while all the rest is loaded. */
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { systemClock } from '#lib/clock.ts'
import { systemRandom } from '#lib/random.ts'
import type { ClusterConfig, DataDirectory } from './data-directory.ts'
import type { Log } from './log.ts'
import { openStore } from './open-store.ts'
import type { RunningServer } from './server.ts'

export async function startServer(directory: DataDirectory, config: ClusterConfig, log: Log): Promise<RunningServer> {
  mkdirSync(dirname(directory.store), { recursive: true })
  const [opened, { serve }] = await Promise.all([
    openStore({ directory, config, clock: systemClock, random: systemRandom, log }),
    import('./server.ts'),
  ])
  try {
    // Only now, since the store's lock keeps a second server from making an authority of its own.
    return await serve({ directory, config, log, opened })
  } catch (error) {
    await opened.close()
    throw error
  }
}
