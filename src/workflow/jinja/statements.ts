/** Parses text, outputs and the smaller statements into functions; loops, macros and what joins templates have files of their own. */

import { parseExpression, parseFilter, parseTuple } from './expressions.ts'
import { Fault, placed } from './fault.ts'
import { parseBlock, parseExtends, parseFrom, parseImport, parseInclude } from './joined.ts'
import { parseFor } from './loop.ts'
import { parseCall, parseMacro } from './macros.ts'
import type { Evaluate, Execute, Scope } from './scope.ts'
import type { TokenStream } from './token-stream.ts'
import { checked, isTrue, itemsOf, Namespace, textOf } from './values.ts'

/** What a template is made of while it is parsed. */
export interface Parsing {
  readonly tokens: TokenStream
  /** Its blocks, by name; those inside of others too. */
  readonly blocks: Map<string, Execute>
}

/** Up to one of the tags `ends`, whose name has been taken when it returns; up to the end of the template where there are none. */
export function parseBody(parsing: Parsing, ...ends: string[]): Execute {
  const { tokens } = parsing
  const opened = tokens.place
  const parts: Execute[] = []
  for (;;) {
    const { type, text } = tokens.current
    if (type === 'end') {
      if (ends.length === 0) return inOrder(parts)
      throw new Fault(`Unexpected end of template. Looking for one of: ${ends.map((end) => `'${end}'`).join(', ')}.`, opened)
    }
    tokens.next()
    if (type === 'data') parts.push((_scope, out) => void out.push(text))
    else if (type === 'output') parts.push(parseOutput(parsing))
    else {
      if (tokens.is('name', ...(ends.length ? ends : ['']))) return inOrder(parts)
      parts.push(parseStatement(parsing, ends))
    }
  }
}

function inOrder(parts: readonly Execute[]): Execute {
  return (scope, out) => {
    for (const part of parts) part(scope, out)
  }
}

function parseOutput({ tokens }: Parsing): Execute {
  const { place } = tokens
  const value = parseTuple(tokens)
  tokens.expect('output-end')
  return (scope, out) => void out.push(placed(place, () => textOf(value(scope))))
}

const statements: Readonly<Record<string, (parsing: Parsing) => Execute>> = {
  if: parseIf,
  for: parseFor,
  set: parseSet,
  with: parseWith,
  filter: parseFilterBlock,
  print: parsePrint,
  macro: parseMacro,
  call: parseCall,
  block: parseBlock,
  extends: parseExtends,
  include: parseInclude,
  import: parseImport,
  from: parseFrom,
  autoescape: parseAutoescape,
}

function parseStatement(parsing: Parsing, ends: readonly string[]): Execute {
  const { tokens } = parsing
  const { text, at } = tokens.expect('name')
  const parse = Object.hasOwn(statements, text) ? statements[text] : undefined
  if (!parse) {
    const looking = ends.length > 0 ? ` Jinja was looking for: ${ends.join(', ')}.` : ''
    throw new Fault(`Encountered unknown tag '${text}'.${looking}`, at)
  }
  const run = parse(parsing)
  return (scope, out) => placed(at, () => run(scope, out))
}

/** The end of the tag that `parseBody` stopped at. */
export function closeTag({ tokens }: Parsing): void {
  tokens.next()
  tokens.expect('block-end')
}

function parseIf(parsing: Parsing): Execute {
  const { tokens } = parsing
  const branches: { condition: Evaluate; body: Execute }[] = []
  let otherwise: Execute | undefined
  for (let isOpen = true; isOpen; ) {
    const condition = parseTuple(tokens, { hasCondition: false })
    tokens.expect('block-end')
    branches.push({ condition, body: parseBody(parsing, 'elif', 'else', 'endif') })
    isOpen = tokens.takes('name', 'elif')
  }
  if (tokens.is('name', 'else')) {
    closeTag(parsing)
    otherwise = parseBody(parsing, 'endif')
  }
  closeTag(parsing)
  return (scope, out) => {
    const taken = branches.find(({ condition }) => isTrue(condition(scope)))
    const body = taken ? taken.body : otherwise
    body?.(scope, out)
  }
}

/** Gives values to names. */
export type Assign = (scope: Scope, value: unknown) => void

/** `a`, `a, b`, `(a, b)`, and for `set` also `namespace.name`. */
export function parseTarget(tokens: TokenStream): Assign {
  const parts: Assign[] = []
  let isTuple = false
  do {
    if (parts.length > 0 && !tokens.is('name') && !tokens.is('operator', '(')) break
    if (tokens.takes('operator', '(')) {
      parts.push(parseTarget(tokens))
      tokens.expect('operator', ')')
    } else parts.push(parseName(tokens))
    isTuple ||= tokens.is('operator', ',')
  } while (tokens.takes('operator', ','))
  const [only] = parts
  if (!isTuple && only) return only
  return (scope, value) => {
    const items = itemsOf(value)
    if (items.length !== parts.length) {
      throw new Fault(
        items.length > parts.length
          ? `too many values to unpack (expected ${parts.length})`
          : `not enough values to unpack (expected ${parts.length}, got ${items.length})`,
      )
    }
    for (const [i, assign] of parts.entries()) assign(scope, items[i])
  }
}

function parseName(tokens: TokenStream): Assign {
  const { text, at } = tokens.expect('name')
  if (/^(true|false|none|True|False|None)$/.test(text)) throw new Fault(`can't assign to '${text}'`, at)
  if (!tokens.takes('operator', '.')) return (scope, value) => scope.set(text, value)
  const member = tokens.expect('name').text
  return (scope, value) => {
    const held = checked(scope.get(text, at))
    if (!(held instanceof Namespace)) throw new Fault('cannot assign attribute on non-namespace object', at)
    held.held.set(member, value)
  }
}

function parseSet(parsing: Parsing): Execute {
  const { tokens } = parsing
  const assign = parseTarget(tokens)
  if (tokens.takes('operator', '=')) {
    const value = parseTuple(tokens)
    tokens.expect('block-end')
    return (scope) => assign(scope, value(scope))
  }
  const filter = parseFilterChain(parsing)
  tokens.expect('block-end')
  const body = parseBody(parsing, 'endset')
  closeTag(parsing)
  return (scope) => assign(scope, filter(scope, captured(body, scope.inner())))
}

export function captured(body: Execute, scope: Scope): string {
  const out: string[] = []
  body(scope, out)
  return out.join('')
}

/** `| upper | trim` behind the name of a block of text; none leaves it as it is. */
function parseFilterChain({ tokens }: Parsing, isOpen = tokens.is('operator', '|')): (scope: Scope, text: string) => unknown {
  const texts = new WeakMap<Scope, string>()
  let value: Evaluate = (scope) => texts.get(scope)
  for (let more = isOpen; more; more = tokens.is('operator', '|')) value = parseFilter(tokens, value)
  return (scope, text) => {
    const own = scope.inner()
    texts.set(own, text)
    return value(own)
  }
}

function parseFilterBlock(parsing: Parsing): Execute {
  const filter = parseFilterChain(parsing, true)
  parsing.tokens.expect('block-end')
  const body = parseBody(parsing, 'endfilter')
  closeTag(parsing)
  return (scope, out) => void out.push(textOf(filter(scope, captured(body, scope.inner()))))
}

function parseWith(parsing: Parsing): Execute {
  const { tokens } = parsing
  const pairs: { assign: Assign; value: Evaluate }[] = []
  while (!tokens.is('block-end')) {
    if (pairs.length > 0) tokens.expect('operator', ',')
    const { text } = tokens.expect('name')
    tokens.expect('operator', '=')
    pairs.push({ assign: (scope, value) => scope.set(text, value), value: parseExpression(tokens) })
  }
  tokens.expect('block-end')
  const body = parseBody(parsing, 'endwith')
  closeTag(parsing)
  return (scope, out) => {
    const inner = scope.inner()
    for (const { assign, value } of pairs) assign(inner, value(scope))
    body(inner, out)
  }
}

function parsePrint({ tokens }: Parsing): Execute {
  const value = parseTuple(tokens)
  tokens.expect('block-end')
  return (scope, out) => void out.push(textOf(value(scope)))
}

/** Nothing is ever escaped here; the tag is there for templates that switch it off. */
function parseAutoescape(parsing: Parsing): Execute {
  parseExpression(parsing.tokens)
  parsing.tokens.expect('block-end')
  const body = parseBody(parsing, 'endautoescape')
  closeTag(parsing)
  return body
}
