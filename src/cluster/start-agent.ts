/** The agent process from its first moment: containerd starts while all the rest is loaded. */
import { pauseReference } from '#images/pause.ts'
import { systemClock } from '#lib/clock.ts'
import type { RunningAgent } from './agent.ts'
import { startContainerd } from './containerd.ts'
import type { ClusterConfig, DataDirectory } from './data-directory.ts'
import type { Log } from './log.ts'

export async function startAgent(directory: DataDirectory, config: ClusterConfig, log: Log): Promise<RunningAgent> {
  const { cniConfDir, registries, ...paths } = directory.containerd
  const options = { ...paths, cniConfDir, configPath: registries, sandboxImage: pauseReference, clock: systemClock }
  const started = startContainerd(options)
  // Whoever waits for it hears of it.
  started.catch(() => {})
  const { runAgent } = await import('./agent.ts')
  return runAgent({ directory, config, log, containerd: { options, started } })
}
