/** Which plugins a profile runs at which point, from what it enables and disables (upstream `framework/runtime`, KEP-785). */
import type { Plugin } from './framework/plugin.ts'
import { type ProfileOptions, plugins, type Weighted } from './profiles.ts'

/** At one extension point, or at all (`multiPoint`). */
export interface PluginSet {
  readonly enabled?: readonly { readonly name: string; readonly weight?: number }[]
  readonly disabled?: readonly { readonly name: string }[]
}

/** What of a plugin runs at each point. */
const points = {
  preEnqueue: ['preEnqueue'],
  queueSort: ['compare'],
  preFilter: [],
  filter: ['filter'],
  postFilter: ['postFilter'],
  preScore: [],
  score: ['score', 'prepareScore', 'normalize'],
  reserve: ['reserve', 'unreserve'],
  permit: ['permit'],
  preBind: ['preBind'],
  bind: ['bind'],
  postBind: ['postBind'],
} as const satisfies Readonly<Record<string, readonly (keyof Plugin)[]>>

type Point = keyof typeof points

export const extensionPoints: readonly string[] = Object.keys(points)

type Sets = Readonly<Record<string, PluginSet | undefined>>

/** Enabled ones come in the order in which they are named, behind the defaults that stay. */
export function profilePlugins(sets: Sets, options: ProfileOptions): readonly Weighted[] {
  const all = plugins.map(({ weight, make }) => ({ weight, plugin: make(options) }))
  const byName = new Map(all.map((one) => [one.plugin.name, one]))
  for (const [point, set] of Object.entries(sets)) {
    const unknown = set?.enabled?.find(({ name }) => !byName.has(name))
    if (unknown)
      throw new Error(`${point === 'multiPoint' ? 'MultiPoint plugin' : `${point} plugin`} "${unknown.name}" does not exist`)
  }
  const { enabled = [], disabled = [] } = sets.multiPoint ?? {}
  const named = enabled.map(({ name }) => name)
  const isOut = (name: string) => disabled.some((one) => one.name === '*' || one.name === name)
  // A default that is named once more keeps its place, unless it was disabled first.
  const kept = all.filter(({ plugin }) => !isOut(plugin.name))
  const added = named.filter((name) => isOut(name)).map((name) => byName.get(name) as Weighted)
  const everywhere = new Set([...kept, ...added].map(({ plugin }) => plugin.name))
  const others = all.filter(({ plugin }) => !everywhere.has(plugin.name) && isNamedAnywhere(plugin.name, sets))
  return [...kept, ...added, ...others].map(({ plugin, weight }) => {
    const multi = enabled.find(({ name }) => name === plugin.name)
    const own = sets.score?.enabled?.find(({ name }) => name === plugin.name)
    const runs = (point: Point) => runsAt(sets[point], plugin.name, everywhere.has(plugin.name))
    const scores = plugin.score !== undefined && runs('score')
    return { plugin: withPoints(plugin, runs), weight: scores ? own?.weight || multi?.weight || weight || 1 : 0 }
  })
}

function isNamedAnywhere(name: string, sets: Sets): boolean {
  return Object.values(sets).some((set) => set?.enabled?.some((one) => one.name === name))
}

/** What a point says for itself comes before what is said for all. */
function runsAt(set: PluginSet | undefined, name: string, everywhere: boolean): boolean {
  if (set?.enabled?.some((one) => one.name === name)) return true
  if (set?.disabled?.some((one) => one.name === '*' || one.name === name)) return false
  return everywhere
}

/** The plugin without what does not run. What filters and scores prepare for themselves stays. */
function withPoints(plugin: Plugin, runs: (point: Point) => boolean): Plugin {
  const left: Record<string, unknown> = { ...plugin }
  let isWhole = true
  for (const [point, names] of Object.entries(points)) {
    if (runs(point as Point)) continue
    for (const name of names) {
      if (!left[name]) continue
      delete left[name]
      isWhole = false
    }
  }
  return isWhole ? plugin : (left as unknown as Plugin)
}
