/** Reads what `nft list table` prints, as far as it takes to see whose packets are dropped. */

/** The rules that packets of a base chain may meet, in order: its own, and those of the chains it leads to. Without a chain: all. */
export function rulesFrom(listing: string, chain?: string): readonly string[] {
  const chains = chainsIn(listing)
  if (chain === undefined) return [...chains.values()].flat()
  const seen = new Set<string>()
  const walk = (name: string): readonly string[] => {
    if (seen.has(name)) return []
    seen.add(name)
    return (chains.get(name) ?? []).flatMap((rule) => {
      const [, next] = /\b(?:jump|goto) (\S+)$/.exec(rule) ?? []
      return next ? [rule, ...walk(next).map((inner) => (isForAll(rule) ? inner : `${rule}: ${inner}`))] : [rule]
    })
  }
  return walk(chain)
}

function chainsIn(listing: string): ReadonlyMap<string, readonly string[]> {
  const chains = new Map<string, string[]>()
  let rules: string[] | undefined
  for (const line of listing.split('\n').map((text) => text.trim())) {
    const [, name] = /^chain (\S+) \{$/.exec(line) ?? []
    if (name) chains.set(name, (rules = []))
    else if (line === '}') rules = undefined
    else if (line && !line.startsWith('type ')) rules?.push(line)
  }
  return chains
}

export function isLetThrough(rule: string, ours: readonly string[]): boolean {
  return names(rule, ours) && !isDrop(rule)
}

/** The first rule that drops packets of ours: all packets, or ours by name; undefined where one lets them through before. */
export function dropOf(rules: readonly string[], ours: readonly string[]): string | undefined {
  const rule = rules.find((one) => isLetThrough(one, ours) || (isDrop(one) && (isForAll(one) || names(one, ours))))
  return rule !== undefined && isDrop(rule) ? rule : undefined
}

function names(rule: string, ours: readonly string[]): boolean {
  return ours.some((name) => rule.includes(name))
}

function isDrop(rule: string): boolean {
  return /\b(drop|reject( with .*)?)$/.test(withoutComment(rule))
}

/** Nothing in it asks which packet it is. */
function isForAll(rule: string): boolean {
  return /^(counter( packets \d+ bytes \d+)? )?(drop|reject( with .*)?|(jump|goto) \S+)$/.test(withoutComment(rule))
}

function withoutComment(rule: string): string {
  return rule.replace(/ comment "[^"]*"$/, '')
}
