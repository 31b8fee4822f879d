/** `npm run bench [-- --json] [name...]`: figures, each with its ratio to a limit measured in the same run. Every benchmark has a process of its own. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { basename } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import type { Bench, Figure } from './define-bench.ts'

const self = fileURLToPath(import.meta.url)
const folder = fileURLToPath(new URL('.', import.meta.url))

/** Those of a server (`cluster/supervise.sh`), since most benchmarks have one in their process. */
const flags = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=32']

/** Milliseconds after which a benchmark is killed. */
const patience = 1_800_000

const { values, positionals } = parseArgs({
  options: { json: { type: 'boolean', default: false }, one: { type: 'string' } },
  allowPositionals: true,
})
if (values.one) await runOne(values.one)
else await runAll(positionals.length > 0 ? positionals : names(), values.json)

function names(): string[] {
  const files = globSync('*.ts', { cwd: folder }).map((file) => basename(file, '.ts'))
  return files.filter((name) => name !== 'bench' && name !== 'define-bench').sort()
}

type Line = ({ readonly bench: string } & Figure) | { readonly bench: string; readonly skipped: string }

async function runAll(wanted: readonly string[], json: boolean): Promise<void> {
  for (const name of wanted) {
    const child = spawn(process.execPath, [...flags, self, '--one', name], {
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: patience,
    })
    const ended = once(child, 'close')
    for await (const line of createInterface({ input: child.stdout })) console.log(json ? line : textOf(JSON.parse(line)))
    const [code] = await ended
    if (code !== 0) process.exitCode = 1
  }
}

/** In the child process: one line of JSON for each figure. */
async function runOne(name: string): Promise<void> {
  const { default: bench } = (await import(pathToFileURL(`${folder}${name}.ts`).href)) as { default: Bench }
  const print = (line: Line) => console.log(JSON.stringify(line))
  const skipped = bench.skip?.()
  if (skipped) return print({ bench: name, skipped })
  await bench.run((figure) => print({ bench: name, ...figure }))
  process.exit(0)
}

function textOf(line: Line): string {
  if ('skipped' in line) return `${line.bench}: skipped, ${line.skipped}`
  const { bench, what, value, unit, limit, note } = line
  const amount = (number: number) => `${format(number)}${unit.startsWith('/') ? '' : ' '}${unit}`
  const ratio = limit ? `, ratio ${(value / limit.value).toFixed(2)} to ${limit.what} at ${amount(limit.value)}` : ''
  return `${bench}: ${what}: ${amount(value)}${ratio}${note ? ` (${note})` : ''}`
}

function format(number: number): string {
  return number < 100 ? number.toFixed(1) : Math.round(number).toLocaleString('en')
}
