/** Cuts an expression into tokens (cel-go `parser/gen/CEL.g4`). */
import type { Issue } from './source.ts'

export type TokenKind = 'ident' | 'int' | 'uint' | 'double' | 'string' | 'bytes' | 'op' | 'end'

export interface Token {
  readonly kind: TokenKind
  /** As it stands in the expression; `<EOF>` at the end. */
  readonly text: string
  /** Offset in code points. */
  readonly pos: number
}

const space = /[\t\n\f\r ]+|\/\/[^\n]*/y
const double = /\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?/y
const integer = /(?:0x[0-9a-fA-F]+|\d+)([uU]?)/y
const text =
  /([bB][rR]?|[rR][bB]?)?("""[\s\S]*?(?<!\\)(?:\\\\)*"""|'''[\s\S]*?(?<!\\)(?:\\\\)*'''|"(?:\\.|[^"\\\n\r])*"|'(?:\\.|[^'\\\n\r])*')/y
const rawText = /([bB]?[rR][bB]?)("""[\s\S]*?"""|'''[\s\S]*?'''|"[^"\n\r]*"|'[^'\n\r]*')/y
const identifier = /[a-zA-Z_][a-zA-Z0-9_]*/y
const operator = /==|!=|<=|>=|&&|\|\||[[\]{}().,\-?:+*/%!<>]/y

/** All tokens, ended by `end`; what is no token is skipped and told. */
export function tokenize(expression: string, issues: Issue[]): Token[] {
  const tokens: Token[] = []
  const position = codePointOffsets(expression)
  let at = 0
  while (at < expression.length) {
    const skipped = match(space, expression, at)
    if (skipped) {
      at += skipped[0].length
      continue
    }
    const token = tokenAt(expression, at, position(at))
    if (token) {
      tokens.push(token)
      at += token.text.length
      continue
    }
    const bad = String.fromCodePoint(expression.codePointAt(at) ?? 0)
    issues.push({ pos: position(at), message: `Syntax error: token recognition error at: '${shown(bad, expression, at)}'` })
    at += bad.length
  }
  tokens.push({ kind: 'end', text: '<EOF>', pos: position(expression.length) })
  return tokens
}

/** The lexer reports a lone `|`, `&` or `=` together with the character that made it give up. */
function shown(bad: string, expression: string, at: number): string {
  return '|&='.includes(bad) ? bad + (expression[at + 1] ?? '') : bad
}

function tokenAt(expression: string, at: number, pos: number): Token | undefined {
  const raw = match(rawText, expression, at)
  if (raw) return { kind: /b/i.test(raw[1] ?? '') ? 'bytes' : 'string', text: raw[0], pos }
  const quoted = match(text, expression, at)
  if (quoted) return { kind: /b/i.test(quoted[1] ?? '') ? 'bytes' : 'string', text: quoted[0], pos }
  const fraction = match(double, expression, at)
  if (fraction) return { kind: 'double', text: fraction[0], pos }
  const whole = match(integer, expression, at)
  if (whole) return { kind: whole[1] ? 'uint' : 'int', text: whole[0], pos }
  const name = match(identifier, expression, at)
  if (name) return { kind: 'ident', text: name[0], pos }
  const op = match(operator, expression, at)
  return op ? { kind: 'op', text: op[0], pos } : undefined
}

function match(pattern: RegExp, expression: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at
  return pattern.exec(expression)
}

/** From offsets in UTF-16 to offsets in code points; called with growing offsets. */
function codePointOffsets(expression: string): (at: number) => number {
  let seen = 0
  let pairs = 0
  return (at) => {
    for (; seen < at; seen++) {
      const unit = expression.charCodeAt(seen)
      if (unit >= 0xd800 && unit < 0xdc00) pairs++
    }
    return at - pairs
  }
}
