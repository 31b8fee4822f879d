/** `nami development test` is what `npm test` runs, by way of `nami test`: everything, with what it needs installed first, and said in the end what was left out and why. */
import { type Command, CommandError, defineCommand } from '#cli/command.ts'

/** The parts, in the order in which they run: the quick ones first, and one cluster at a time. */
const parts = {
  unit: { files: ['src/**/*.test.ts', 'tools/**/*.test.ts'], concurrency: 3, isTogether: true },
  clients: { files: ['test/clients/**/*.test.ts'], concurrency: 1 },
  hostile: { files: ['test/hostile/**/*.test.ts'], concurrency: 1 },
  e2e: { files: ['test/e2e/**/*.test.ts'], concurrency: 1 },
} as const
type Part = keyof typeof parts

const command: Command = defineCommand({
  summary: 'run the tests of Nami itself',
  usage: 'development test [file...]',
  details: `  Without files: unit tests, real clients, hostile requests, then whole clusters. System packages that are missing are
  installed where that is possible (root, apt); tests that cannot run here are skipped with the reason.`,
  examples: ['development test', 'development test --only unit', 'development test src/store/memory.test.ts'],
  flags: { only: { type: 'string', value: 'PART', doc: `one part: ${Object.keys(parts).join(', ')}` } },

  async run({ flags, args, print, terminal }) {
    const [{ runTests }, { provideForTests }] = await Promise.all([
      import('#cli/test-run.ts'),
      import('#cluster/provide-for-tests.ts'),
    ])
    const wanted = partsOf(flags.only)
    if (args.length === 0) await provideForTests(print)
    const began = performance.now()
    const totals = { passed: 0, failed: 0, skipped: [] as string[] }
    const runs = args.length > 0 ? [{ files: args, concurrency: 1 }] : wanted.map((part) => parts[part])
    for (const run of runs) {
      const outcome = await runTests({ ...run, cwd: terminal.cwd, signal: terminal.signal, print })
      totals.passed += outcome.passed
      totals.failed += outcome.failed
      totals.skipped.push(...outcome.skipped)
    }
    print()
    for (const line of totals.skipped) print(`skipped: ${line}`)
    for (const line of leftOut(totals.skipped)) print(line)
    print(`took ${((performance.now() - began) / 1000).toFixed(0)} s`)
    print(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped.length} skipped`)
    return totals.failed > 0 || totals.passed === 0 ? 1 : 0
  },
})
export default command

/** What this run says nothing about, loudly and in one line for each reason: what is skipped is easily taken for what is fine. */
export function leftOut(skipped: readonly string[]): readonly string[] {
  const missing = /^.*?: (\S+ cannot be fetched: .*)$/s
  const reasons = Map.groupBy(skipped, (line) => missing.exec(line)?.[1] ?? '')
  return [...reasons].flatMap(([reason, lines]) =>
    reason ? [`NOT TESTED WITH REAL CLIENTS: ${lines.length} tests were left out. ${reason.trim()}`] : [],
  )
}

function partsOf(only: string | undefined): Part[] {
  if (only === undefined) return Object.keys(parts) as Part[]
  if (!Object.hasOwn(parts, only))
    throw new CommandError(`--only ${only}: there are ${Object.keys(parts).join(', ')}`, { exitCode: 2 })
  return [only as Part]
}
