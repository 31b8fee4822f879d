/**
 * Finds the program in few files, as `bundle.ts` makes it of the sources: they load in a third of the time, and with less memory. What a command
 * may load is compared with its sources first; where one of them has changed since, the sources count.
 */
import { fileURLToPath } from 'node:url'

// An import would load all that hides behind its getters, such as streams of files.
const { readFileSync, statSync } = process.getBuiltinModule('node:fs')

export interface Place {
  /** Of the checkout, with a slash at the end as all directories here. */
  readonly root: string
  /** Of the bundle: among the packages, which it finds there and goes with. */
  readonly bundle: string
}

const root = fileURLToPath(new URL('..', import.meta.url))
export const here: Place = { root, bundle: `${root}node_modules/.nami-bundle/` }

export interface Inputs {
  /** The file of the bundle that has the command. */
  readonly main: string
  /** Below the root, each with size and time of change: all that the command may load. */
  readonly sources: readonly (readonly [path: string, size: number, changed: number])[]
}

/** Names the inputs of a command in the bundle. */
export function inputsFile(words: readonly string[]): string {
  return `inputs/${words.join('-')}.json`
}

/** The URL of the module that stands for `src/cli/main.ts`; undefined where the bundle has no such command, or an old one. */
export function bundledMain(argv: readonly string[], { root, bundle }: Place = here): string | undefined {
  for (let count = Math.min(3, argv.length); count > 0; count--) {
    const words = argv.slice(0, count)
    if (!words.every((word) => /^[a-z-]+$/.test(word))) continue
    try {
      const { main, sources }: Inputs = JSON.parse(readFileSync(bundle + inputsFile(words), 'utf8'))
      return sources.every((source) => isUnchanged(root, source)) ? `file://${encodeURI(bundle)}${main}` : undefined
    } catch {
      // The name of the command may be shorter.
    }
  }
  return undefined
}

function isUnchanged(root: string, [path, size, changed]: Inputs['sources'][number]): boolean {
  const now = statSync(root + path)
  return now.size === size && now.mtimeMs === changed
}
