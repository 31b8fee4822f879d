/** The grammar of label selectors, `x in (a,b),!y,z>5` (`pkg/labels/selector.go`). */
import { formatFieldError, Path } from './field-error.ts'
import { keyErrors, type LabelRequirement, requirement, SelectorError, type SelectorOperator } from './selector.ts'

/** Reads requirements in the order in which they stand; throws SelectorError with upstream's text. */
export function readRequirements(text: string): LabelRequirement[] {
  return new Parser(scan(text)).selector()
}

type TokenType = 'end' | 'error' | 'word' | ')' | ',' | '!' | '==' | '=' | '>' | '<' | 'in' | 'notin' | '!=' | '('

interface Token {
  readonly type: TokenType
  readonly text: string
}

const symbols: ReadonlySet<string> = new Set([')', ',', '!', '==', '=', '>', '<', '!=', '('])
const symbolStart = /[=!(),><]/
const blank = /[ \t\r\n]/

function scan(text: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  while (at < text.length) {
    const c = text[at] as string
    if (blank.test(c)) {
      at++
      continue
    }
    const start = at
    if (symbolStart.test(c)) {
      // The longest symbol that starts here; every single one of these characters is a symbol.
      at += symbols.has(text.slice(at, at + 2)) ? 2 : 1
      const symbol = text.slice(start, at)
      tokens.push({ type: symbol as TokenType, text: symbol })
      continue
    }
    while (at < text.length && !symbolStart.test(text[at] as string) && !blank.test(text[at] as string)) at++
    const word = text.slice(start, at)
    tokens.push({ type: word === 'in' || word === 'notin' ? word : 'word', text: word })
  }
  tokens.push({ type: 'end', text: '' })
  return tokens
}

const operators: Readonly<Partial<Record<TokenType, SelectorOperator>>> = {
  in: 'in',
  notin: 'notin',
  '=': '=',
  '==': '==',
  '!=': '!=',
  '>': 'gt',
  '<': 'lt',
}

class Parser {
  readonly #tokens: readonly Token[]
  #at = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  selector(): LabelRequirement[] {
    const requirements: LabelRequirement[] = []
    for (;;) {
      const { type, text } = this.#peek()
      if (type === 'end') return requirements
      if (type !== 'word' && type !== '!') throw unexpected(text, ", expected: !, identifier, or 'end of string'")
      requirements.push(this.#requirement())
      const after = this.#next()
      if (after.type === 'end') return requirements
      if (after.type !== ',') throw unexpected(after.text, ", expected: ',' or 'end of string'")
      const next = this.#peek()
      if (next.type !== 'word' && next.type !== '!') throw unexpected(next.text, ", expected: identifier after ','")
    }
  }

  #requirement(): LabelRequirement {
    try {
      return this.#readRequirement()
    } catch (error) {
      throw new SelectorError(`unable to parse requirement: ${(error as Error).message}`)
    }
  }

  #readRequirement(): LabelRequirement {
    const isNegated = this.#peek().type === '!'
    if (isNegated) this.#next()
    const { type, text: key } = this.#next()
    if (type !== 'word') throw unexpected(key, ', expected: identifier')
    const [problem] = keyErrors(key, new Path())
    if (problem) throw new SelectorError(formatFieldError(problem))
    if (isNegated) return requirement(key, '!', [])
    const after = this.#peek().type
    if (after === 'end' || after === ',') return requirement(key, 'exists', [])
    const operator = this.#operator()
    const values = operator === 'in' || operator === 'notin' ? this.#values() : [this.#exactValue()]
    return requirement(key, operator, [...new Set(values)].sort())
  }

  #operator(): SelectorOperator {
    const { type, text } = this.#tokens[this.#at++] as Token
    const operator = operators[type]
    if (!operator) throw unexpected(text, ', expected: in, notin, =, ==, !=, gt, lt')
    return operator
  }

  #exactValue(): string {
    const { type } = this.#peek()
    if (type === 'end' || type === ',') return ''
    const token = this.#next()
    if (token.type !== 'word') throw unexpected(token.text, ', expected: identifier')
    return token.text
  }

  #values(): string[] {
    const open = this.#next()
    if (open.type !== '(') throw unexpected(open.text, " expected: '('")
    const { type, text } = this.#peek()
    if (type === ')') {
      this.#next()
      return ['']
    }
    if (type !== 'word' && type !== ',') throw unexpected(text, ", expected: ',', ')' or identifier")
    const values = this.#list()
    this.#next()
    return values
  }

  /** Values up to the closing parenthesis; where one is missing, as in `(a,)`, it is the empty one. */
  #list(): string[] {
    const values: string[] = []
    for (;;) {
      const { type, text } = this.#next()
      const after = this.#peek()
      if (type === 'word') {
        values.push(text)
        if (after.type === ')') return values
        if (after.type !== ',') throw unexpected(after.text, ", expected: ',' or ')'")
      } else if (type === ',') {
        if (values.length === 0 || after.type === ',') values.push('')
        if (after.type === ')') return [...values, '']
      } else throw unexpected(text, ", expected: ',', or identifier")
    }
  }

  /** In the place of a value `in` and `notin` are words like any other. */
  #peek(): Token {
    const token = this.#tokens[Math.min(this.#at, this.#tokens.length - 1)] as Token
    return token.type === 'in' || token.type === 'notin' ? { type: 'word', text: token.text } : token
  }

  #next(): Token {
    const token = this.#peek()
    this.#at++
    return token
  }
}

function unexpected(found: string, rest: string): SelectorError {
  return new SelectorError(`found '${found}'${rest}`)
}
