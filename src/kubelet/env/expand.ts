/** `$(NAME)` in commands, arguments, values and paths (upstream: `third_party/forked/golang/expansion`). */

/** `$$` stands for `$`; a reference to an unknown name stays as it is written. */
export function expand(text: string, env: ReadonlyMap<string, string>): string {
  return text.replace(/\$(\$|\(([^)]*)\))/g, (whole, escaped: string, name: string | undefined) => {
    if (escaped === '$') return '$'
    return env.get(name ?? '') ?? whole
  })
}

/** For paths, where an unknown name must not become part of one: throws naming it. */
export function expandStrictly(text: string, env: ReadonlyMap<string, string>): string {
  const missing: string[] = []
  const out = text.replace(/\$(\$|\(([^)]*)\))/g, (_, escaped: string, name: string | undefined) => {
    if (escaped === '$') return '$'
    const value = env.get(name ?? '')
    if (value === undefined) missing.push(name ?? '')
    return value ?? ''
  })
  if (missing.length === 0) return out
  throw new Error(`missing value for ${missing.map((name) => JSON.stringify(name)).join(', ')}`)
}
