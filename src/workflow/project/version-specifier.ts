/** PEP 440 version specifiers, as `hokusai-required-version` holds them: `>=1.0,<4`, `~=3.2`, `==3.*`. Pre-releases are allowed. */
export function satisfies(version: string, specifier: string): boolean {
  const clauses = specifier
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean)
  return clauses.every((clause) => {
    const [, operator = '', wanted = ''] = /^(~=|==|!=|<=|>=|<|>)\s*(.+)$/.exec(clause) as RegExpExecArray
    return holds(version, operator, wanted.trim())
  })
}

/** Whether the text is a list of specifiers at all. */
export function isSpecifier(text: string): boolean {
  const clause = /^(~=|==|!=|<=|>=|<|>)\s*v?\d+(\.\d+)*(\.\*)?((a|b|rc|\.dev|\.post)\d*)?$/
  const clauses = text.split(',').map((part) => part.trim())
  return clauses.filter(Boolean).every((part) => clause.test(part))
}

function holds(version: string, operator: string, wanted: string): boolean {
  if (wanted.endsWith('.*')) {
    const prefix = numbers(wanted.slice(0, -2))
    const isSame = prefix.every((part, i) => part === (numbers(version)[i] ?? 0))
    return operator === '!=' ? !isSame : isSame
  }
  const order = compare(version, wanted)
  switch (operator) {
    case '==':
      return order === 0
    case '!=':
      return order !== 0
    case '<=':
      return order <= 0
    case '>=':
      return order >= 0
    case '<':
      return order < 0
    case '>':
      return order > 0
    default:
      return order >= 0 && holds(version, '==', `${numbers(wanted).slice(0, -1).join('.')}.*`)
  }
}

function compare(a: string, b: string): number {
  const [left, right] = [numbers(a), numbers(b)]
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0)
    if (difference !== 0) return difference
  }
  return rank(a) - rank(b)
}

function numbers(version: string): number[] {
  return (/^v?(\d+(?:\.\d+)*)/.exec(version)?.[1] ?? '0').split('.').map(Number)
}

/** dev < a < b < rc < the release < post. */
function rank(version: string): number {
  const [, word = '', number = '0'] = /(dev|a|b|rc|post)(\d*)$/.exec(version) ?? []
  const base = { dev: -4000, a: -3000, b: -2000, rc: -1000, '': 0, post: 1000 }[word] ?? 0
  return word ? base + Number(number || 0) : 0
}
