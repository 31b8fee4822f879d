/** What the flags of several commands say about the store. */
import { CommandError, type Terminal } from '#cli/command.ts'
import type { StoreFlags, StoreWishes } from '#cluster/store-config.ts'

export async function storeFrom(
  flags: StoreFlags,
  { cwd }: Pick<Terminal, 'cwd'>,
  present?: 'sqlite' | 'etcd',
): Promise<StoreWishes> {
  const { StoreFlagError, storeWishes } = await import('#cluster/store-config.ts')
  try {
    return storeWishes(flags, cwd, present)
  } catch (error) {
    if (!(error instanceof StoreFlagError)) throw error
    throw new CommandError(error.message, { exitCode: 2, cause: error })
  }
}
