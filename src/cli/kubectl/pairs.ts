/** `KEY=VALUE` and `KEY-` behind resources, as label, annotate and set take them. */
import { KubectlError } from './errors.ts'

export interface Pairs {
  readonly set: ReadonlyMap<string, string>
  readonly remove: readonly string[]
}

/** Resources stand before pairs. */
export function splitPairs(args: readonly string[], what: string): { resources: readonly string[]; pairs: readonly string[] } {
  const isPair = (arg: string) => (arg.includes('=') && !arg.startsWith('=')) || (arg.endsWith('-') && arg !== '-')
  const first = args.findIndex(isPair)
  if (first < 0) return { resources: args, pairs: [] }
  const pairs = args.slice(first)
  const late = pairs.find((arg) => !isPair(arg))
  if (late !== undefined) throw new KubectlError(`all resources must be specified before ${what} changes: ${late}`)
  return { resources: args.slice(0, first), pairs }
}

/** Values may have `=` in them; `what` names the pairs in errors. */
export function parsePairs(pairs: readonly string[], what: string): Pairs {
  const set = new Map<string, string>()
  const remove: string[] = []
  const wrong: string[] = []
  for (const pair of pairs) {
    const equals = pair.indexOf('=')
    if (equals > 0) set.set(pair.slice(0, equals), pair.slice(equals + 1))
    else if (pair.endsWith('-') && pair !== '-') remove.push(pair.slice(0, -1))
    else wrong.push(pair)
  }
  if (wrong.length > 0) throw new KubectlError(`invalid ${what} format: ${wrong.join(', ')}`)
  const both = remove.filter((key) => set.has(key))
  if (both.length > 0) {
    const which =
      what === 'annotation'
        ? `the following annotation(s) in the same command: ${both.join(', ')}`
        : `a ${what} in the same command`
    throw new KubectlError(`can not both modify and remove ${which}`)
  }
  return { set, remove }
}
