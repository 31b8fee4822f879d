/** Where errors are in the text of an expression, and how they are shown (cel-go `common/error.go`). */
import { CelCompileError, type CelIssue } from './errors.ts'

const mostIssues = 100
const longestSnippet = 16_384

export interface Issue {
  /** Offset in code points; -1 where there is no place. */
  readonly pos: number
  readonly message: string
}

/** The error that shows all issues, in the order of their places. */
export function compileError(expression: string, issues: readonly Issue[]): CelCompileError {
  const located = issues.slice(0, mostIssues).map((issue) => locate(expression, issue))
  located.sort((a, b) => a.line - b.line || a.column - b.column)
  const lines = expression.split('\n')
  const texts = located.map((issue) => display(issue, lines[issue.line - 1]))
  if (issues.length > mostIssues) texts.push(`${issues.length - mostIssues} more errors were truncated`)
  return new CelCompileError(texts.join('\n'), located)
}

function locate(expression: string, { pos, message }: Issue): CelIssue {
  if (pos < 0) return { line: -1, column: -1, message }
  let line = 1
  let column = 0
  let left = pos
  for (const char of expression) {
    if (left-- === 0) break
    if (char === '\n') {
      line++
      column = 0
    } else {
      column++
    }
  }
  return { line, column, message }
}

function display({ line, column, message }: CelIssue, snippet: string | undefined): string {
  const head = `ERROR: <input>:${line}:${column + 1}: ${message}`
  if (snippet === undefined || snippet.length > longestSnippet) return head
  const chars = [...snippet.replaceAll('\t', ' ')]
  const dots = chars.slice(0, column).map((char) => (wide(char) ? '．' : '.'))
  const mark = chars[column] !== undefined && wide(chars[column]) ? '＾' : '^'
  return `${head}\n | ${chars.join('')}\n | ${dots.join('')}${mark}`
}

function wide(char: string): boolean {
  return (char.codePointAt(0) ?? 0) > 0x7f
}
