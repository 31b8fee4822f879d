/** `Object{...}` and `JSONPatch{...}`: what the expressions of mutating policies build (upstream `pkg/cel/mutation`). */
import { type Functions, global } from '../declarations.ts'
import { CelFailure } from '../errors.ts'
import { type CelField, type CelType, Dyn, Str } from '../type.ts'
import { CelMap } from '../value.ts'

export const jsonPatchFunctions: Functions = {
  'jsonpatch.escapeKey': [
    global('string_escapeJSONPatchKey', [Str], Str, ([text]) => text.replaceAll('~', '~0').replaceAll('/', '~1')),
  ],
}

/** A message that an expression built. It is a map of its fields, so that it can be read and turned into JSON. */
export class CelMessage extends CelMap {
  readonly name: string
  readonly #fields: ReadonlyMap<string, unknown>
  constructor(name: string, fields: ReadonlyMap<string, unknown>) {
    super()
    this.name = name
    this.#fields = fields
  }
  get size(): number {
    return this.#fields.size
  }
  get(key: unknown): unknown {
    return typeof key === 'string' ? this.#fields.get(key) : undefined
  }
  keys(): Iterable<string> {
    return this.#fields.keys()
  }
}

function field(type: CelType, jsonName: string): [string, CelField] {
  return [jsonName, { type, jsonName, required: false }]
}

export const JsonPatch: CelType = {
  kind: 'object',
  name: 'JSONPatch',
  params: [],
  fields: new Map([field(Str, 'op'), field(Str, 'path'), field(Str, 'from'), field(Dyn, 'value')]),
}

/** The types of `Object` and of everything below it (`Object.spec.template`): their fields may be anything. */
export function mutationType(name: string): CelType | undefined {
  if (name === 'JSONPatch') return JsonPatch
  return name === 'Object' || name.startsWith('Object.') ? objectType(name) : undefined
}

const made = new Map<string, CelType>()
const mostMade = 2000

function objectType(name: string): CelType {
  const known = made.get(name)
  if (known) return known
  if (made.size >= mostMade) made.clear()
  const type: CelType = { kind: 'object', name, params: [] }
  made.set(name, type)
  return type
}

/** Throws where a nested object is not the one that belongs into the field. */
export function makeMessage(name: string, fields: ReadonlyMap<string, unknown>): CelMessage {
  if (name === 'JSONPatch') return new CelMessage(name, fields)
  for (const [key, value] of fields) {
    if (value instanceof CelMessage && value.name !== `${name}.${key}`) {
      throw new CelFailure(
        `unexpected type name ${JSON.stringify(value.name)}, expected ${JSON.stringify(`${name}.${key}`)}, which matches field name path from root Object type`,
      )
    }
  }
  return new CelMessage(name, fields)
}
