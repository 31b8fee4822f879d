/** Runs test files with node's runner: a line per file, failures whole, skips collected with their reasons. */
import { globSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { run } from 'node:test'

export interface TestRun {
  /** Patterns, below `cwd`. */
  readonly files: readonly string[]
  /** Files at once. */
  readonly concurrency: number
  readonly cwd: string
  readonly signal: AbortSignal
  readonly print: (line: string) => void
}

export interface TestOutcome {
  readonly passed: number
  readonly failed: number
  /** `file: name: reason`. */
  readonly skipped: readonly string[]
}

/** A single test that takes longer than this hangs. */
const longest = 10 * 60_000

interface Details {
  readonly name: string
  readonly file?: string
  readonly nesting: number
  readonly skip?: string | boolean
  readonly details: { readonly type?: string; readonly error?: Error & { cause?: unknown } }
}

export async function runTests({ files: patterns, concurrency, cwd, signal, print }: TestRun): Promise<TestOutcome> {
  const files = globSync([...patterns], { cwd })
    .map((file) => resolve(cwd, file))
    .sort()
  if (files.length === 0) return { passed: 0, failed: 0, skipped: [] }
  let passed = 0
  let failed = 0
  const skipped: string[] = []
  const nameOf = (file = '') => relative(cwd, file)
  for await (const event of run({
    files,
    concurrency,
    signal,
    timeout: longest,
    cwd,
    execArgv: ['--disable-warning=ExperimentalWarning'],
  })) {
    if (event.type === 'test:pass' || event.type === 'test:fail') {
      const test = event.data as unknown as Details
      if (test.details.type === 'suite') continue
      if (test.skip) skipped.push(`${nameOf(test.file)}: ${test.name}${typeof test.skip === 'string' ? `: ${test.skip}` : ''}`)
      else if (event.type === 'test:pass') passed++
      else if (!isBecauseOfOthers(test)) {
        failed++
        print(`FAIL ${nameOf(test.file)}: ${test.name}\n${indented(reasonOf(test))}`)
      }
    } else if (event.type === 'test:summary' && event.data.file) {
      const { file, counts, duration_ms: duration, success } = event.data
      print(`${success ? 'ok  ' : 'FAIL'} ${nameOf(file)} (${counts.tests} tests, ${(duration / 1000).toFixed(1)} s)`)
    } else if (event.type === 'test:stderr' && process.env.NAMI_DEBUG) {
      print(event.data.message.trimEnd())
    }
  }
  return { passed, failed, skipped }
}

/** A parent fails with its subtests; they are told by themselves. */
function isBecauseOfOthers({ details }: Details): boolean {
  return (
    /^\d+ subtests? failed$/.test(String(details.error?.message)) ||
    String((details.error?.cause as Error)?.message ?? '').endsWith('subtest failed')
  )
}

function reasonOf({ details }: Details): string {
  const cause = details.error?.cause ?? details.error
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
}

function indented(text: string): string {
  return text
    .split('\n')
    .slice(0, 60)
    .map((line) => `    ${line}`)
    .join('\n')
}
