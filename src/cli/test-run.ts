/** Runs test files with node's runner: a line per file, failures whole, skips collected with their reasons. */
import { globSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { run } from 'node:test'
import { fileURLToPath } from 'node:url'

export interface TestRun {
  /** Patterns, below `cwd`. */
  readonly files: readonly string[]
  /** Processes at once. */
  readonly concurrency: number
  /** All files share those processes, which spares each of them the loading of the same modules; else each has one of its own. */
  readonly isTogether?: boolean
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
  readonly skip?: string | boolean
  readonly details: { readonly type?: string; readonly duration_ms: number; readonly error?: Error & { cause?: unknown } }
}

export async function runTests(options: TestRun): Promise<TestOutcome> {
  const { cwd, concurrency, isTogether = false } = options
  const files = globSync([...options.files], { cwd })
    .map((file) => resolve(cwd, file))
    .sort()
  const outcome = { passed: 0, failed: 0, skipped: [] as string[] }
  if (files.length === 0) return outcome
  if (!isTogether) await follow({ files, concurrency }, outcome, options)
  else {
    const shares = Array.from({ length: concurrency }, (_, i) => files.filter((_, j) => j % concurrency === i))
    const runs = shares.filter((share) => share.length > 0)
    await Promise.all(runs.map((argv) => follow({ files: [together], argv, concurrency: 1 }, outcome, options)))
  }
  return outcome
}

/** Imports the files that it is told. */
const together = fileURLToPath(new URL('../testing/together.ts', import.meta.url))

type Processes = Pick<NonNullable<Parameters<typeof run>[0]>, 'files' | 'argv' | 'concurrency'>
type Counts = { passed: number; failed: number; skipped: string[] }

async function follow(processes: Processes, outcome: Counts, { cwd, signal, print }: TestRun): Promise<void> {
  const nameOf = (file = '') => (file === together ? 'a process of unit tests' : relative(cwd, file))
  const files = new Map<string, Tally>()
  const said: string[] = []
  const execArgv = ['--disable-warning=ExperimentalWarning']
  for await (const event of run({ ...processes, signal, timeout: longest, cwd, execArgv })) {
    if (event.type === 'test:stderr') {
      said.push(event.data.message.trimEnd())
      if (said.length > 40) said.shift()
      if (process.env.NAMI_DEBUG) print(event.data.message.trimEnd())
    }
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue
    const test = event.data as unknown as Details
    const isFine = event.type === 'test:pass'
    // A suite that fails by itself could not be loaded.
    if (test.details.type === 'suite' && (isFine || isBecauseOfOthers(test))) continue
    tally(files, test, isFine)
    if (test.skip)
      outcome.skipped.push(`${nameOf(test.file)}: ${test.name}${typeof test.skip === 'string' ? `: ${test.skip}` : ''}`)
    else if (isFine) outcome.passed++
    else if (!isBecauseOfOthers(test)) {
      outcome.failed++
      const isWhole = test.file === test.name || test.file === resolve(cwd, test.name)
      const reason = isWhole ? `${reasonOf(test)}\n${said.join('\n')}` : reasonOf(test)
      print(`FAIL ${nameOf(test.file)}: ${isWhole ? 'ended early' : test.name}\n${indented(reason)}`)
    }
  }
  for (const [file, { tests, failed, began, ended }] of files) {
    print(`${failed > 0 ? 'FAIL' : 'ok  '} ${nameOf(file)} (${tests} tests, ${((ended - began) / 1000).toFixed(1)} s)`)
  }
}

interface Tally {
  tests: number
  failed: number
  /** Milliseconds, of a monotonic clock. */
  readonly began: number
  ended: number
}

function tally(files: Map<string, Tally>, { file = '', details }: Details, isFine: boolean): void {
  let of = files.get(file)
  const ended = performance.now()
  if (!of) files.set(file, (of = { tests: 0, failed: 0, began: ended - details.duration_ms, ended }))
  of.ended = ended
  of.tests++
  if (!isFine) of.failed++
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
