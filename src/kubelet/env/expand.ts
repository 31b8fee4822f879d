/** `$(NAME)` in commands, arguments, values and paths (upstream: `third_party/forked/golang/expansion`). */

/** `$$` stands for `$`; a reference to an unknown name stays as it is written. */
export function expand(text: string, env: ReadonlyMap<string, string>): string {
  return replaceReferences(text, (name, whole) => env.get(name) ?? whole)
}

/** For paths, where an unknown name must not become part of one: throws naming it. */
export function expandStrictly(text: string, env: ReadonlyMap<string, string>): string {
  const missing: string[] = []
  const out = replaceReferences(text, (name) => {
    const value = env.get(name)
    if (value === undefined) missing.push(name)
    return value ?? ''
  })
  if (missing.length === 0) return out
  throw new Error(`missing value for ${missing.map((name) => JSON.stringify(name)).join(', ')}`)
}

/** Behind the last bracket no reference can end: to look for one there would cost the square of the text's length. */
function replaceReferences(text: string, replace: (name: string, whole: string) => string): string {
  const end = text.lastIndexOf(')') + 1
  const head = text
    .slice(0, end)
    .replace(/\$(\$|\(([^)]*)\))/g, (whole, escaped: string, name: string | undefined) =>
      escaped === '$' ? '$' : replace(name ?? '', whole),
    )
  return head + text.slice(end).replace(/\$\$/g, '$')
}
