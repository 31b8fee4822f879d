/** Fails when a file or a function grows beyond what one reads at a sitting. Exceptions stand here, each with its reason. */
import { globSync, readFileSync } from 'node:fs'
import { report } from './report.ts'

const maxFileLines = 400
const maxFunctionLines = 60

/** file, or file:function -> why it may be larger. */
const exceptions: Readonly<Record<string, string>> = {}

/** Lines of each top-level function or method, by indentation: the formatter makes that exact. */
function longFunctions(lines: readonly string[]): { name: string; length: number }[] {
  const found: { name: string; length: number }[] = []
  for (const [start, line] of lines.entries()) {
    const head = /^( *)(?:export )?(?:default )?(?:async )?(?:static )?(?:function\*? )?(#?\w+)(?:<.*>)?\(.*\{$/.exec(line)
    if (!head || /^ *(if|for|while|switch|return|test|it|describe|await|catch)\b/.test(line)) continue
    const end = lines.findIndex((other, at) => at > start && other.replace(/[,;)]+$/, '') === `${head[1]}}`)
    if (end > 0 && end - start + 1 > maxFunctionLines) found.push({ name: head[2] ?? '', length: end - start + 1 })
  }
  return found
}

function offencesOf(file: string): string[] {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  const offences = longFunctions(lines)
    .filter(({ name }) => !exceptions[`${file}:${name}`])
    .map(({ name, length }) => `${file}: ${name}() has ${length} lines, at most ${maxFunctionLines}`)
  if (lines.length > maxFileLines && !exceptions[file]) offences.push(`${file}: ${lines.length} lines, at most ${maxFileLines}`)
  return offences
}

const files = globSync(['src/**/*.ts', 'tools/**/*.ts', 'bin/**/*.ts']).filter(
  (file) => !/\.test\.ts$|\/conformance\//.test(file),
)
report('check-sizes', files.flatMap(offencesOf))
