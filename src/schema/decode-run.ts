/** One run of `decode`: where it stands in the object, and how Go's encoding/json words what is wrong there. */
import type { Node } from './words.ts'

/** A value that does not fit its schema; the message is Go's. */
export class DecodeError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'DecodeError'
  }
}

/** A field's name, a list's index, or a map's key in an array of one. */
type Step = string | number | [key: string]

const maxDepth = 10_000

export class DecodeRun {
  /** Whether the caller wants to know of unknown fields. */
  readonly isStrict: boolean
  /** Whether parts of the input that have the right shape already may stand in the result. */
  readonly mayShare: boolean
  /** A decoded object whose own values need no decoding where they stand at the same place of the outermost struct. */
  readonly kept: Readonly<Record<string, unknown>> | undefined
  sawUnknown = false
  readonly #path: Step[] = []
  /** Beside each step the struct that it is a field of, '' in lists and maps. */
  readonly #structs: string[] = []
  #depth = 0

  constructor({ isStrict, mayShare, kept }: Pick<DecodeRun, 'isStrict' | 'mayShare' | 'kept'>) {
    this.isStrict = isStrict
    this.mayShare = mayShare
    this.kept = kept
  }

  /** Values of any depth may stand where a schema takes raw JSON. */
  guard<T>(decode: () => T): T {
    try {
      return decode()
    } catch (error) {
      if (error instanceof RangeError) throw new DecodeError('exceeded max depth')
      throw error
    }
  }

  /** Goes one level down and answers its number, which `at` and `leave` take. */
  enter(struct: string): number {
    const depth = this.#depth++
    if (depth >= maxDepth) throw new DecodeError('exceeded max depth')
    this.#structs[depth] = struct
    return depth
  }

  at(depth: number, step: Step): void {
    this.#path[depth] = step
  }

  leave(depth: number): void {
    this.#depth = depth
  }

  mismatch(value: unknown, goType: string): DecodeError {
    return this.typeError(wordFor(value), goType)
  }

  /** Go names the literal where a number has the right type but does not fit. */
  misfit(value: number | bigint, goType: string): DecodeError {
    return this.typeError(`number ${value}`, goType)
  }

  typeError(found: string, goType: string): DecodeError {
    const steps = this.#path.slice(0, this.#depth)
    const names = steps.filter((step) => typeof step === 'string')
    const struct = this.#structs.slice(0, this.#depth).findLast((name) => name !== '')
    const place = names.length > 0 ? `Go struct field ${struct ?? ''}.${names.join('.')}` : 'Go value'
    return new DecodeError(`json: cannot unmarshal ${found} into ${place} of type ${goType}`)
  }
}

/** JSON's types; `unsupported` is what JSON cannot hold. */
export function kindOf(value: unknown): 'null' | 'bool' | 'number' | 'string' | 'array' | 'object' | 'unsupported' {
  if (value === null || value === undefined) return 'null'
  switch (typeof value) {
    case 'boolean':
      return 'bool'
    case 'number':
    case 'bigint':
      return 'number'
    case 'string':
      return 'string'
    case 'object':
      return Array.isArray(value) ? 'array' : 'object'
    default:
      return 'unsupported'
  }
}

function wordFor(value: unknown): string {
  const kind = kindOf(value)
  return kind === 'unsupported' ? typeof value : kind
}

const goScalars = {
  string: 'string',
  boolean: 'bool',
  int32: 'int32',
  int64: 'int64',
  double: 'float64',
  bytes: '[]uint8',
  quantity: 'resource.Quantity',
  time: 'string',
  microTime: 'string',
  duration: 'string',
  intOrString: 'int32',
  raw: 'interface {}',
} as const

/** `v1.Container`, `[]v1.Container`, `map[string]string`. */
export function goTypeOf(node: Node): string {
  switch (node.type) {
    case 'object':
      return node.name ? node.name.split('.').slice(-2).join('.') : 'map[string]interface {}'
    case 'list':
      return `[]${goTypeOf(node.items)}`
    case 'map':
      return `map[string]${goTypeOf(node.values)}`
    default:
      return goScalars[node.type]
  }
}
