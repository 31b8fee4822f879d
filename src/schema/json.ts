/**
 * The one JSON reader for everything that comes from outside. The engine's parser does the work wherever
 * it gives the exact answer; a parser of our own takes over for wide integers and words errors as Go's encoding/json.
 */
import { parseJsonSlowly } from './json-parser.ts'
import { isTooDeep, isWithoutRepeats, maxDepth, strictFindings } from './json-scan.ts'
import type { Node } from './words.ts'

export { JsonError } from './json-parser.ts'

export interface ParsedJson {
  /**
   * Integers that a double cannot hold are bigints, up to 64 bits; wider ones are rounded, as Go does. A key
   * `__proto__` is an own property like any other.
   */
  readonly value: unknown
  /** Strict decoding's complaints, `duplicate field "spec.replicas"`; the last value won. Found on first use. */
  readonly duplicates: string[]
  /** Strict decoding's complaints about a value of this type, where there are duplicates: also unknown fields, in the order of the text. */
  findings(schema: Node): string[]
}

/** Reads one JSON text; invalid UTF-8 becomes U+FFFD. Throws JsonError, also for more than 10,000 levels. */
export function parseJson(input: Uint8Array | string): ParsedJson {
  const text = typeof input === 'string' ? input : decoder.decode(input)
  return new Parsed(parseValue(text), text)
}

/** JSON text with bigints in full; undefined (the value itself) has no text and is refused. */
export function stringifyJson(value: unknown): string {
  if (value === undefined) throw new TypeError('undefined has no JSON text')
  try {
    return JSON.stringify(value)
  } catch (error) {
    if (!(error instanceof TypeError) || !error.message.includes('BigInt')) throw error
    return JSON.stringify(value, exactBigint)
  }
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

class Parsed implements ParsedJson {
  readonly value: unknown
  readonly #text: string
  #duplicates: string[] | undefined

  constructor(value: unknown, text: string) {
    this.value = value
    this.#text = text
  }

  get duplicates(): string[] {
    this.#duplicates ??= isWithoutRepeats(this.#text, this.value) ? [] : strictFindings(this.#text)
    return this.#duplicates
  }

  findings(schema: Node): string[] {
    return strictFindings(this.#text, schema)
  }
}

/**
 * A number that the engine may round or overflow, where numbers may stand. Digits inside a string match only behind one of these signs: then the slow
 * road is taken for nothing.
 */
const inexact = /(?:^|[\s:,[])-?\d(?:\d{15}|[\d.]*[eE]\+?\d{3})/
/** Is asked first, since it costs half: three of ten UIDs have an `e` and three digits behind a digit. */
const suspicious = /\d(?:\d{15}|[eE]\+?\d{3})/

/** The shortest text that can nest deeper than allowed. */
const deepLength = 2 * maxDepth

function parseValue(text: string): unknown {
  if ((suspicious.test(text) && inexact.test(text)) || (text.length > deepLength && isTooDeep(text))) return parseJsonSlowly(text)
  try {
    return JSON.parse(text)
  } catch {
    return parseJsonSlowly(text)
  }
}

// Absent from the library typings of this compiler; in V8 since 11.4.
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown }

function exactBigint(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? rawJSON(String(value)) : value
}
