/** Reads a .proto file (proto3) as far as ours go: messages, enums, maps, services. Names are resolved by their last part, which must be unique. */

export type Scalar = 'string' | 'bytes' | 'bool' | 'int32' | 'uint32' | 'int64' | 'uint64'

export type FieldType =
  | { readonly is: 'scalar'; readonly scalar: Scalar }
  | { readonly is: 'enum'; readonly names: ReadonlyMap<number, string>; readonly numbers: ReadonlyMap<string, number> }
  | { readonly is: 'message'; readonly message: MessageType }

export interface Field {
  readonly name: string
  readonly number: number
  readonly type: FieldType
  readonly isRepeated: boolean
  /** A map of text to `type`. */
  readonly isMap: boolean
}

export interface MessageType {
  readonly name: string
  readonly fields: Field[]
  readonly byNumber: Map<number, Field>
}

export interface Method {
  /** As HTTP/2 has it: `/runtime.v1.RuntimeService/Version`. */
  readonly path: string
  readonly request: MessageType
  readonly response: MessageType
}

export interface ProtoFile {
  readonly messages: ReadonlyMap<string, MessageType>
  /** By `package.Service`, then by method. */
  readonly services: ReadonlyMap<string, ReadonlyMap<string, Method>>
}

const scalars: ReadonlySet<string> = new Set<Scalar>(['string', 'bytes', 'bool', 'int32', 'uint32', 'int64', 'uint64'])

export function readProto(text: string): ProtoFile {
  return new Reader(text).file()
}

interface Enum {
  readonly names: Map<number, string>
  readonly numbers: Map<string, number>
}

class Reader {
  readonly #words: readonly string[]
  #at = 0
  #package = ''
  readonly #messages = new Map<string, MessageType>()
  readonly #enums = new Map<string, Enum>()
  readonly #services = new Map<string, Map<string, Method>>()
  /** A field may name a type that stands further down. */
  readonly #later: (() => void)[] = []

  constructor(text: string) {
    this.#words = text.replace(/\/\/.*$/gm, '').match(/"[^"]*"|[\w.]+|[{}()<>=;,]/g) ?? []
  }

  file(): ProtoFile {
    while (this.#at < this.#words.length) {
      const word = this.#next()
      if (word === 'package') this.#package = this.#next()
      else if (word === 'message') this.#message()
      else if (word === 'enum') this.#enum()
      else if (word === 'service') this.#service()
    }
    for (const resolve of this.#later) resolve()
    return { messages: this.#messages, services: this.#services }
  }

  #next(): string {
    return this.#words[this.#at++] ?? ''
  }

  #expect(word: string): void {
    const found = this.#next()
    if (found !== word) throw new Error(`proto: ${JSON.stringify(word)} expected, found ${JSON.stringify(found)}`)
  }

  #message(): void {
    const message: MessageType = { name: this.#next(), fields: [], byNumber: new Map() }
    if (this.#messages.has(message.name)) throw new Error(`proto: two messages ${message.name}`)
    this.#messages.set(message.name, message)
    this.#expect('{')
    for (let word = this.#next(); word !== '}'; word = this.#next()) {
      if (word === 'message') this.#message()
      else if (word === 'enum') this.#enum()
      else this.#field(message, word)
    }
  }

  #field(message: MessageType, first: string): void {
    const isMap = first === 'map'
    const isRepeated = first === 'repeated'
    let type = isRepeated ? this.#next() : first
    if (isMap) {
      for (const word of ['<', 'string', ',']) this.#expect(word)
      type = this.#next()
      this.#expect('>')
    }
    const name = this.#next()
    this.#expect('=')
    const number = Number(this.#next())
    this.#expect(';')
    const index = message.fields.length
    message.fields.push(undefined as never)
    this.#later.push(() => {
      const field: Field = { name, number, isMap, isRepeated, type: this.#type(type) }
      message.fields[index] = field
      message.byNumber.set(number, field)
    })
  }

  #type(name: string): FieldType {
    if (scalars.has(name)) return { is: 'scalar', scalar: name as Scalar }
    const message = this.#messages.get(name)
    if (message) return { is: 'message', message }
    const found = this.#enums.get(name)
    if (!found) throw new Error(`proto: no type ${name}`)
    return { is: 'enum', ...found }
  }

  #enum(): void {
    const found: Enum = { names: new Map(), numbers: new Map() }
    this.#enums.set(this.#next(), found)
    this.#expect('{')
    for (let name = this.#next(); name !== '}'; name = this.#next()) {
      this.#expect('=')
      const number = Number(this.#next())
      this.#expect(';')
      found.names.set(number, name)
      found.numbers.set(name, number)
    }
  }

  #service(): void {
    const name = `${this.#package}.${this.#next()}`
    const methods = new Map<string, Method>()
    this.#services.set(name, methods)
    this.#expect('{')
    for (let word = this.#next(); word !== '}'; word = this.#next()) {
      if (word !== 'rpc') continue
      const method = this.#next()
      const request = this.#parameter()
      this.#expect('returns')
      const response = this.#parameter()
      this.#later.push(() => {
        const [a, b] = [this.#messages.get(request), this.#messages.get(response)]
        if (!a || !b) throw new Error(`proto: ${method} names no message`)
        methods.set(method, { path: `/${name}/${method}`, request: a, response: b })
      })
    }
  }

  #parameter(): string {
    this.#expect('(')
    const word = this.#next()
    const name = word === 'stream' ? this.#next() : word
    this.#expect(')')
    return name
  }
}
