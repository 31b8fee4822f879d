/** Writes strings the way libyaml's emitter does: chooses the style that the text allows, and folds at 80 columns. */
import { countTrailing } from '#lib/trailing.ts'

const bestWidth = 80

export interface StringOptions {
  /** Whether the text reads back as itself without quotes. */
  readonly isPlain: boolean
  /** Keys stay on one line. */
  readonly isKey: boolean
}

export class ScalarWriter {
  text = ''
  /** Column of the cursor, in characters. */
  column = 0
  /** Where lines of a folded or block scalar begin. */
  indent = 0

  put(part: string): void {
    this.text += part
    this.column += part.length
  }

  breakLine(): void {
    this.text += '\n'
    this.column = 0
  }

  string(value: string, { isPlain, isKey }: StringOptions): void {
    const traits = analyze(value)
    if (value.includes('\n') && !isKey && traits.allowsBlock) this.#block(value)
    else if (isPlain && !value.includes('\n') && traits.allowsPlain) this.#folded(value, isKey)
    else if (isPlain && !value.includes('\n') && traits.allowsSingle) this.#singleQuoted(value, isKey)
    else this.#doubleQuoted(value, isKey)
  }

  #fold(): void {
    this.breakLine()
    this.put(' '.repeat(this.indent))
  }

  /** Plain text and the inside of single quotes: a lone space may become a line break. */
  #folded(value: string, isKey: boolean): void {
    const characters = [...value]
    let afterSpace = false
    for (const [i, c] of characters.entries()) {
      const isInner = i > 0 && i < characters.length - 1
      const mayFold = c === ' ' && !isKey && !afterSpace && isInner && characters[i + 1] !== ' '
      if (mayFold && this.column > bestWidth) this.#fold()
      else this.#putCharacter(c)
      afterSpace = c === ' '
    }
  }

  #putCharacter(c: string): void {
    this.text += c
    this.column++
  }

  #singleQuoted(value: string, isKey: boolean): void {
    this.put("'")
    this.#folded(value.replaceAll("'", "''"), isKey)
    this.put("'")
  }

  #doubleQuoted(value: string, isKey: boolean): void {
    this.put('"')
    const characters = [...value]
    let afterSpace = false
    for (const [i, c] of characters.entries()) {
      const escaped = escapeOf(c)
      if (escaped !== undefined) {
        this.put(escaped)
        afterSpace = false
      } else if (c === ' ') {
        const isInner = i > 0 && i < characters.length - 1
        if (!isKey && !afterSpace && this.column > bestWidth && isInner) {
          this.#fold()
          if (characters[i + 1] === ' ') this.put('\\')
        } else this.put(' ')
        afterSpace = true
      } else {
        this.#putCharacter(c)
        afterSpace = false
      }
    }
    this.put('"')
  }

  /** `|`, with the indentation spelled out where the text begins with a space or break. */
  #block(value: string): void {
    const hint = /^[ \n]/.test(value) ? '2' : ''
    const trailing = countTrailing(value, '\n')
    const chomping = trailing === 0 ? '-' : trailing > 1 || value === '\n' ? '+' : ''
    this.put(`|${hint}${chomping}`)
    this.breakLine()
    const lines = value.split('\n')
    if (trailing > 0) lines.pop()
    for (const line of lines) {
      if (line !== '') this.put(' '.repeat(this.indent) + line)
      this.breakLine()
    }
  }
}

interface Traits {
  readonly allowsPlain: boolean
  readonly allowsSingle: boolean
  readonly allowsBlock: boolean
}

/** libyaml's `yaml_emitter_analyze_scalar`, for block context. */
function analyze(value: string): Traits {
  if (value === '') return { allowsPlain: true, allowsSingle: true, allowsBlock: false }
  const isSpecial = unprintable.test(value) || / \n/.test(value)
  const breakThenSpace = /\n /.test(value)
  const isEdged = /^[ \n]|[ \n]$/.test(value)
  const allowsQuotes = !isSpecial
  return {
    allowsPlain: allowsQuotes && !breakThenSpace && !isEdged && !value.includes('\n') && !hasIndicators(value),
    allowsSingle: allowsQuotes && !breakThenSpace,
    allowsBlock: !isSpecial && !value.endsWith(' '),
  }
}

/** Whether something in the text would mean structure outside quotes. */
function hasIndicators(value: string): boolean {
  return (
    value.startsWith('---') ||
    value.startsWith('...') ||
    /^[#,[\]{}&*!|>'"%@`]/.test(value) ||
    /^[-?:](?:[ \t]|$)/.test(value) ||
    /:(?:[ \t]|$)/.test(value) ||
    /[ \t\n]#/.test(value)
  )
}

// What yaml.v2 calls printable, minus line feeds, which are dealt with apart, and the separators U+2028 and U+2029, which
// it would write as line breaks that nobody reads back. Neither tabs nor anything beyond 16 bits is among it.
const printable = ' -~\\u00a0-\\u2027\\u202a-\\ud7ff\\ue000-\\ufefe\\uff00-\\ufffd'
const unprintable = new RegExp(`[^\\n${printable}]`, 'u')

const escapes: Readonly<Record<string, string>> = {
  '\0': '\\0',
  '\x07': '\\a',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\v': '\\v',
  '\f': '\\f',
  '\r': '\\r',
  '\x1b': '\\e',
  '"': '\\"',
  '\\': '\\\\',
  '\x85': '\\N',
  '\u2028': '\\L',
  '\u2029': '\\P',
  '\ufeff': '\\uFEFF',
}

function escapeOf(c: string): string | undefined {
  const known = Object.hasOwn(escapes, c) ? escapes[c] : undefined
  if (known !== undefined || !unprintable.test(c)) return known
  const code = c.codePointAt(0) ?? 0
  const hex = code.toString(16).toUpperCase()
  if (code <= 0xff) return `\\x${hex.padStart(2, '0')}`
  return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`
}
