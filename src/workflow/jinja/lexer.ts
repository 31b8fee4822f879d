/** Cuts a template into text and tokens, with Jinja2's default delimiters and its rules for white space. */
import { Fault, type Place } from './fault.ts'

export type TokenType =
  | 'data'
  | 'output'
  | 'output-end'
  | 'block'
  | 'block-end'
  | 'name'
  | 'integer'
  | 'float'
  | 'string'
  | 'operator'
  | 'end'

export interface Token {
  readonly type: TokenType
  readonly text: string
  readonly at: Place
}

/** The last token is `end`. A newline at the very end of the source does not count. */
export function tokensOf(text: string, template: string): Token[] {
  const source = text.replace(/\r\n?/g, '\n').replace(/\n$/, '')
  const tokens: Token[] = []
  const placeAt = placesOf(source, template)
  let isTrimmed = false
  let at = 0
  const data = (end: number, trimsEnd: boolean) => {
    let part = source.slice(at, end)
    if (isTrimmed) part = part.trimStart()
    if (trimsEnd) part = part.trimEnd()
    if (part) tokens.push({ type: 'data', text: part, at: placeAt(at) })
    isTrimmed = false
  }
  for (;;) {
    const open = opening(source, at)
    if (!open) {
      data(source.length, false)
      tokens.push({ type: 'end', text: '', at: placeAt(source.length) })
      return tokens
    }
    data(open.start, open.sign === '-')
    const here = placeAt(open.start)
    if (open.kind === '#') {
      const end = /(-?)#\}/g
      end.lastIndex = open.end
      const found = end.exec(source)
      if (!found) throw new Fault('Missing end of comment tag', here)
      isTrimmed = found[1] === '-'
      at = end.lastIndex
      continue
    }
    const raw = open.kind === '%' ? rawBlock(source, open.start, here) : undefined
    if (raw) {
      if (raw.text) tokens.push({ type: 'data', text: raw.text, at: here })
      isTrimmed = raw.isTrimmed
      at = raw.end
      continue
    }
    const inside = tokenize(source, { from: open.end, kind: open.kind, placeAt, here })
    tokens.push({ type: open.kind === '{' ? 'output' : 'block', text: '', at: here }, ...inside.tokens)
    isTrimmed = inside.isTrimmed
    at = inside.end
  }
}

type Kind = '{' | '%' | '#'

function opening(source: string, from: number): { start: number; end: number; kind: Kind; sign: string } | undefined {
  const pattern = /\{([{%#])([-+]?)/g
  pattern.lastIndex = from
  const found = pattern.exec(source)
  return found ? { start: found.index, end: pattern.lastIndex, kind: found[1] as Kind, sign: found[2] as string } : undefined
}

function rawBlock(source: string, start: number, here: Place): { text: string; end: number; isTrimmed: boolean } | undefined {
  const begin = /\{%[-+]?\s*raw\s*(-?)%\}/y
  begin.lastIndex = start
  const opened = begin.exec(source)
  if (!opened) return undefined
  const finish = /\{%([-+]?)\s*endraw\s*([-+]?)%\}/g
  finish.lastIndex = begin.lastIndex
  const closed = finish.exec(source)
  if (!closed) throw new Fault('Missing end of raw directive', here)
  let text = source.slice(begin.lastIndex, closed.index)
  if (opened[1]) text = text.trimStart()
  if (closed[1] === '-') text = text.trimEnd()
  return { text, end: finish.lastIndex, isTrimmed: closed[2] === '-' }
}

const lexemes: readonly (readonly [TokenType, RegExp])[] = [
  ['float', /\d+(?:_\d+)*(?:(?:\.\d+(?:_\d+)*)(?:[eE][+-]?\d+(?:_\d+)*)?|[eE][+-]?\d+(?:_\d+)*)/y],
  ['integer', /0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[\da-fA-F])+|\d+(?:_\d+)*/y],
  ['name', /[\p{L}_][\p{L}\p{N}_]*/uy],
  ['string', /'(?:[^'\\]|\\[\s\S])*'|"(?:[^"\\]|\\[\s\S])*"/y],
  ['operator', /\/\/|\*\*|==|!=|>=|<=|[-+*/%~[\](){}<>=.:|,;]/y],
]

interface Inside {
  readonly from: number
  readonly kind: Kind
  readonly placeAt: (at: number) => Place
  readonly here: Place
}

/** From behind the opening to behind the closing; the closing's token included. */
function tokenize(source: string, { from, kind, placeAt, here }: Inside) {
  const tokens: Token[] = []
  const close = kind === '{' ? /([-+]?)\}\}/y : /([-+]?)%\}/y
  const type: TokenType = kind === '{' ? 'output-end' : 'block-end'
  let depth = 0
  let at = from
  for (;;) {
    while (/\s/.test(source[at] ?? '')) at++
    if (at >= source.length) throw new Fault(`unexpected end of template: a "{${kind}" is not closed`, here)
    close.lastIndex = at
    const closed = depth === 0 ? close.exec(source) : null
    if (closed) {
      tokens.push({ type, text: '', at: placeAt(at) })
      return { tokens, end: close.lastIndex, isTrimmed: closed[1] === '-' }
    }
    const token = next(source, at, placeAt)
    if (token.type === 'operator') {
      if (/[[({]/.test(token.text)) depth++
      if (/[\])}]/.test(token.text)) depth = Math.max(0, depth - 1)
    }
    tokens.push(token)
    at += token.text.length
  }
}

function next(source: string, at: number, placeAt: (at: number) => Place): Token {
  for (const [type, pattern] of lexemes) {
    pattern.lastIndex = at
    const found = pattern.exec(source)
    if (found) return { type, text: found[0], at: placeAt(at) }
  }
  throw new Fault(`unexpected char ${JSON.stringify(source[at])}`, placeAt(at))
}

/** From an index to line and column; binary search over the starts of lines. */
function placesOf(source: string, template: string): (at: number) => Place {
  const starts = [0]
  for (let i = source.indexOf('\n'); i >= 0; i = source.indexOf('\n', i + 1)) starts.push(i + 1)
  return (at) => {
    let [low, high] = [0, starts.length]
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if ((starts[middle] as number) <= at) low = middle
      else high = middle
    }
    return { template, line: low + 1, column: at - (starts[low] as number) + 1 }
  }
}
