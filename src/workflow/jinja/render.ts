/** Renders templates: Jinja2's language with its default settings and strict undefined, or a lenient one. */
import { Fault, type Place, placed } from './fault.ts'
import { runTemplate, selfOf } from './joined.ts'
import { tokensOf } from './lexer.ts'
import { type Execute, type Parsed, type Run, Scope } from './scope.ts'
import { parseBody } from './statements.ts'
import { TokenStream } from './token-stream.ts'
import { Callable, fromData, itemsOf, lengthOf, Namespace, numberOf } from './values.ts'

export interface Source {
  /** Of the template: what faults name, and what `find` is handed for templates that it includes. */
  readonly name: string
  readonly text: string
}

export interface RenderOptions {
  readonly variables: Readonly<Record<string, unknown>>
  /** A template that `from` names. */
  find(name: string, from: string): Source | undefined
  /** Undefined names print nothing. */
  readonly isLenient?: boolean
}

/** Throws Fault, with a place. */
export function renderTemplate(source: Source, options: RenderOptions): string {
  const find = (name: string, from: string) => {
    const found = options.find(name, from)
    return found && parseTemplate(found)
  }
  const load = (name: string, at: Place) => {
    const found = find(name, at.template)
    if (!found) throw new Fault(`template ${JSON.stringify(name)} does not exist`, at)
    return found
  }
  const run: Run = { load, find, isLenient: options.isLenient ?? false, blocks: new Map(), parent: undefined }
  const given = Object.entries(options.variables).map(([key, value]): [string, unknown] => [key, fromData(value)])
  const scope = new Scope(run, { held: new Map<string, unknown>([...globals, ...given]) }).inner()
  scope.set('self', selfOf(scope))
  const out: string[] = []
  placed({ template: source.name, line: 1, column: 1 }, () => runTemplate(parseTemplate(source), scope, out))
  return out.join('')
}

function parseTemplate({ name, text }: Source): Parsed {
  const blocks = new Map<string, Execute>()
  const body = parseBody({ tokens: new TokenStream(tokensOf(text, name)), blocks })
  return { name, body, blocks }
}

const globals: readonly (readonly [string, unknown])[] = [
  [
    'range',
    new Callable('range', ({ list }) => {
      const [first = 0, last, by = 1] = list.map((one) => numberOf(one) ?? 0)
      const [start, stop] = last === undefined ? [0, first] : [first, last]
      const length = Math.max(0, Math.ceil((stop - start) / by))
      if (by === 0 || length > 100_000) throw new Fault('range() with a step of 0, or too long')
      return Array.from({ length }, (_, i) => start + i * by)
    }),
  ],
  [
    'dict',
    new Callable('dict', ({ list, named }) => new Map<unknown, unknown>([...(list[0] instanceof Map ? list[0] : []), ...named])),
  ],
  [
    'namespace',
    new Callable(
      'namespace',
      ({ list, named }) => new Namespace(new Map([...(list[0] instanceof Map ? list[0] : []), ...named])),
    ),
  ],
  ['joiner', new Callable('joiner', ({ list }) => joinerOf(list[0] ?? ', '))],
  ['cycler', new Callable('cycler', ({ list }) => cyclerOf(list))],
]

function joinerOf(separator: unknown): Callable {
  let isUsed = false
  return new Callable('joiner', () => {
    const text = isUsed ? separator : ''
    isUsed = true
    return text
  })
}

function cyclerOf(items: readonly unknown[]): Callable {
  if (lengthOf([...items]) === 0) throw new Fault('at least one item has to be provided')
  let at = 0
  const members = {
    get(name: string) {
      if (name === 'current') return itemsOf([...items])[at]
      if (name === 'next') return new Callable('next', () => items[at++ % items.length])
      if (name !== 'reset') return undefined
      return new Callable('reset', () => {
        at = 0
        return null
      })
    },
  }
  return new Callable('cycler', () => null, members as unknown as ReadonlyMap<string, unknown>)
}
