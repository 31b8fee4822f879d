/** `npm run ok`: the gate before each commit. Runs every check, says how long each took, and fails when one did. */
import { spawnSync } from 'node:child_process'

const bin = (name: string) => `node_modules/.bin/${name}`
const checks: readonly (readonly [string, string, readonly string[]])[] = [
  ['types', bin('tsc'), ['--noEmit']],
  ['lint', bin('biome'), ['check', '.']],
  ['imports', process.execPath, ['tools/check-imports.ts']],
  ['sizes', process.execPath, ['tools/check-sizes.ts']],
  ['clock', process.execPath, ['tools/check-clock.ts']],
  ['names', process.execPath, ['tools/check-names.ts']],
  ['docs', process.execPath, ['tools/check-docs.ts']],
  ['unit tests', process.execPath, ['bin/nami.ts', 'test', '--only', 'unit']],
]

let failed = 0
for (const [name, command, args] of checks) {
  const start = performance.now()
  const { status } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] })
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  console.log(`${status === 0 ? 'ok  ' : 'FAIL'} ${name} (${seconds} s)`)
  if (status !== 0) failed++
}
process.exitCode = failed > 0 ? 1 : 0
