/**
 * Jinja2 templates with strict undefined, rendered by nunjucks: what a template names must exist. Errors say file, line and column, counted
 * from 1. Includes and parents are found relative to the template's folder and `root`.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import nunjucks from 'nunjucks'
import { WorkflowError } from '../workflow-error.ts'
import { type Missing, missingNames } from './template-names.ts'

export interface TemplateOptions {
  /** Folder of includes. */
  readonly root: string
  readonly variables: Readonly<Record<string, unknown>>
  /** Names in errors are relative to it. */
  readonly cwd?: string
  /** Undefined names render as nothing: `setup --allow-missing-vars`. */
  readonly allowMissing?: boolean
}

export class TemplateError extends WorkflowError {
  readonly line: number
  readonly column: number

  constructor(problem: string, { file, line, column }: { file: string; line: number; column: number }, cause?: unknown) {
    super(`${file}:${line}:${column}: ${problem}`, { cause })
    this.line = line
    this.column = column
  }
}

export function renderFile(file: string, options: TemplateOptions): string {
  return render(readFileSync(file, 'utf8'), file, options)
}

export function render(text: string, file: string, options: TemplateOptions): string {
  const { root, variables, allowMissing = false } = options
  const named = (path: string) => (options.cwd ? relative(options.cwd, path) || path : path)
  const bound = new Set(['True', 'False', 'None', 'loop', ...Object.keys(variables)])
  const sources = new Map<string, string>([[file, text]])
  const check = (source: string, path: string) => {
    if (allowMissing) return
    const fault: Missing | undefined = missingNames(source, bound)[0]
    if (fault) throw new TemplateError(`${JSON.stringify(fault.name)} is undefined`, { file: named(path), ...fault })
  }
  const loader = {
    getSource(name: string) {
      const path = [join(dirname(file), name), join(root, name)].find(existsSync)
      if (!path) throw new TemplateError(`template ${JSON.stringify(name)} does not exist`, placeOf(text, name, named(file)))
      const source = readFileSync(path, 'utf8')
      sources.set(path, source)
      check(source, path)
      return { src: source, path, noCache: true }
    },
  }
  const environment = environmentOf(loader, !allowMissing)
  try {
    check(text, file)
    return new nunjucks.Template(text, environment, file, true).render({ ...variables, True: true, False: false, None: null })
  } catch (error) {
    throw worded(error as Error, { file, sources, named })
  }
}

function environmentOf(loader: object, throwOnUndefined: boolean): nunjucks.Environment {
  nunjucks.installJinjaCompat()
  const environment = new nunjucks.Environment(loader as nunjucks.ILoader, { autoescape: false, throwOnUndefined })
  environment.addFilter('tojson', (value: unknown) => JSON.stringify(value))
  environment.addFilter('b64encode', (value: unknown) => Buffer.from(String(value)).toString('base64'))
  environment.addFilter('quote', (value: unknown) => JSON.stringify(String(value)))
  return environment
}

interface Place {
  readonly file: string
  readonly sources: ReadonlyMap<string, string>
  readonly named: (path: string) => string
}

/** nunjucks says `(path) [Line 3, Column 5]`, and then what. Its columns count from 0 in the parser, from 1 elsewhere; both are near enough to look. */
function worded(error: Error, { file, sources, named }: Place): WorkflowError {
  if (error instanceof WorkflowError) return error
  const inner = (error as Error & { cause?: unknown }).cause
  if (inner instanceof WorkflowError) return inner
  const path = [...sources.keys()].findLast((one) => error.message.includes(`(${one})`)) ?? file
  const { lineno, colno } = error as Error & { lineno?: number; colno?: number }
  const [, line = lineno || 1, , column = colno || 1] = /\[Line (\d+)(, Column (\d+))?\]/.exec(error.message) ?? []
  const own = /(\S+:\d+:\d+: .*)/.exec(error.message)?.[1]
  if (own && /is undefined|does not exist/.test(own)) return new WorkflowError(own, { cause: error })
  const problem =
    error.message
      .trim()
      .split('\n')
      .at(-1)
      ?.trim()
      .replace(/^(Template render error: |Error: )+/, '') ?? ''
  const filter = /^filter not found: (.+)$/.exec(problem)?.[1]
  if (filter) return new TemplateError(problem, placeOf(sources.get(path) ?? '', filter, named(path)), error)
  const said = problem.startsWith('attempted to output null or undefined') ? 'an undefined value is used' : problem
  return new TemplateError(said, { file: named(path), line: Number(line), column: Math.max(1, Number(column)) }, error)
}

function placeOf(text: string, word: string, file: string): { file: string; line: number; column: number } {
  const before = text.slice(0, Math.max(0, text.indexOf(word))).split('\n')
  return { file, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }
}
