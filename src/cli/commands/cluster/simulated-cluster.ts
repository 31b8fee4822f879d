/** What the commands about simulated nodes share: the cluster they are about, and words for what went wrong. */
import { CommandError } from '#cli/command.ts'
import type { Client } from '#client/client.ts'

export interface SimulatedCluster extends AsyncDisposable {
  readonly client: Client
}

export async function simulationOf(dataDir: string | undefined): Promise<SimulatedCluster> {
  const [{ dataDirectory }, { administrator }] = await Promise.all([
    import('#cluster/data-directory.ts'),
    import('#cluster/administrator.ts'),
  ])
  const directory = dataDirectory(dataDir)
  const client = await administrator(directory)
  if (!client)
    throw new CommandError(`No cluster was ever started in ${directory.path}.`, { next: ['nami up --simulate-nodes 10'] })
  return { client, [Symbol.asyncDispose]: () => client.close() }
}

/** What stands wrong in a file, and a cluster that does not answer, are the user's to mend. */
export async function worded<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    const name = error instanceof Error ? error.constructor.name : ''
    if (name === 'ShapesError' || name === 'YamlError') {
      throw new CommandError((error as Error).message, { next: ['nami simulate add --help'], exitCode: 2, cause: error })
    }
    if (name === 'TransportError') {
      throw new CommandError(`The cluster does not answer: ${(error as Error).message}`, { next: ['nami status'], cause: error })
    }
    throw error
  }
}
