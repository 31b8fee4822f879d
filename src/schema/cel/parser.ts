/** Reads an expression into its tree; macros are expanded on the way (cel-go `parser/parser.go`). */
import { type Expr, type MapEntry, qualifiedName, type StructField } from './ast.ts'
import { type Token, tokenize } from './lexer.ts'
import { bytesLiteral, intLiteral, textLiteral, uintLiteral } from './literal.ts'
import { expandMacro, MacroError } from './macros.ts'
import { compileError, type Issue } from './source.ts'

/** Code points that an expression may have. */
const longest = 100_000
/** How deep anything may be nested, and how long a chain of one kind of operator may be. */
const deepest = 250

const reserved = new Set(
  'as break const continue else for function if import let loop package namespace return var void while'.split(' '),
)
const keywords = new Set(['in', 'true', 'false', 'null'])
const startOfValue =
  "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}"
const relations: Readonly<Record<string, string>> = {
  '<': '_<_',
  '<=': '_<=_',
  '>': '_>_',
  '>=': '_>=_',
  '==': '_==_',
  '!=': '_!=_',
  in: '@in',
}

/** Throws CelCompileError with all syntax errors that were found. */
export function parseCel(expression: string): Expr {
  const size = expression.length > longest ? [...expression].length : expression.length
  if (size > longest) {
    const message = `expression code point size exceeds limit: size: ${size}, limit ${longest}`
    throw compileError(expression, [{ pos: -1, message }])
  }
  return new Parser(expression).parse()
}

/** Ends the parsing: what follows a syntax error is not understood. */
class Stop {}

class Parser {
  readonly #expression: string
  readonly #issues: Issue[] = []
  readonly #tokens: readonly Token[]
  #at = 0
  #depth = 0

  constructor(expression: string) {
    this.#expression = expression
    this.#tokens = tokenize(expression, this.#issues)
  }

  parse(): Expr {
    let expr: Expr | undefined
    try {
      expr = this.#expr()
      if (this.#peek.kind !== 'end') this.#unexpected('<EOF>')
    } catch (error) {
      if (!(error instanceof Stop)) throw error
    }
    if (this.#issues.length > 0 || !expr) throw compileError(this.#expression, this.#issues)
    return expr
  }

  get #peek(): Token {
    return this.#tokens[this.#at] as Token
  }

  #next(): Token {
    const token = this.#peek
    if (token.kind !== 'end') this.#at++
    return token
  }

  #is(text: string): boolean {
    const { kind, text: found } = this.#peek
    return found === text && (kind === 'op' || kind === 'ident')
  }

  #take(text: string): Token | undefined {
    return this.#is(text) ? this.#next() : undefined
  }

  #want(text: string): Token {
    return this.#take(text) ?? this.#unexpected(`'${text}'`)
  }

  /** ANTLR calls a single superfluous token extraneous, and anything else a mismatch. */
  #unexpected(expected: string): never {
    const { pos, text } = this.#peek
    const following = this.#tokens[this.#at + 1]
    const lone = expected === '<EOF>' && following?.kind === 'end'
    this.#issues.push({
      pos,
      message: `Syntax error: ${lone ? 'extraneous' : 'mismatched'} input '${text}' expecting ${expected}`,
    })
    throw new Stop()
  }

  #report(pos: number, message: string): void {
    this.#issues.push({ pos, message })
  }

  #tooDeep(): never {
    this.#report(-1, `expression recursion limit exceeded: ${deepest}`)
    throw new Stop()
  }

  #expr(): Expr {
    if (++this.#depth > deepest) this.#tooDeep()
    const condition = this.#logical('||', '_||_', () => this.#logical('&&', '_&&_', () => this.#relation()))
    const question = this.#take('?')
    let expr = condition
    if (question) {
      const yes = this.#logical('||', '_||_', () => this.#logical('&&', '_&&_', () => this.#relation()))
      this.#want(':')
      expr = call(question.pos, '_?_:_', [condition, yes, this.#expr()])
    }
    this.#depth--
    return expr
  }

  /** Chains of `&&` and `||` become balanced trees, so that a long one is not a deep one. */
  #logical(symbol: string, name: string, operand: () => Expr): Expr {
    const terms = [operand()]
    const positions: number[] = []
    for (let op = this.#take(symbol); op; op = this.#take(symbol)) {
      positions.push(op.pos)
      terms.push(operand())
    }
    return balanced(name, terms, positions)
  }

  #relation(): Expr {
    let left = this.#sum()
    for (let count = 0; ; count++) {
      const { kind, text, pos } = this.#peek
      const name = (kind === 'op' || text === 'in') && Object.hasOwn(relations, text) ? relations[text] : undefined
      if (!name) return left
      if (count > deepest) this.#tooDeep()
      this.#next()
      left = call(pos, name, [left, this.#sum()])
    }
  }

  #sum(): Expr {
    return this.#chain(['+', '-'], () => this.#chain(['*', '/', '%'], () => this.#unary()))
  }

  #chain(symbols: readonly string[], operand: () => Expr): Expr {
    let left = operand()
    for (let count = 0; ; count++) {
      const op = this.#peek
      if (op.kind !== 'op' || !symbols.includes(op.text)) return left
      if (count > deepest) this.#tooDeep()
      this.#next()
      left = call(op.pos, `_${op.text}_`, [left, operand()])
    }
  }

  #unary(): Expr {
    const symbol = this.#is('!') ? '!' : this.#is('-') ? '-' : undefined
    if (!symbol) return this.#member()
    const first = this.#peek
    let count = 0
    while (this.#is(symbol) && !this.#isNegativeNumber()) {
      this.#next()
      count++
    }
    const operand = this.#member()
    return count % 2 === 0 ? operand : call(first.pos, symbol === '!' ? '!_' : '-_', [operand])
  }

  #isNegativeNumber(): boolean {
    const kind = this.#tokens[this.#at + 1]?.kind
    return this.#is('-') && (kind === 'int' || kind === 'double')
  }

  #member(): Expr {
    let expr = this.#primary()
    for (let count = 0; ; count++) {
      if (count > deepest) this.#tooDeep()
      const dot = this.#take('.')
      if (dot) {
        expr = this.#selected(expr, dot)
        continue
      }
      const open = this.#take('[')
      if (open) {
        const optional = this.#take('?')
        const index = this.#expr()
        this.#want(']')
        expr = call(open.pos, optional ? '_[?_]' : '_[_]', [expr, index])
        continue
      }
      const name = this.#is('{') ? qualifiedName(expr) : undefined
      if (name === undefined) return expr
      expr = this.#struct(name)
    }
  }

  #selected(operand: Expr, dot: Token): Expr {
    const optional = this.#take('?')
    const field = this.#peek
    if (field.kind !== 'ident' || keywords.has(field.text)) this.#unexpected(optional ? 'IDENTIFIER' : "{'?', IDENTIFIER}")
    this.#next()
    const open = optional ? undefined : this.#take('(')
    if (open) return this.#called(field.text, { pos: open.pos, target: operand })
    if (optional) {
      const name: Expr = { kind: 'literal', value: field.text, pos: field.pos }
      return call(dot.pos, '_?._', [operand, name])
    }
    return { kind: 'select', operand, field: field.text, test: false, pos: dot.pos }
  }

  #called(name: string, { pos, target }: { pos: number; target?: Expr }): Expr {
    const args = this.#list(')')
    try {
      return expandMacro({ name, target, args, pos }) ?? { kind: 'call', name, target, args, pos }
    } catch (error) {
      if (!(error instanceof MacroError)) throw error
      this.#report(error.pos, error.message)
      return { kind: 'literal', value: null, pos }
    }
  }

  #list(close: string): Expr[] {
    const items: Expr[] = []
    if (this.#take(close)) return items
    do {
      items.push(this.#expr())
    } while (this.#take(','))
    this.#want(close)
    return items
  }

  #primary(): Expr {
    const token = this.#peek
    switch (token.kind) {
      case 'ident':
        return this.#name('')
      case 'int':
      case 'double':
        this.#next()
        return this.#number(token, false)
      case 'uint':
      case 'string':
      case 'bytes':
        this.#next()
        return this.#literal(token)
      case 'op':
        return this.#bracketed(token)
      default:
        return this.#unexpected(startOfValue)
    }
  }

  #bracketed(token: Token): Expr {
    switch (token.text) {
      case '(': {
        this.#next()
        const inner = this.#expr()
        this.#want(')')
        return inner
      }
      case '[':
        return this.#listLiteral()
      case '{':
        return this.#mapLiteral()
      case '.':
        this.#next()
        if (this.#peek.kind !== 'ident') return this.#unexpected('IDENTIFIER')
        return this.#name('.')
      case '-':
        if (!this.#isNegativeNumber()) return this.#unexpected(startOfValue)
        this.#next()
        return this.#number(this.#next(), true, token.pos)
      default:
        return this.#unexpected(startOfValue)
    }
  }

  #name(leading: string): Expr {
    const { text, pos } = this.#next()
    if (!leading && (text === 'true' || text === 'false')) return { kind: 'literal', value: text === 'true', pos }
    if (!leading && text === 'null') return { kind: 'literal', value: null, pos }
    if (text === 'in') {
      this.#at--
      return this.#unexpected(startOfValue)
    }
    if (reserved.has(text)) this.#report(pos, `reserved identifier: ${text}`)
    const open = this.#take('(')
    return open ? this.#called(text, { pos: open.pos }) : { kind: 'ident', name: text, pos }
  }

  #number({ kind, text, pos }: Token, negative: boolean, start = pos): Expr {
    if (kind === 'double') {
      const value = Number(text)
      if (!Number.isFinite(value)) this.#report(start, 'invalid double literal')
      return { kind: 'literal', value: negative ? -value : value, pos: start }
    }
    const value = intLiteral(text, negative)
    if (value === undefined) this.#report(start, 'invalid int literal')
    return { kind: 'literal', value: value ?? 0n, pos: start }
  }

  #literal({ kind, text, pos }: Token): Expr {
    const value = kind === 'uint' ? uintLiteral(text) : kind === 'bytes' ? bytesLiteral(text) : textLiteral(text)
    if (value === undefined) this.#report(pos, kind === 'uint' ? 'invalid uint literal' : 'unable to unescape string')
    return { kind: 'literal', value: value ?? null, pos }
  }

  #listLiteral(): Expr {
    const { pos } = this.#next()
    const elements: Expr[] = []
    const optional = new Set<number>()
    while (!this.#take(']')) {
      if (this.#take('?')) optional.add(elements.length)
      elements.push(this.#expr())
      if (!this.#take(',') && !this.#is(']')) this.#unexpected("{']', ','}")
    }
    return { kind: 'list', elements, optional, pos }
  }

  #mapLiteral(): Expr {
    const { pos } = this.#next()
    const entries: MapEntry[] = []
    while (!this.#take('}')) {
      const optional = this.#take('?') !== undefined
      const key = this.#expr()
      this.#want(':')
      entries.push({ key, value: this.#expr(), optional })
      if (!this.#take(',') && !this.#is('}')) this.#unexpected("{'}', ','}")
    }
    return { kind: 'map', entries, pos }
  }

  #struct(name: string): Expr {
    const { pos } = this.#want('{')
    const fields: StructField[] = []
    while (!this.#take('}')) {
      const optional = this.#take('?') !== undefined
      const field = this.#peek
      if (field.kind !== 'ident') this.#unexpected("{'}', ',', IDENTIFIER}")
      this.#next()
      const colon = this.#want(':')
      fields.push({ name: field.text, value: this.#expr(), optional, pos: colon.pos })
      if (!this.#take(',') && !this.#is('}')) this.#unexpected("{'}', ','}")
    }
    return { kind: 'struct', name, fields, pos }
  }
}

function call(pos: number, name: string, args: readonly Expr[]): Expr {
  return { kind: 'call', name, target: undefined, args, pos }
}

function balanced(name: string, terms: readonly Expr[], positions: readonly number[]): Expr {
  if (terms.length === 1) return terms[0] as Expr
  const middle = Math.ceil(terms.length / 2)
  const left = balanced(name, terms.slice(0, middle), positions.slice(0, middle - 1))
  const right = balanced(name, terms.slice(middle), positions.slice(middle))
  return call(positions[middle - 1] as number, name, [left, right])
}
