/** Functions of text (cel-go's standard library and `ext/strings.go`, version 2). Positions count code points. */
import { type Functions, member } from '../declarations.ts'
import { CelFailure } from '../errors.ts'
import { Bool, Int, listOf, Str } from '../type.ts'
import { ArrayList, type CelList, type Meter, textSize, typeName } from '../value.ts'

export const strings: Functions = {
  contains: [member('contains_string', [Str, Str], Bool, ([text, part]) => text.includes(part))],
  startsWith: [member('starts_with_string', [Str, Str], Bool, ([text, part]) => text.startsWith(part))],
  endsWith: [member('ends_with_string', [Str, Str], Bool, ([text, part]) => text.endsWith(part))],
  charAt: [member('string_char_at_int', [Str, Int], Str, ([text, at]) => charAt(text, at))],
  indexOf: [
    member('string_index_of_string', [Str, Str], Int, ([text, part]) => indexOf(text, part, 0n)),
    member('string_index_of_string_int', [Str, Str, Int], Int, ([text, part, from]) => indexOf(text, part, from)),
  ],
  lastIndexOf: [
    member('string_last_index_of_string', [Str, Str], Int, ([text, part]) => lastIndexOf(text, part)),
    member('string_last_index_of_string_int', [Str, Str, Int], Int, ([text, part, from]) => lastIndexOf(text, part, from)),
  ],
  join: [
    member('list_join', [listOf(Str)], Str, ([list], meter) => join(list, '', meter)),
    member('list_join_string', [listOf(Str), Str], Str, ([list, separator], meter) => join(list, separator, meter)),
  ],
  lowerAscii: [member('string_lower_ascii', [Str], Str, ([text]) => text.replace(/[A-Z]+/g, (s: string) => s.toLowerCase()))],
  upperAscii: [member('string_upper_ascii', [Str], Str, ([text]) => text.replace(/[a-z]+/g, (s: string) => s.toUpperCase()))],
  replace: [
    member('string_replace_string_string', [Str, Str, Str], Str, ([text, from, to], meter) =>
      replace({ text, from, to }, -1n, meter),
    ),
    member('string_replace_string_string_int', [Str, Str, Str, Int], Str, ([text, from, to, most], meter) => {
      return replace({ text, from, to }, most, meter)
    }),
  ],
  split: [
    member('string_split_string', [Str, Str], listOf(Str), ([text, separator]) => split(text, separator, -1n)),
    member('string_split_string_int', [Str, Str, Int], listOf(Str), ([text, separator, most]) => split(text, separator, most)),
  ],
  substring: [
    member('string_substring_int', [Str, Int], Str, ([text, start]) => substring(text, start)),
    member('string_substring_int_int', [Str, Int, Int], Str, ([text, start, end]) => substring(text, start, end)),
  ],
  trim: [member('string_trim', [Str], Str, ([text]) => text.replace(leadingSpace, '').replace(trailingSpace, ''))],
}

/** Unicode's White_Space, as the extension defines it. */
const leadingSpace = /^[\p{White_Space}]+/u
const trailingSpace = /(?<![\p{White_Space}])[\p{White_Space}]+$/u

function outOfRange(index: bigint): CelFailure {
  return new CelFailure(`index out of range: ${index}`)
}

/** Code points as array elements, or the text itself where each is one unit. */
function chars(text: string): ArrayLike<string> {
  return textSize(text) === text.length ? text : [...text]
}

function slice(text: ArrayLike<string>, start: number, end: number): string {
  return typeof text === 'string' ? text.slice(start, end) : (text as string[]).slice(start, end).join('')
}

function charAt(text: string, at: bigint): string {
  const all = chars(text)
  if (at < 0n || at > BigInt(all.length)) throw outOfRange(at)
  return all[Number(at)] ?? ''
}

function substring(text: string, start: bigint, end?: bigint): string {
  const all = chars(text)
  const size = BigInt(all.length)
  const last = end ?? size
  if (end !== undefined && start > end) throw new CelFailure(`invalid substring range. start: ${start}, end: ${end}`)
  if (start < 0n || start > size) throw outOfRange(start)
  if (last < 0n || last > size) throw outOfRange(last)
  return slice(all, Number(start), Number(last))
}

function indexOf(text: string, part: string, from: bigint): bigint {
  if (part === '') return from
  const size = BigInt(textSize(text))
  if (from < 0n) throw outOfRange(from)
  if (from >= size) return -1n
  const start = unitOffset(text, Number(from))
  const found = text.indexOf(part, start)
  return found < 0 ? -1n : BigInt(textSize(text.slice(0, found)))
}

function lastIndexOf(text: string, part: string, from?: bigint): bigint {
  const size = BigInt(textSize(text))
  if (part === '') return from ?? size
  if (from !== undefined && (from < 0n || from >= size)) throw outOfRange(from)
  const found = text.lastIndexOf(part, from === undefined ? undefined : unitOffset(text, Number(from)))
  return found < 0 ? -1n : BigInt(textSize(text.slice(0, found)))
}

function unitOffset(text: string, codePoints: number): number {
  if (textSize(text) === text.length) return codePoints
  return [...text].slice(0, codePoints).join('').length
}

interface Replacement {
  readonly text: string
  readonly from: string
  readonly to: string
}

/** Paid for by its answer: a short text can grow long. */
function replace({ text, from, to }: Replacement, most: bigint, meter: Meter): string {
  if (most === 0n) return text
  const pieces = from === '' ? ['', ...text, ''] : text.split(from)
  const count = most < 0n ? pieces.length - 1 : Math.min(Number(most), pieces.length - 1)
  meter.charge((count * to.length) / 10)
  if (from === '') {
    const points = [...text]
    let made = ''
    for (let i = 0; i <= points.length; i++) made += (i < count ? to : '') + (points[i] ?? '')
    return made
  }
  return (
    pieces.slice(0, count + 1).join(to) +
    pieces
      .slice(count + 1)
      .map((piece) => from + piece)
      .join('')
  )
}

function split(text: string, separator: string, most: bigint): ArrayList {
  if (most === 0n) return new ArrayList([])
  if (most === 1n) return new ArrayList([text])
  const pieces = separator === '' ? [...text] : text.split(separator)
  if (most < 0n || BigInt(pieces.length) <= most) return new ArrayList(pieces)
  const kept = pieces.slice(0, Number(most) - 1)
  return new ArrayList([...kept, pieces.slice(Number(most) - 1).join(separator)])
}

function join(list: CelList, separator: string, meter: Meter): string {
  const texts: string[] = []
  for (const element of list) {
    if (typeof element !== 'string') throw new CelFailure(`join: invalid input: ${typeName(element)}`)
    meter.charge(Math.ceil((element.length + separator.length) * 0.2))
    texts.push(element)
  }
  return texts.join(separator)
}
