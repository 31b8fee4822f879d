/**
 * YAML as `sigs.k8s.io/yaml` prints it, which is what `-o yaml` shows: keys in natural order, long lines folded at 80
 * columns, quotes only where they are needed. The rules are those of libyaml's emitter in Go's yaml.v2.
 */
import { goFloat, isPlainText } from './yaml-scalar.ts'
import { ScalarWriter } from './yaml-scalar-print.ts'

/** One document without `---`, ending in a line break. Undefined fields are left out. */
export function toYaml(value: unknown): string {
  const printer = new Printer()
  printer.root(value)
  return printer.text
}

class Printer {
  readonly #out = new ScalarWriter()

  get text(): string {
    return this.#out.text
  }

  root(value: unknown): void {
    this.#out.indent = 0
    this.#value(value, 0)
    if (!this.#out.text.endsWith('\n')) this.#out.breakLine()
  }

  /** Writes a value whose lines, if it needs several, stand at `indent`; the cursor is behind a key, a dash or at the start. */
  #value(value: unknown, indent: number): void {
    if (Array.isArray(value)) {
      if (value.length === 0) this.#out.put('[]')
      else this.#list(value, indent)
    } else if (typeof value === 'object' && value !== null) {
      const keys = Object.keys(value).filter((key) => (value as Record<string, unknown>)[key] !== undefined)
      if (keys.length === 0) this.#out.put('{}')
      else this.#map(value as Record<string, unknown>, keys.sort(naturalOrder), indent)
    } else this.#scalar(value, indent)
  }

  #map(record: Record<string, unknown>, keys: readonly string[], indent: number): void {
    for (const [i, key] of keys.entries()) {
      if (i > 0) this.#line(indent)
      const value = record[key]
      this.#out.indent = indent
      if (!isSimpleKey(key)) {
        this.#out.put('? ')
        this.#scalar(key, indent + 2)
        this.#line(indent)
        this.#out.put(': ')
        this.#value(value, indent + 2)
        continue
      }
      this.#out.string(key, { isPlain: isPlainText(key), isKey: true })
      this.#out.put(':')
      if (isBlock(value)) {
        // Lists stand at the column of their key.
        const inner = Array.isArray(value) ? indent : indent + 2
        this.#line(inner)
        this.#value(value, inner)
      } else {
        this.#out.put(' ')
        this.#value(value, indent + 2)
      }
    }
  }

  #list(items: readonly unknown[], indent: number): void {
    for (const [i, item] of items.entries()) {
      if (i > 0) this.#line(indent)
      this.#out.put('- ')
      this.#value(item ?? null, indent + 2)
    }
  }

  #scalar(value: unknown, indent: number): void {
    this.#out.indent = indent
    if (typeof value === 'string') this.#out.string(value, { isPlain: isPlainText(value), isKey: false })
    else this.#out.put(typeof value === 'number' ? goFloat(value) : String(value ?? null))
  }

  /** A new line at this indentation; a block scalar has ended its line already. */
  #line(indent: number): void {
    if (this.#out.column > 0) this.#out.breakLine()
    this.#out.put(' '.repeat(indent))
  }
}

/** Whether a value needs lines of its own below its key. */
function isBlock(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (Array.isArray(value)) return value.length > 0
  return Object.values(value).some((item) => item !== undefined)
}

/** Others are written behind a question mark. */
function isSimpleKey(key: string): boolean {
  return Buffer.byteLength(key) <= 128 && !/[\n\r\x85\u2028\u2029]/.test(key)
}

const letter = /\p{L}/u
const digit = /\p{Nd}/u

/** yaml.v2's order of keys: letters after everything else, runs of digits by their value. */
export function naturalOrder(a: string, b: string): number {
  const left = [...a]
  const right = [...b]
  const at = left.findIndex((character, i) => character !== right[i])
  if (at === -1) return left.length - right.length
  const [x, y] = [left[at], right[at]]
  if (x === undefined || y === undefined) return left.length - right.length
  const [isLetterX, isLetterY] = [letter.test(x), letter.test(y)]
  if (isLetterX && isLetterY) return compareCode(x, y)
  if (isLetterX || isLetterY) return isLetterY ? -1 : 1
  return compareNumbers(left, right, at) || compareCode(x, y)
}

/** Compares the digits from `at` on as numbers; zeros count as digits of a number that began before. */
function compareNumbers(left: readonly string[], right: readonly string[], at: number): number {
  const lead = (left[at] === '0' || right[at] === '0') && hasDigitBefore(left, at) ? '1' : ''
  const x = lead + digitsFrom(left, at)
  const y = lead + digitsFrom(right, at)
  const difference = BigInt(x || '0') - BigInt(y || '0')
  if (difference !== 0n) return difference < 0n ? -1 : 1
  return x.length - y.length
}

function hasDigitBefore(characters: readonly string[], at: number): boolean {
  for (let i = at - 1; i >= 0 && digit.test(characters[i] as string); i--) if (characters[i] !== '0') return true
  return false
}

function digitsFrom(characters: readonly string[], at: number): string {
  let end = at
  while (end < characters.length && /[0-9]/.test(characters[end] as string)) end++
  return characters.slice(at, end).join('')
}

function compareCode(x: string, y: string): number {
  return (x.codePointAt(0) ?? 0) - (y.codePointAt(0) ?? 0)
}
