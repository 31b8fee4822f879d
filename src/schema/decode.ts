/**
 * Turns what came from outside into the one shape of its schema: unknown fields pruned, zero values dropped or filled in
 * as Go's struct tags say, texts canonical, fields in schema order and map keys sorted as Go prints them.
 * Decoding what was decoded changes nothing.
 */
import { copyJson } from './copy.ts'
import { jsonDecoder } from './decode-json.ts'
import { DecodeError, DecodeRun, goTypeOf, kindOf } from './decode-run.ts'
import { decodeScalar, isZeroScalar } from './decode-scalar.ts'
import { unknownFields } from './decode-unknown.ts'
import { setOwn } from './json-parser.ts'
import type { ListNode, MapNode, Node, ObjectNode, Schema } from './words.ts'

export { DecodeError } from './decode-run.ts'

export interface DecodeReport {
  /** Strict decoding's complaints, `unknown field "spec.containers[0].foo"`, at most 100, in the order of the input. */
  unknown: string[]
}

/**
 * A fresh value of the schema's type. Throws DecodeError with Go's text where a value has the wrong type. Absent lists
 * and maps that are always present become empty rather than null, so that the declared types hold.
 */
export function decode<T>(schema: Schema<T>, value: unknown, report?: DecodeReport): T {
  return runDecoder(schema, value, { report })
}

/** The same, of a value that nobody changes any more: its parts that have the right shape already may stand in the result. */
export function decodeOwned<T>(schema: Schema<T>, value: unknown, report?: DecodeReport): T {
  return runDecoder(schema, value, { report, mayShare: true })
}

interface Decoding {
  readonly report?: DecodeReport | undefined
  readonly mayShare?: boolean
  /**
   * A decoded object of the same schema that nobody changes any more: fields that are its very own values stand in the result
   * without another look. A change of a status leaves all else alone.
   */
  readonly kept?: object | undefined
}

export function runDecoder<T>(schema: Schema<T>, value: unknown, { report, mayShare = false, kept }: Decoding): T {
  const run = new DecodeRun({ isStrict: report !== undefined, mayShare, kept: kept as DecodeRun['kept'] })
  const decoded = run.guard(() => decoderOf(schema)(value, run)) as T
  if (report && run.sawUnknown) report.unknown.push(...unknownFields(schema, value))
  return decoded
}

/** The value that Go has for a field nobody set: '' 0 false {} and so on, always a fresh one. */
export function zeroOf<T>(schema: Schema<T>): T {
  return decode(schema, undefined)
}

/** Whether Go's `omitempty` (for structs `omitzero`) leaves the decoded value out. */
export function isZero(schema: Node, value: unknown): boolean {
  return zeroTest(schema)(value)
}

/** Makes a decoded value; null and undefined give the zero value. */
type Decoder = (value: unknown, run: DecodeRun) => unknown
type ZeroTest = (value: unknown) => boolean

const decoders = new WeakMap<Node, Decoder>()
const zeroTests = new WeakMap<Node, ZeroTest>()

function decoderOf(node: Node): Decoder {
  let decoder = decoders.get(node)
  if (!decoder) {
    decoder = compile(node)
    decoders.set(node, decoder)
  }
  return decoder
}

function compile(node: Node): Decoder {
  if (node.json) return jsonDecoder(node, decoderOf)
  switch (node.type) {
    case 'object':
      return objectDecoder(node)
    case 'list':
      return listDecoder(node)
    case 'map':
      return mapDecoder(node)
    default:
      return decodeScalar(node)
  }
}

interface CompiledField {
  readonly name: string
  /** Its number in the order of the schema. */
  readonly place: number
  readonly decode: Decoder
  /** Filled in when absent. */
  readonly isAlways: boolean
  /** Says of a decoded value whether it is left out; undefined where everything sent is kept. */
  readonly isDropped: ZeroTest | undefined
}

/** The fields of a struct by name: objects hold few of them, so what an object holds is looked up, and not all that it could hold. */
interface CompiledFields {
  readonly byName: ReadonlyMap<string, CompiledField>
  readonly always: readonly CompiledField[]
}

function compileFields({ fields }: ObjectNode): CompiledFields {
  const all = Object.entries(fields).map(([name, { presence, schema }], place) => ({
    name,
    place,
    decode: decoderOf(schema),
    isAlways: presence === 'always' || presence === 'required',
    isDropped: presence === 'optional' ? zeroTest(schema) : undefined,
  }))
  return { byName: new Map(all.map((field) => [field.name, field])), always: all.filter(({ isAlways }) => isAlways) }
}

function objectDecoder(node: ObjectNode): Decoder {
  // Fields are compiled on first use, so that a schema may contain itself.
  let fields: CompiledFields | undefined
  const structName = node.name.slice(node.name.lastIndexOf('.') + 1)
  return (value, run) => {
    fields ??= compileFields(node)
    if (node.alternative && stands(node.alternative, value)) return copyJson(value)
    const source = (value ?? nothing) as Record<string, unknown>
    const isStruct = typeof source === 'object' && !Array.isArray(source)
    if (!isStruct && node.alternative === 'boolean') throw new DecodeError('boolean or JSON schema expected')
    if (!isStruct) throw run.mismatch(value, goTypeOf(node))
    const depth = run.enter(structName)
    const out =
      source === value && isInOrder(source, fields)
        ? decodeInOrder(source, fields, { depth, run })
        : decodeAnyOrder(source, fields, { depth, run, node })
    run.leave(depth)
    return out
  }
}

/** Whether a struct holds known fields in the order of its schema, and all that are always there. */
function isInOrder(source: Record<string, unknown>, { byName, always }: CompiledFields): boolean {
  let last = -1
  let due = always.length
  for (const name in source) {
    const field = byName.get(name)
    if (!field || field.place <= last) return false
    last = field.place
    if (field.isAlways) due--
  }
  return due === 0
}

interface Place {
  readonly depth: number
  readonly run: DecodeRun
}

/** Where decoding changes nothing and parts may be shared, the struct itself. */
function decodeInOrder(source: Record<string, unknown>, { byName }: CompiledFields, { depth, run }: Place): unknown {
  let out = run.mayShare ? undefined : ({} as Record<string, unknown>)
  const kept = depth === 0 ? run.kept : undefined
  for (const name in source) {
    const field = byName.get(name) as CompiledField
    const sent = source[name]
    if (kept && sent === kept[name] && sent !== undefined) {
      if (out) out[name] = sent
      continue
    }
    const isLeftOut = (sent === undefined || sent === null) && !field.isAlways
    run.at(depth, name)
    const decoded = isLeftOut ? undefined : field.decode(sent, run)
    const isDropped = isLeftOut || field.isDropped?.(decoded) === true
    if (!out) {
      if (decoded === sent && !isDropped) continue
      out = allBefore(source, name)
    }
    if (!isDropped) out[name] = decoded
  }
  return out ?? source
}

function allBefore(source: Record<string, unknown>, end: string): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  for (const name in source) {
    if (name === end) break
    out[name] = source[name]
  }
  return out
}

function decodeAnyOrder(
  source: Record<string, unknown>,
  { byName, always }: CompiledFields,
  { depth, run, node }: Place & { readonly node: ObjectNode },
): unknown {
  const due: CompiledField[] = []
  let known = 0
  for (const name of Object.keys(source)) {
    const field = byName.get(name)
    if (!field || source[name] === undefined) continue
    known++
    if (!field.isAlways && source[name] !== null) insertByPlace(due, field)
  }
  for (const field of always) insertByPlace(due, field)
  const out: Record<string, unknown> = {}
  const kept = depth === 0 ? run.kept : undefined
  for (const { name, decode, isDropped } of due) {
    run.at(depth, name)
    const sent = Object.hasOwn(source, name) ? source[name] : undefined
    const decoded = kept && sent === kept[name] && sent !== undefined ? sent : decode(sent, run)
    if (!isDropped?.(decoded)) out[name] = decoded
  }
  if ((run.isStrict || node.keepsUnknown) && Object.keys(source).length !== known) takeUnknown(node, source, out, run)
  return out
}

/** They come nearly sorted. */
function insertByPlace(sorted: CompiledField[], field: CompiledField): void {
  let at = sorted.length
  while (at > 0 && (sorted[at - 1] as CompiledField).place > field.place) at--
  if (at === sorted.length) sorted.push(field)
  else sorted.splice(at, 0, field)
}

/** Whether the other member of a union was sent. */
function stands(alternative: NonNullable<ObjectNode['alternative']>, value: unknown): boolean {
  return alternative === 'boolean' ? typeof value === 'boolean' : Array.isArray(value)
}

const nothing: Readonly<Record<string, unknown>> = Object.freeze({})

function takeUnknown(node: ObjectNode, source: Record<string, unknown>, out: Record<string, unknown>, run: DecodeRun): void {
  for (const [name, value] of Object.entries(source)) {
    if (value === undefined || Object.hasOwn(node.fields, name)) continue
    if (node.keepsUnknown) setOwn(out, name, copyJson(value))
    else run.sawUnknown = true
  }
}

function listDecoder(node: ListNode): Decoder {
  let item: Decoder | undefined
  return (value, run) => {
    if (value === null || value === undefined) return []
    if (!Array.isArray(value)) throw run.mismatch(value, goTypeOf(node))
    item ??= decoderOf(node.items)
    const out: unknown[] = new Array(value.length)
    const depth = run.enter('')
    let isSame = run.mayShare
    for (let i = 0; i < value.length; i++) {
      run.at(depth, i)
      out[i] = item(value[i], run)
      if (out[i] !== value[i]) isSame = false
    }
    run.leave(depth)
    return isSame ? value : out
  }
}

function mapDecoder(node: MapNode): Decoder {
  let item: Decoder | undefined
  return (value, run) => {
    if (value === null || value === undefined) return {}
    if (kindOf(value) !== 'object') throw run.mismatch(value, goTypeOf(node))
    item ??= decoderOf(node.values)
    const source = value as Record<string, unknown>
    const out: Record<string, unknown> = {}
    const depth = run.enter('')
    if (run.mayShare && isSameMap(source, item, { depth, run })) {
      run.leave(depth)
      return source
    }
    for (const key of sortedKeys(source)) {
      if (source[key] === undefined) continue
      run.at(depth, [key])
      setOwn(out, key, item(source[key], run))
    }
    run.leave(depth)
    return out
  }
}

/** Whether decoding would change nothing in a map. */
function isSameMap(source: Record<string, unknown>, item: Decoder, { depth, run }: { depth: number; run: DecodeRun }): boolean {
  let last: string | undefined
  for (const key in source) {
    const value = source[key]
    if (value === undefined || (last !== undefined && key < last)) return false
    last = key
    run.at(depth, [key])
    if (item(value, run) !== value) return false
  }
  return true
}

function sortedKeys(source: Record<string, unknown>): string[] {
  const keys = Object.keys(source)
  for (let i = 1; i < keys.length; i++) if ((keys[i - 1] as string) > (keys[i] as string)) return keys.sort()
  return keys
}

function zeroTest(node: Node): ZeroTest {
  let test = zeroTests.get(node)
  if (!test) {
    test = compileZeroTest(node)
    zeroTests.set(node, test)
  }
  return test
}

function compileZeroTest(node: Node): ZeroTest {
  if (node.json) return (value) => value === undefined
  switch (node.type) {
    case 'object':
      return objectZeroTest(node)
    case 'list':
      return (value) => value === undefined || (value as unknown[]).length === 0
    case 'map':
      return isEmpty
    default:
      return (value) => isZeroScalar(node.type, value)
  }
}

function isEmpty(value: unknown): boolean {
  for (const _ in value as object) return false
  return true
}

/** A struct is zero when nothing in it was set: a pointer in it counts even if it points to a zero. */
function objectZeroTest(node: ObjectNode): ZeroTest {
  let fields: [string, ZeroTest | undefined][] | undefined
  return (value) => {
    if (value === undefined) return true
    fields ??= Object.entries(node.fields).map(([name, { presence, schema }]) => [
      name,
      presence === 'pointer' ? undefined : zeroTest(schema),
    ])
    const source = value as Record<string, unknown>
    if (node.keepsUnknown && Object.keys(source).some((name) => !Object.hasOwn(node.fields, name))) return false
    return fields.every(([name, isZeroField]) => {
      const held = Object.hasOwn(source, name) ? source[name] : undefined
      return held === undefined || isZeroField?.(held) === true
    })
  }
}
