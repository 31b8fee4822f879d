/** JSONPath templates as client-go's `util/jsonpath` reads them: text with `{...}` in it. */

export type Node =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'list'; readonly nodes: Node[] }
  | { readonly type: 'field'; readonly name: string }
  | { readonly type: 'wildcard' }
  | { readonly type: 'recursive' }
  | { readonly type: 'identifier'; readonly name: string }
  | { readonly type: 'literal'; readonly value: unknown }
  | { readonly type: 'array'; readonly bounds: readonly (number | undefined)[]; readonly single: boolean }
  | { readonly type: 'union'; readonly nodes: readonly Node[] }
  | { readonly type: 'filter'; readonly left: Node; readonly right: Node; readonly operator: string }

export class JsonPathError extends Error {}

/** The root's nodes: texts, and one list for each `{...}`. */
export function parseJsonPath(template: string): Node[] {
  const nodes: Node[] = []
  let rest = template
  while (rest !== '') {
    const open = rest.indexOf('{')
    if (open < 0) {
      nodes.push({ type: 'text', text: rest })
      break
    }
    if (open > 0) nodes.push({ type: 'text', text: rest.slice(0, open) })
    const parser = new ActionParser(rest, open + 1)
    nodes.push({ type: 'list', nodes: parser.action() })
    rest = rest.slice(parser.at)
  }
  return nodes
}

const terminators = new Set([undefined, ' ', '\t', '\r', '\n', '.', ',', '[', ']', '$', '@', '{', '}'])

class ActionParser {
  readonly #text: string
  at: number

  constructor(text: string, at: number) {
    this.#text = text
    this.at = at
  }

  action(): Node[] {
    const nodes: Node[] = []
    for (;;) {
      const letter = this.#text[this.at]
      if (letter === '}') {
        this.at++
        return nodes
      }
      if (letter === undefined || letter === '\n') throw new JsonPathError('unclosed action')
      const node = this.#node(letter)
      if (node) nodes.push(node)
    }
  }

  #node(letter: string): Node | undefined {
    const rest = this.#text.slice(this.at)
    if (rest.startsWith('[?(')) return this.#filter()
    if (rest.startsWith('..')) {
      this.at += 2
      // What follows `..` is a field, with or without a dot of its own.
      if (/[\p{L}\p{N}_]/u.test(this.#text[this.at] ?? '')) this.at--
      return { type: 'recursive' }
    }
    if (/[ \t\r@$]/.test(letter)) {
      this.at++
      return undefined
    }
    if (letter === '[') return this.#array()
    if (letter === '"' || letter === "'") return this.#quoted(letter)
    if (letter === '.') return this.#field()
    if (/[+\-\d]/.test(letter)) return this.#number()
    if (/[\p{L}_]/u.test(letter)) return this.#identifier()
    throw new JsonPathError(
      `unrecognized character in action: U+${letter.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')} '${letter}'`,
    )
  }

  #word(): string {
    const start = this.at
    while (!terminators.has(this.#text[this.at])) {
      if (this.#text[this.at] === '\\') this.at++
      this.at++
    }
    return this.#text.slice(start, this.at)
  }

  #field(): Node {
    this.at++
    const word = this.#word()
    return word === '*' ? { type: 'wildcard' } : { type: 'field', name: word.replaceAll('\\', '') }
  }

  #identifier(): Node {
    const word = this.#word()
    if (word === 'true' || word === 'false') return { type: 'literal', value: word === 'true' }
    return { type: 'identifier', name: word }
  }

  #number(): Node {
    const [word = ''] = /^[+-]?[\d.]*/.exec(this.#text.slice(this.at)) ?? []
    this.at += word.length
    if (!Number.isFinite(Number(word)) || word === '') throw new JsonPathError(`cannot parse number ${word}`)
    return { type: 'literal', value: Number(word) }
  }

  #quoted(end: string): Node {
    const start = this.at++
    for (; this.#text[this.at] !== end; this.at++) {
      const letter = this.#text[this.at]
      if (letter === undefined || letter === '\n') throw new JsonPathError('unterminated quoted string')
      if (letter === '\\') this.at++
    }
    this.at++
    return { type: 'literal', value: unquote(this.#text.slice(start + 1, this.at - 1)) }
  }

  #array(): Node {
    const start = ++this.at
    for (let quote = ''; ; this.at++) {
      const letter = this.#text[this.at]
      if (letter === undefined || letter === '\n') throw new JsonPathError('unterminated array')
      if (quote) {
        if (letter === '\\') this.at++
        else if (letter === quote) quote = ''
      } else if (letter === '"' || letter === "'") quote = letter
      else if (letter === ']') break
    }
    const inner = this.#text.slice(start, this.at++)
    return arrayNode(inner)
  }

  #filter(): Node {
    const start = (this.at += 3)
    for (let quote = '', depth = 0; ; this.at++) {
      const letter = this.#text[this.at]
      if (letter === undefined || letter === '\n') throw new JsonPathError('unterminated filter')
      if (quote) {
        if (letter === quote && this.#text[this.at - 1] !== '\\') quote = ''
      } else if (letter === '"' || letter === "'") quote = letter
      else if (letter === '(') depth++
      else if (letter === ')' && depth-- === 0) break
    }
    const inner = this.#text.slice(start, this.at)
    if (this.#text[this.at + 1] !== ']') throw new JsonPathError('unclosed array expect ]')
    this.at += 2
    const parts = /^([^!<>=]+)([!<>=]+)(.+?)$/s.exec(inner)
    const list = (text: string): Node => ({ type: 'list', nodes: new ActionParser(`${text}}`, 0).action() })
    if (!parts) return { type: 'filter', left: list(inner), right: list(''), operator: 'exists' }
    return { type: 'filter', left: list(parts[1] as string), right: list(parts[3] as string), operator: parts[2] as string }
  }
}

function arrayNode(inner: string): Node {
  const text = inner === '*' ? ':' : inner
  const parts = splitUnion(text)
  if (parts.length > 1) return { type: 'union', nodes: parts.map((part) => arrayNode(part.trim())) }
  const key = /^\s*(?:'([^']*)'|"([^"]*)")\s*$/.exec(text)
  if (key) return { type: 'field', name: (key[1] ?? key[2] ?? '').replaceAll('\\', '') }
  const slice = /^\s*(-?\d*)(:-?\d*)?(:-?\d*)?\s*$/.exec(text)
  if (!slice) throw new JsonPathError(`invalid array index ${text}`)
  const bound = (part: string | undefined) => {
    const digits = part?.replace(/^:/, '')
    return digits === undefined || digits === '' ? undefined : Number(digits)
  }
  return { type: 'array', bounds: [bound(slice[1]), bound(slice[2]), bound(slice[3])], single: slice[2] === undefined }
}

function splitUnion(text: string): string[] {
  return text.match(/(?:'[^']*'|"[^"]*"|[^,])+/g) ?? ['']
}

function unquote(text: string): string {
  const known: Record<string, string> = { n: '\n', t: '\t', r: '\r', '\\': '\\', '"': '"', "'": "'" }
  return text.replace(/\\(.)/g, (whole, letter: string) => known[letter] ?? whole)
}
