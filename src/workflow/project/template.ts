/**
 * Jinja2 templates with strict undefined: what a template prints must exist. Errors say file, line and column, counted from 1. Includes and
 * parents are found relative to the template that names them and to `root`.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { Fault } from '../jinja/fault.ts'
import { renderTemplate } from '../jinja/render.ts'
import { WorkflowError } from '../workflow-error.ts'

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
  const { root, variables, cwd, allowMissing = false } = options
  const find = (name: string, from: string) => {
    const path = [join(dirname(from), name), join(root, name)].find(existsSync)
    return path === undefined ? undefined : { name: path, text: readFileSync(path, 'utf8') }
  }
  try {
    return renderTemplate({ name: file, text }, { variables, find, isLenient: allowMissing })
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    const { template = file, line = 1, column = 1 } = error.place ?? {}
    const named = cwd ? relative(cwd, template) || template : template
    throw new TemplateError(error.message, { file: named, line, column }, error)
  }
}
