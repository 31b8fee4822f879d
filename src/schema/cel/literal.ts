/** The values of string, bytes and number literals (cel-go `parser/unescape.go`). */
import { CelUint } from './value.ts'

const encoder = new TextEncoder()

/** Undefined where an escape sequence is wrong. */
export function textLiteral(token: string): string | undefined {
  const { body, raw } = unquote(token)
  return raw ? body : resolved(body, (code) => String.fromCodePoint(code))
}

export function bytesLiteral(token: string): Uint8Array | undefined {
  const { body, raw } = unquote(token)
  if (raw) return encoder.encode(body)
  const parts: number[] = []
  const done = resolved(
    body,
    (code, wide) => {
      if (wide) return undefined
      parts.push(code)
      return ''
    },
    (plain) => parts.push(...encoder.encode(plain)),
  )
  return done === undefined ? undefined : Uint8Array.from(parts)
}

/** Undefined where it does not fit into 64 bits. */
export function intLiteral(token: string, negative: boolean): bigint | undefined {
  const value = negative ? -BigInt(token) : BigInt(token)
  return BigInt.asIntN(64, value) === value ? value : undefined
}

export function uintLiteral(token: string): CelUint | undefined {
  const value = BigInt(token.slice(0, -1))
  return BigInt.asUintN(64, value) === value ? new CelUint(value) : undefined
}

function unquote(token: string): { body: string; raw: boolean } {
  const start = token.search(/["']/)
  const raw = /r/i.test(token.slice(0, start))
  const quoted = token.slice(start)
  const quotes = quoted.startsWith('"""') || quoted.startsWith("'''") ? 3 : 1
  const body = quoted.slice(quotes, -quotes)
  return { body: body.replaceAll('\r\n', '\n').replaceAll('\r', '\n'), raw }
}

const simple: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  '\\': 92,
  "'": 39,
  '"': 34,
  '`': 96,
  '?': 63,
}

const sequence =
  /\\(?:x([0-9a-fA-F]{2})|X([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|([abfnrtv\\'"`?]))/y

/** `wide` is true of `\u` and `\U`, which bytes may not have. */
function resolved(
  body: string,
  escaped: (code: number, wide: boolean) => string | undefined,
  plain?: (text: string) => void,
): string | undefined {
  let out = ''
  let at = 0
  while (at < body.length) {
    const next = body.indexOf('\\', at)
    const literal = next < 0 ? body.slice(at) : body.slice(at, next)
    out += literal
    plain?.(literal)
    if (next < 0) break
    sequence.lastIndex = next
    const found = sequence.exec(body)
    if (!found) return undefined
    const [, x, bigX, u, bigU, octal, char] = found
    const hex = x ?? bigX ?? u ?? bigU
    const code = hex ? Number.parseInt(hex, 16) : octal ? Number.parseInt(octal, 8) : (simple[char as string] ?? 0)
    if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return undefined
    const piece = escaped(code, (u ?? bigU) !== undefined)
    if (piece === undefined) return undefined
    out += piece
    at = next + found[0].length
  }
  return out
}
