/** Parses expressions into functions of a scope. Precedence as in Jinja2: condition, or, and, not, comparison, + -, ~, * / // %, **, unary. */
import { Fault, placed } from './fault.ts'
import { engine, filters, predicates } from './filters.ts'
import { attribute, calculate, negate, type Operator, sliceOf, subscript } from './operators.ts'
import type { Evaluate, Scope } from './scope.ts'
import type { TokenStream } from './token-stream.ts'
import {
  type Arguments,
  Callable,
  checked,
  compare,
  contains,
  equal,
  Float,
  isTrue,
  textOf,
  tuple,
  typeName,
  Undefined,
} from './values.ts'

export function parseExpression(tokens: TokenStream): Evaluate {
  let value = parseOr(tokens)
  const { place } = tokens
  while (tokens.takes('name', 'if')) {
    const [then, condition] = [value, parseOr(tokens)]
    const otherwise = tokens.takes('name', 'else') ? parseExpression(tokens) : undefined
    const missing = new Undefined('the inline if-expression evaluated to false and no else section was defined.', {
      place,
      isLenient: true,
    })
    value = (scope) => (isTrue(condition(scope)) ? then(scope) : otherwise ? otherwise(scope) : missing)
  }
  return value
}

/** `a, b` is a tuple without parentheses; `ends` says where it may stop. */
export function parseTuple(tokens: TokenStream, options: { ends?: readonly string[]; hasCondition?: boolean } = {}): Evaluate {
  const { ends = [], hasCondition = true } = options
  const one = () => (hasCondition ? parseExpression(tokens) : parseOr(tokens))
  const isEnd = () =>
    tokens.is('block-end') ||
    tokens.is('output-end') ||
    tokens.is('operator', ')') ||
    tokens.is('name', ...(ends.length ? ends : ['']))
  const first = one()
  if (!tokens.is('operator', ',')) return first
  const items = [first]
  while (tokens.takes('operator', ',') && !isEnd()) items.push(one())
  return (scope) => tuple(items.map((item) => item(scope)))
}

function parseOr(tokens: TokenStream): Evaluate {
  let left = parseAnd(tokens)
  while (tokens.takes('name', 'or')) {
    const [a, b] = [left, parseAnd(tokens)]
    left = (scope) => {
      const value = a(scope)
      return isTrue(value) ? value : b(scope)
    }
  }
  return left
}

function parseAnd(tokens: TokenStream): Evaluate {
  let left = parseNot(tokens)
  while (tokens.takes('name', 'and')) {
    const [a, b] = [left, parseNot(tokens)]
    left = (scope) => {
      const value = a(scope)
      return isTrue(value) ? b(scope) : value
    }
  }
  return left
}

function parseNot(tokens: TokenStream): Evaluate {
  if (!tokens.is('name', 'not')) return parseComparison(tokens)
  tokens.next()
  const value = parseNot(tokens)
  return (scope) => !isTrue(value(scope))
}

const comparisons: Readonly<Record<string, (a: unknown, b: unknown) => boolean>> = {
  '==': equal,
  '!=': (a, b) => !equal(a, b),
  '<': (a, b) => compare(a, b) < 0,
  '<=': (a, b) => compare(a, b) <= 0,
  '>': (a, b) => compare(a, b) > 0,
  '>=': (a, b) => compare(a, b) >= 0,
  in: (a, b) => contains(b, a),
  'not in': (a, b) => !contains(b, a),
}

function parseComparison(tokens: TokenStream): Evaluate {
  const { place } = tokens
  const first = parseSum(tokens)
  const links: { holds: (a: unknown, b: unknown) => boolean; right: Evaluate }[] = []
  for (;;) {
    let sign: string | undefined
    if (tokens.is('operator', '==', '!=', '<', '<=', '>', '>=')) sign = tokens.next().text
    else if (tokens.takes('name', 'in')) sign = 'in'
    else if (tokens.is('name', 'not') && tokens.following.text === 'in') {
      tokens.next()
      tokens.next()
      sign = 'not in'
    }
    if (!sign) break
    links.push({ holds: comparisons[sign] as (a: unknown, b: unknown) => boolean, right: parseSum(tokens) })
  }
  if (links.length === 0) return first
  return (scope) =>
    placed(place, () => {
      let left = first(scope)
      return links.every(({ holds, right }) => {
        const value = right(scope)
        const is = holds(left, value)
        left = value
        return is
      })
    })
}

function parseSum(tokens: TokenStream): Evaluate {
  return parseBinary(tokens, ['+', '-'], () => parseConcatenation(tokens))
}

function parseConcatenation(tokens: TokenStream): Evaluate {
  const parts = [parseProduct(tokens)]
  while (tokens.takes('operator', '~')) parts.push(parseProduct(tokens))
  return parts.length === 1 ? (parts[0] as Evaluate) : (scope) => parts.map((part) => textOf(part(scope))).join('')
}

function parseProduct(tokens: TokenStream): Evaluate {
  return parseBinary(tokens, ['*', '/', '//', '%'], () => parseBinary(tokens, ['**'], () => parseUnary(tokens)))
}

function parseBinary(tokens: TokenStream, signs: readonly Operator[], operand: () => Evaluate): Evaluate {
  let left = operand()
  while (tokens.is('operator', ...signs)) {
    const { text, at } = tokens.next()
    const [a, b] = [left, operand()]
    left = (scope) => placed(at, () => calculate(text as Operator, a(scope), b(scope)))
  }
  return left
}

function parseUnary(tokens: TokenStream, hasFilters = true): Evaluate {
  const { place } = tokens
  let value: Evaluate
  if (tokens.takes('operator', '-')) {
    const inner = parseUnary(tokens, false)
    value = (scope) => placed(place, () => negate(inner(scope)))
  } else if (tokens.takes('operator', '+')) value = parseUnary(tokens, false)
  else value = parsePrimary(tokens)
  value = parsePostfix(tokens, value)
  return hasFilters ? parseFilters(tokens, value) : value
}

const constants: Readonly<Record<string, unknown>> = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null,
}

function parsePrimary(tokens: TokenStream): Evaluate {
  const { type, text, at } = tokens.current
  switch (type) {
    case 'name': {
      tokens.next()
      if (Object.hasOwn(constants, text)) return () => constants[text]
      return (scope) => scope.get(text, at)
    }
    case 'string': {
      let whole = ''
      while (tokens.is('string')) whole += unquoted(tokens.next().text)
      return () => whole
    }
    case 'integer': {
      const number = Number(tokens.next().text.replaceAll('_', '').toLowerCase())
      return () => number
    }
    case 'float': {
      const number = new Float(Number(tokens.next().text.replaceAll('_', '')))
      return () => number
    }
    case 'operator':
      if (text === '(') return parseParentheses(tokens)
      if (text === '[') return parseList(tokens)
      if (text === '{') return parseDict(tokens)
  }
  throw tokens.unexpected()
}

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
  '\n': '',
}

function unquoted(text: string): string {
  return text.slice(1, -1).replace(/\\(x[\da-f]{2}|u[\da-f]{4}|[\s\S])/gi, (all, code: string) => {
    if (/^[xu]./i.test(code)) return String.fromCodePoint(Number.parseInt(code.slice(1), 16))
    return escapes[code] ?? all
  })
}

function parseParentheses(tokens: TokenStream): Evaluate {
  tokens.next()
  if (tokens.takes('operator', ')')) return () => tuple([])
  const value = parseTuple(tokens)
  tokens.expect('operator', ')')
  return value
}

function parseList(tokens: TokenStream): Evaluate {
  tokens.next()
  const items: Evaluate[] = []
  while (!tokens.is('operator', ']')) {
    items.push(parseExpression(tokens))
    if (!tokens.takes('operator', ',')) break
  }
  tokens.expect('operator', ']')
  return (scope) => items.map((item) => checked(item(scope)))
}

function parseDict(tokens: TokenStream): Evaluate {
  tokens.next()
  const pairs: [Evaluate, Evaluate][] = []
  while (!tokens.is('operator', '}')) {
    const key = parseExpression(tokens)
    tokens.expect('operator', ':')
    pairs.push([key, parseExpression(tokens)])
    if (!tokens.takes('operator', ',')) break
  }
  tokens.expect('operator', '}')
  return (scope) => new Map(pairs.map(([key, value]) => [checked(key(scope)), checked(value(scope))]))
}

function parsePostfix(tokens: TokenStream, start: Evaluate): Evaluate {
  let value = start
  for (;;) {
    const { place } = tokens
    const object = value
    if (tokens.is('operator', '.')) {
      tokens.next()
      if (tokens.is('integer')) {
        const index = Number(tokens.next().text)
        value = (scope) => subscript(object(scope), index, place)
      } else {
        const name = tokens.expect('name').text
        value = (scope) => placed(place, () => attribute(object(scope), name, place))
      }
    } else if (tokens.is('operator', '[')) value = parseSubscript(tokens, object)
    else if (tokens.is('operator', '(')) {
      const args = parseArguments(tokens)
      value = (scope) => placed(place, () => invoke(object(scope), args(scope)))
    } else return value
  }
}

function parseSubscript(tokens: TokenStream, object: Evaluate): Evaluate {
  const { at } = tokens.next()
  const part = () => (tokens.is('operator', ':', ']') ? undefined : parseExpression(tokens))
  const start = part()
  if (tokens.is('operator', ':')) {
    tokens.next()
    const stop = part()
    const step = tokens.takes('operator', ':') ? part() : undefined
    tokens.expect('operator', ']')
    return (scope) =>
      placed(at, () => sliceOf(object(scope), { start: start?.(scope), stop: stop?.(scope), step: step?.(scope) }))
  }
  if (!start) throw tokens.unexpected()
  tokens.expect('operator', ']')
  return (scope) => placed(at, () => subscript(object(scope), start(scope), at))
}

export function parseArguments(tokens: TokenStream): (scope: Scope) => Arguments {
  tokens.expect('operator', '(')
  const list: { value: Evaluate; isSpread: boolean }[] = []
  const named: { name: string | undefined; value: Evaluate }[] = []
  while (!tokens.is('operator', ')')) {
    if (tokens.takes('operator', '*')) list.push({ value: parseExpression(tokens), isSpread: true })
    else if (tokens.takes('operator', '**')) named.push({ name: undefined, value: parseExpression(tokens) })
    else if (tokens.is('name') && tokens.following.type === 'operator' && tokens.following.text === '=') {
      const name = tokens.next().text
      tokens.next()
      named.push({ name, value: parseExpression(tokens) })
    } else list.push({ value: parseExpression(tokens), isSpread: false })
    if (!tokens.takes('operator', ',')) break
  }
  tokens.expect('operator', ')')
  return (scope) => ({
    list: list.flatMap(({ value, isSpread }) => (isSpread ? (checked(value(scope)) as unknown[]) : [value(scope)])),
    named: new Map(
      named.flatMap(({ name, value }): [string, unknown][] =>
        name === undefined ? [...(checked(value(scope)) as Map<string, unknown>)] : [[name, value(scope)]],
      ),
    ),
  })
}

function invoke(callee: unknown, args: Arguments): unknown {
  if (checked(callee) instanceof Callable) return (callee as Callable).call(args)
  throw new Fault(`'${typeName(callee)}' object is not callable`)
}

function parseFilters(tokens: TokenStream, start: Evaluate): Evaluate {
  let value = start
  for (;;) {
    if (tokens.is('operator', '|')) value = parseFilter(tokens, value)
    else if (tokens.takes('name', 'is')) value = parseTest(tokens, value)
    else if (tokens.is('operator', '(')) value = parsePostfix(tokens, value)
    else return value
  }
}

const none: Arguments = { list: [], named: new Map() }

/** `| name(arguments)`; for `{% filter %}` the sign is left out. */
export function parseFilter(tokens: TokenStream, value: Evaluate): Evaluate {
  tokens.takes('operator', '|')
  const { at } = tokens.current
  const name = parseDotted(tokens)
  if (!Object.hasOwn(filters, name)) throw new Fault(`No filter named '${name}'.`, at)
  const args = tokens.is('operator', '(') ? parseArguments(tokens) : () => none
  return (scope) =>
    placed(at, () => {
      const given = value(scope)
      return engine.filter(name, /^(default|d|items)$/.test(name) ? given : checked(given), args(scope))
    })
}

function parseDotted(tokens: TokenStream): string {
  let name = tokens.expect('name').text
  while (tokens.takes('operator', '.')) name += `.${tokens.expect('name').text}`
  return name
}

function parseTest(tokens: TokenStream, value: Evaluate): Evaluate {
  const isNegated = tokens.takes('name', 'not')
  const { at } = tokens.current
  const name = parseDotted(tokens)
  if (!Object.hasOwn(predicates, name)) throw new Fault(`No test named '${name}'.`, at)
  let args: (scope: Scope) => readonly unknown[] = () => []
  if (tokens.is('operator', '(')) {
    const given = parseArguments(tokens)
    args = (scope) => given(scope).list
  } else if (startsArgument(tokens)) {
    const given = parsePostfix(tokens, parsePrimary(tokens))
    args = (scope) => [given(scope)]
  }
  return (scope) => placed(at, () => engine.test(name, value(scope), args(scope)) !== isNegated)
}

function startsArgument(tokens: TokenStream): boolean {
  if (tokens.is('name')) return !tokens.is('name', 'else', 'or', 'and', 'is', 'if', 'not', 'in')
  return tokens.is('string') || tokens.is('integer') || tokens.is('float') || tokens.is('operator', '[', '{')
}
