/** What extends what: maps are merged, lists are joined, single values replaced (compose-spec `13-merge.md`). */

/** Commands replace each other whole. */
const replaced = new Set(['command', 'entrypoint', 'healthcheck.test'])
/** Lists of `NAME=value` that may stand as maps, too. */
const pairs = new Set(['environment', 'labels', 'annotations', 'extra_hosts', 'sysctls', 'args', 'depends_on', 'networks'])

export function mergeServices(base: Readonly<Record<string, any>>, own: Readonly<Record<string, any>>): Record<string, any> {
  const { extends: _, ...rest } = own
  const { depends_on: __, ...inherited } = base
  return merged(inherited, rest, '')
}

function merged(base: any, own: any, path: string): any {
  const key = path.split('.').at(-1) ?? ''
  if (own === undefined) return base
  if (base === undefined || base === null || replaced.has(path)) return own
  if (pairs.has(key)) return { ...asMap(base), ...asMap(own) }
  if (Array.isArray(own)) return joined([base].flat(), own, key)
  if (typeof own !== 'object' || own === null || typeof base !== 'object') return own
  const keys = new Set([...Object.keys(base), ...Object.keys(own)])
  return Object.fromEntries([...keys].map((one) => [one, merged(base[one], own[one], path ? `${path}.${one}` : one)]))
}

/** Of volumes the same place in the container counts once. */
function joined(base: readonly unknown[], own: readonly unknown[], key: string): unknown[] {
  const id = (one: any): string => {
    if (key !== 'volumes') return JSON.stringify(one)
    if (typeof one !== 'string') return one?.target ?? ''
    const parts = one.split(':')
    return parts.length === 1 ? one : (parts[1] ?? '')
  }
  return [...new Map([...base, ...own].map((one) => [id(one), one])).values()]
}

function asMap(value: any): Record<string, any> {
  if (!Array.isArray(value)) return value ?? {}
  return Object.fromEntries(
    value.map((line) => {
      const [, name = '', sign, text = ''] = /^([^=]*)(=?)(.*)$/s.exec(String(line)) ?? []
      return [name, sign ? text : null]
    }),
  )
}
