/**
 * A JSON parser that keeps 64-bit integers exact and words its errors as Go's encoding/json. Slower than the engine's:
 * `parseJson` calls it only where that one would round, or has already failed.
 */
import { isTooDeep } from './json-scan.ts'

/** Text that is no JSON; the message is Go's. */
export class JsonError extends Error {
  /** Place of the fault, in UTF-16 units of the text. */
  readonly offset: number

  constructor(message: string, offset: number) {
    super(message)
    this.name = 'JsonError'
    this.offset = offset
  }
}

export function parseJsonSlowly(text: string): unknown {
  if (isTooDeep(text)) throw new JsonError('exceeded max depth', 0)
  return new Parser(text).document()
}

/** Containers under construction are kept in an array of our own: 10,000 levels would overflow the engine's stack. */
type Frame = { readonly list: unknown[] } | { readonly record: Record<string, unknown>; key: string }

const int64Max = 2n ** 63n - 1n
const int64Min = -(2n ** 63n)
const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}

class Parser {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  document(): unknown {
    const value = this.#value()
    this.#space()
    if (this.#at < this.#text.length) throw this.#unexpected('after top-level value')
    return value
  }

  #value(): unknown {
    const frames: Frame[] = []
    for (;;) {
      this.#space()
      const opened = this.#open(frames)
      if (opened) continue
      let value = opened === undefined ? this.#scalar() : this.#closeEmpty(frames)
      for (;;) {
        const frame = frames.at(-1)
        if (!frame) return value
        if (this.#add(frame, value)) break
        frames.pop()
        value = 'list' in frame ? frame.list : frame.record
      }
    }
  }

  /** True after the start of a container that has content, false after an empty one, undefined at a scalar. */
  #open(frames: Frame[]): boolean | undefined {
    const c = this.#text[this.#at]
    if (c !== '{' && c !== '[') return undefined
    this.#at++
    this.#space()
    if (c === '[') {
      frames.push({ list: [] })
      return this.#text[this.#at] !== ']'
    }
    frames.push({ record: {}, key: '' })
    if (this.#text[this.#at] === '}') return false
    this.#key(frames.at(-1) as Frame)
    return true
  }

  #closeEmpty(frames: Frame[]): unknown {
    this.#at++
    const frame = frames.pop() as Frame
    return 'list' in frame ? frame.list : frame.record
  }

  /** Puts a value into its container; false when the container ends here. */
  #add(frame: Frame, value: unknown): boolean {
    if ('list' in frame) frame.list.push(value)
    else setOwn(frame.record, frame.key, value)
    this.#space()
    const c = this.#text[this.#at]
    const end = 'list' in frame ? ']' : '}'
    if (c === end) {
      this.#at++
      return false
    }
    if (c !== ',') throw this.#unexpected('list' in frame ? 'after array element' : 'after object key:value pair')
    this.#at++
    if ('record' in frame) {
      this.#space()
      this.#key(frame)
    }
    return true
  }

  #key(frame: Frame): void {
    if (this.#text[this.#at] !== '"') throw this.#unexpected('looking for beginning of object key string')
    const key = this.#string()
    this.#space()
    if (this.#text[this.#at] !== ':') throw this.#unexpected('after object key')
    this.#at++
    if ('record' in frame) frame.key = key
  }

  #scalar(): unknown {
    const c = this.#text[this.#at]
    if (c === '"') return this.#string()
    if (c === 't') return this.#literal('true', true)
    if (c === 'f') return this.#literal('false', false)
    if (c === 'n') return this.#literal('null', null)
    if (c === '-' || isDigit(c)) return this.#number()
    throw this.#unexpected('looking for beginning of value')
  }

  #literal<T>(word: string, value: T): T {
    for (const letter of word) {
      if (this.#text[this.#at] !== letter) throw this.#unexpected(`in literal ${word} (expecting ${quoteChar(letter)})`)
      this.#at++
    }
    return value
  }

  #number(): number | bigint {
    const start = this.#at
    if (this.#text[this.#at] === '-') this.#at++
    if (this.#text[this.#at] === '0') this.#at++
    else this.#digits('in numeric literal')
    let whole = true
    if (this.#text[this.#at] === '.') {
      whole = false
      this.#at++
      this.#digits('after decimal point in numeric literal')
    }
    const e = this.#text[this.#at]
    if (e === 'e' || e === 'E') {
      whole = false
      this.#at++
      const sign = this.#text[this.#at]
      if (sign === '+' || sign === '-') this.#at++
      this.#digits('in exponent of numeric literal')
    }
    return this.#toNumber(this.#text.slice(start, this.#at), whole)
  }

  #toNumber(literal: string, whole: boolean): number | bigint {
    const near = Number(literal)
    if (!Number.isFinite(near)) {
      throw new JsonError(`json: cannot unmarshal number ${literal} into Go value of type float64`, this.#at)
    }
    if (!whole || Number.isSafeInteger(near)) return near
    const exact = BigInt(literal)
    return exact > int64Max || exact < int64Min ? near : exact
  }

  #digits(where: string): void {
    if (!isDigit(this.#text[this.#at])) throw this.#unexpected(where)
    while (isDigit(this.#text[this.#at])) this.#at++
  }

  #string(): string {
    let out = ''
    let from = ++this.#at
    for (;;) {
      const c = this.#text[this.#at]
      if (c === undefined || c < ' ') throw this.#unexpected('in string literal')
      if (c === '"') break
      if (c !== '\\') {
        this.#at++
        continue
      }
      out += this.#text.slice(from, this.#at++) + this.#escape()
      from = this.#at
    }
    return out + this.#text.slice(from, this.#at++)
  }

  #escape(): string {
    const c = this.#text[this.#at]
    if (c !== 'u') {
      const plain = c === undefined ? undefined : escapes[c]
      if (plain === undefined) throw this.#unexpected('in string escape code')
      this.#at++
      return plain
    }
    for (let i = 0; i < 4; i++) {
      this.#at++
      if (!/^[0-9a-fA-F]$/.test(this.#text[this.#at] ?? '')) throw this.#unexpected('in \\u hexadecimal character escape')
    }
    this.#at++
    return String.fromCharCode(Number.parseInt(this.#text.slice(this.#at - 4, this.#at), 16))
  }

  #space(): void {
    for (;;) {
      const c = this.#text.charCodeAt(this.#at)
      if (c !== 32 && c !== 10 && c !== 13 && c !== 9) return
      this.#at++
    }
  }

  #unexpected(where: string): JsonError {
    const c = this.#text.codePointAt(this.#at)
    if (c === undefined) return new JsonError('unexpected end of JSON input', this.#at)
    // Go's scanner goes by bytes: beyond ASCII it names the first byte of the character.
    const byte = c < 0x80 ? c : (Buffer.from(String.fromCodePoint(c))[0] as number)
    return new JsonError(`invalid character ${quoteChar(String.fromCharCode(byte))} ${where}`, this.#at)
  }
}

/** Sets an own property whatever its name: plain assignment to `__proto__` would change the prototype. */
export function setOwn(record: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(record, key, { value, enumerable: true, configurable: true, writable: true })
  else record[key] = value
}

function isDigit(c: string | undefined): boolean {
  return c !== undefined && c >= '0' && c <= '9'
}

const goEscapes: Readonly<Record<string, string>> = {
  "'": "\\'",
  '\\': '\\\\',
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
}

function quoteChar(c: string): string {
  const code = c.charCodeAt(0)
  const hex = () => `\\x${code.toString(16).padStart(2, '0')}`
  const unprintable = code < 0x20 || code === 0x7f || (code >= 0x80 && code < 0xa1) || code === 0xad
  // Go prints control characters beyond ASCII as \u0080.
  const text = goEscapes[c] ?? (unprintable ? (code < 0x80 ? hex() : `\\u00${code.toString(16)}`) : c)
  return `'${text}'`
}
