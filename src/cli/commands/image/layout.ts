/** What the image commands share: the cluster's image layout. */
import { CommandError } from '#cli/command.ts'
import { type DataDirectory, dataDirectory, prepare } from '#cluster/data-directory.ts'
import { type Layout, openLayout } from '#images/layout.ts'

export interface Images {
  readonly directory: DataDirectory
  readonly layout: Layout
}

export async function openImages(dataDir: string | undefined): Promise<Images> {
  const directory = dataDirectory(dataDir)
  prepare(directory)
  return { directory, layout: await openLayout(directory.images) }
}

/** The one argument that a command wants. */
export function only(args: readonly string[], what: string, usage: string): string {
  const [value, ...more] = args
  if (value === undefined || more.length > 0)
    throw new CommandError(`one ${what} is needed`, { next: [`nami ${usage}`], exitCode: 2 })
  return value
}

export function bytes(size: number): string {
  return size < 1e6 ? `${(size / 1e3).toFixed(1)} kB` : `${(size / 1e6).toFixed(1)} MB`
}
