/** `{% macro %}` and `{% call %}`. */
import { parseArguments, parseExpression } from './expressions.ts'
import { Fault } from './fault.ts'
import type { Evaluate, Execute, Scope } from './scope.ts'
import { captured, closeTag, type Parsing, parseBody } from './statements.ts'
import type { TokenStream } from './token-stream.ts'
import { type Arguments, Callable, textOf, tuple, Undefined } from './values.ts'

interface Parameter {
  readonly name: string
  readonly fallback: Evaluate | undefined
}

export function parseMacro(parsing: Parsing): Execute {
  const { tokens } = parsing
  const name = tokens.expect('name').text
  const parameters = parseParameters(tokens)
  tokens.expect('block-end')
  const body = parseBody(parsing, 'endmacro')
  closeTag(parsing)
  return (scope) => scope.set(name, macroOf({ name, parameters, body }, scope))
}

function parseParameters(tokens: TokenStream): Parameter[] {
  const parameters: Parameter[] = []
  tokens.expect('operator', '(')
  while (!tokens.is('operator', ')')) {
    const name = tokens.expect('name').text
    parameters.push({ name, fallback: tokens.takes('operator', '=') ? parseExpression(tokens) : undefined })
    if (!tokens.takes('operator', ',')) break
  }
  tokens.expect('operator', ')')
  return parameters
}

/** How often a macro may be inside of itself, well before the stack ends. */
const deepest = 200

interface Macro {
  readonly name: string
  readonly parameters: readonly Parameter[]
  readonly body: Execute
}

function macroOf({ name, parameters, body }: Macro, scope: Scope): Callable {
  const names = tuple(parameters.map((one) => one.name))
  let depth = 0
  const run = (inner: Scope) => {
    if (depth === deepest) throw new Fault('the template calls itself without end')
    depth++
    try {
      return captured(body, inner)
    } finally {
      depth--
    }
  }
  return new Callable(
    `macro ${name}`,
    ({ list, named }) => {
      const inner = scope.inner()
      const known = new Set(['caller', ...parameters.map((one) => one.name)])
      for (const [i, { name: own, fallback }] of parameters.entries()) {
        if (i < list.length) inner.set(own, list[i])
        else if (named.has(own)) inner.set(own, named.get(own))
        else inner.set(own, fallback ? fallback(inner) : new Undefined(`parameter '${own}' was not provided`))
      }
      inner.set('varargs', tuple(list.slice(parameters.length)))
      inner.set('kwargs', new Map([...named].filter(([key]) => !known.has(key))))
      if (named.has('caller')) inner.set('caller', named.get('caller'))
      return run(inner)
    },
    new Map<string, unknown>([
      ['name', name],
      ['arguments', names],
    ]),
  )
}

/** The body becomes `caller()` for the macro. */
export function parseCall(parsing: Parsing): Execute {
  const { tokens } = parsing
  const parameters = tokens.is('operator', '(') ? parseParameters(tokens) : []
  const { place } = tokens
  const { callee, args } = parseCallee(tokens)
  tokens.expect('block-end')
  const body = parseBody(parsing, 'endcall')
  closeTag(parsing)
  return (scope, out) => {
    const caller = macroOf({ name: 'caller', parameters, body }, scope)
    const macro = callee(scope)
    if (!(macro instanceof Callable)) throw new Fault('a call block needs a macro', place)
    const { list, named } = args(scope)
    out.push(textOf(macro.call({ list, named: new Map([...named, ['caller', caller]]) })))
  }
}

/** `name(arguments)` or `module.name(arguments)`. */
function parseCallee(tokens: TokenStream): { callee: Evaluate; args: (scope: Scope) => Arguments } {
  const { text, at } = tokens.expect('name')
  const members: string[] = []
  while (tokens.takes('operator', '.')) members.push(tokens.expect('name').text)
  const args = parseArguments(tokens)
  const callee: Evaluate = (scope) =>
    members.reduce<unknown>(
      (held, name) => {
        return held instanceof Callable ? held.members.get(name) : undefined
      },
      scope.get(text, at),
    )
  return { callee, args }
}
