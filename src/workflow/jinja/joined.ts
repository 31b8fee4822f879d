/** What joins templates: `block`, `extends`, `include`, `import` and `from`. */
import { parseExpression } from './expressions.ts'
import { Fault, type Place } from './fault.ts'
import type { Execute, Parsed, Run, Scope } from './scope.ts'
import { captured, type Parsing, parseBody } from './statements.ts'
import type { TokenStream } from './token-stream.ts'
import { Callable, checked, textOf } from './values.ts'

/** Runs a template, and what it extends, in the scope; blocks come from the first that has them. */
export function runTemplate(template: Parsed, scope: Scope, out: string[]): void {
  const { run } = scope
  for (let current: Parsed | undefined = template; current; current = run.parent) {
    run.parent = undefined
    for (const [name, body] of current.blocks) run.blocks.set(name, [...(run.blocks.get(name) ?? []), body])
    const own: string[] = []
    current.body(scope, own)
    // What stands outside of blocks in a template that extends another is not printed.
    if (!run.parent) out.push(...own)
  }
}

/** A run of its own for a template that is included or imported. */
function fresh(run: Run): Run {
  return { ...run, blocks: new Map(), parent: undefined, load: run.load, find: run.find }
}

export function parseBlock(parsing: Parsing): Execute {
  const { tokens, blocks } = parsing
  const { text: name, at } = tokens.expect('name')
  if (blocks.has(name)) throw new Fault(`block '${name}' defined twice`, at)
  // Reserved before its inside is read, which may hold other blocks.
  blocks.set(name, () => {})
  const isScoped = tokens.takes('name', 'scoped')
  tokens.takes('name', 'required')
  tokens.expect('block-end')
  const body = parseBody(parsing, 'endblock')
  tokens.next()
  tokens.takes('name', name)
  tokens.expect('block-end')
  blocks.set(name, body)
  return (scope, out) => {
    // What is extended prints it, where its own block of the name stands.
    if (!scope.run.parent) out.push(blockText(name, 0, isScoped ? scope : scope.top))
  }
}

/** The block as the `level`th template of the chain has it; `super()` is the one above. */
function blockText(name: string, level: number, scope: Scope): string {
  const bodies = scope.run.blocks.get(name) ?? []
  const above = new Callable('super', () => {
    if (level + 1 >= bodies.length) throw new Fault(`there is no parent block called '${name}'.`)
    return blockText(name, level + 1, scope)
  })
  const others = [...scope.run.blocks.keys()].map((one) => {
    return [one, new Callable(`block ${one}`, () => blockText(one, 0, scope.top))] as const
  })
  const self = new Callable('self', () => null, new Map(others))
  const inner = scope.inner([
    ['super', above],
    ['self', self],
  ])
  return captured(bodies[level] as Execute, inner)
}

/** `self` for what stands outside of blocks. */
export function selfOf(scope: Scope): Callable {
  const held = { get: (name: string) => new Callable(`block ${name}`, () => blockText(name, 0, scope.top)) }
  return new Callable('self', () => null, held as unknown as ReadonlyMap<string, unknown>)
}

export function parseExtends({ tokens }: Parsing): Execute {
  const { place } = tokens
  const name = parseExpression(tokens)
  tokens.expect('block-end')
  return (scope) => {
    if (scope.run.parent) throw new Fault('extended multiple times', place)
    scope.run.parent = scope.run.load(textOf(checked(name(scope))), place)
  }
}

export function parseInclude({ tokens }: Parsing): Execute {
  const { place } = tokens
  const wanted = parseExpression(tokens)
  let isMissingFine = false
  if (tokens.takes('name', 'ignore')) {
    tokens.expect('name', 'missing')
    isMissingFine = true
  }
  const hasContext = parseContext(tokens) ?? true
  tokens.expect('block-end')
  return (scope, out) => {
    const value = checked(wanted(scope))
    const names = (Array.isArray(value) ? value : [value]).map(textOf)
    const found = names.map((name) => scope.run.find(name, place.template)).find(Boolean)
    if (!found && isMissingFine) return
    const template = found ?? scope.run.load(names[0] ?? '', place)
    runTemplate(template, placeOf(scope, hasContext), out)
  }
}

/** With context: everything that is known there; without: the template's own globals. */
function placeOf(scope: Scope, hasContext: boolean): Scope {
  const run = fresh(scope.run)
  return hasContext ? scope.inner().within(run) : scope.globals().inner().within(run)
}

/** `with context`, `without context`; undefined where neither is said. */
function parseContext(tokens: TokenStream): boolean | undefined {
  if (!tokens.is('name', 'with', 'without') || tokens.following.text !== 'context') return undefined
  const hasContext = tokens.next().text === 'with'
  tokens.next()
  return hasContext
}

function imported(
  scope: Scope,
  { name, hasContext, place }: { name: unknown; hasContext: boolean; place: Place },
): ReadonlyMap<string, unknown> {
  const inner = placeOf(scope, hasContext)
  runTemplate(scope.run.load(textOf(checked(name)), place), inner, [])
  return inner.own()
}

export function parseImport({ tokens }: Parsing): Execute {
  const { place } = tokens
  const name = parseExpression(tokens)
  tokens.expect('name', 'as')
  const target = tokens.expect('name').text
  const hasContext = parseContext(tokens) ?? false
  tokens.expect('block-end')
  return (scope) => {
    const members = imported(scope, { name: name(scope), hasContext, place })
    scope.set(target, new Callable(`module ${target}`, () => null, members))
  }
}

export function parseFrom({ tokens }: Parsing): Execute {
  const { place } = tokens
  const name = parseExpression(tokens)
  tokens.expect('name', 'import')
  const wanted: { name: string; as: string }[] = []
  let hasContext: boolean | undefined
  while (!tokens.is('block-end')) {
    hasContext = parseContext(tokens)
    if (hasContext !== undefined) break
    const own = tokens.expect('name').text
    wanted.push({ name: own, as: tokens.takes('name', 'as') ? tokens.expect('name').text : own })
    hasContext = parseContext(tokens)
    if (hasContext !== undefined || !tokens.takes('operator', ',')) break
  }
  tokens.expect('block-end')
  return (scope) => {
    const members = imported(scope, { name: name(scope), hasContext: hasContext ?? false, place })
    for (const one of wanted) {
      if (!members.has(one.name)) throw new Fault(`the template ${textOf(name(scope))} does not export '${one.name}'`, place)
      scope.set(one.as, members.get(one.name))
    }
  }
}
