/** What replacing a file does to the disk, and in which order, as strace sees it. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const hasStrace = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0
const options = { skip: hasStrace ? false : 'strace is not installed, or may not trace here', timeout: 60_000 }

const program = `
  import { replaceFile } from ${JSON.stringify(fileURLToPath(new URL('./data-directory.ts', import.meta.url)))}
  const [path, times] = process.argv.slice(1)
  for (let i = 0; i < Number(times); i++) replaceFile(path, 'text\\n', 0o600)
`

test(
  'replaceFile() has the text on the disk before the name, and the name before it answers; what is there already costs nothing',
  options,
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'nami-durable-'))
    try {
      const [file, trace] = [join(folder, 'config'), join(folder, 'trace')]
      const calls = ['-f', '-y', '-e', 'trace=/^(write|fsync|rename)', '-o', trace]
      const node = [process.execPath, '--input-type=module', '-e', program, file, '2']
      const { status, stderr } = spawnSync('strace', [...calls, ...node])
      assert.equal(status, 0, String(stderr))
      const seen = readFileSync(trace, 'utf8')
        .split('\n')
        .filter((line) => line.includes(folder))
        .map((line) => /^\d+ +(\w+)/.exec(line)?.[1]?.replace(/^rename.*/, 'rename'))
      assert.deepEqual(seen, ['write', 'fsync', 'rename', 'fsync'])
      assert.match(readFileSync(trace, 'utf8'), new RegExp(`fsync\\(\\d+<${folder}>\\)`))
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
)
