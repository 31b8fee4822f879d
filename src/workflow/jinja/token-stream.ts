/** Tokens, one after the other, for the parsers. */
import { Fault, type Place } from './fault.ts'
import type { Token, TokenType } from './lexer.ts'

export class TokenStream {
  readonly #tokens: readonly Token[]
  #at = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  get current(): Token {
    return this.#tokens[this.#at] as Token
  }

  get following(): Token {
    return this.#tokens[Math.min(this.#at + 1, this.#tokens.length - 1)] as Token
  }

  get place(): Place {
    return this.current.at
  }

  next(): Token {
    const token = this.current
    if (token.type !== 'end') this.#at++
    return token
  }

  is(type: TokenType, ...texts: string[]): boolean {
    return this.current.type === type && (texts.length === 0 || texts.includes(this.current.text))
  }

  /** Takes it where it is next. */
  takes(type: TokenType, ...texts: string[]): boolean {
    const is = this.is(type, ...texts)
    if (is) this.next()
    return is
  }

  expect(type: TokenType, text?: string): Token {
    if (text === undefined ? this.is(type) : this.is(type, text)) return this.next()
    throw this.unexpected(text ?? described[type])
  }

  unexpected(wanted?: string): Fault {
    const { type, text, at } = this.current
    const found = text && type !== 'data' ? `'${text}'` : described[type]
    return new Fault(wanted ? `expected ${wanted.length < 3 ? `'${wanted}'` : wanted}, got ${found}` : `unexpected ${found}`, at)
  }
}

const described: Readonly<Record<TokenType, string>> = {
  data: 'text',
  output: "'{{'",
  'output-end': "'}}'",
  block: "'{%'",
  'block-end': "'%}'",
  name: 'a name',
  integer: 'a number',
  float: 'a number',
  string: 'a string',
  operator: 'an operator',
  end: 'end of template',
}
