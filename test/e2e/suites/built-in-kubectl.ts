/** The kubectl in `nami kubectl`, where it leaves HTTP behind: logs, exec, copies and forwarded ports of real containers. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Open, probePod, ready, type Space } from '../space.ts'

const nami = fileURLToPath(new URL('../../../bin/nami.ts', import.meta.url))

function builtIn({ bed, name }: Space) {
  const words = (args: readonly string[]) => [nami, 'kubectl', '-n', name, ...args]
  return {
    run: (args: readonly string[], stdin?: string) =>
      bed.run(process.execPath, words(args), { cwd: bed.directory, ...(stdin !== undefined && { stdin }) }),
    start: (...args: string[]) => bed.start(process.execPath, words(args)),
  }
}

export function builtInKubectl(open: Open): void {
  describe('nami kubectl', { concurrency: 1 }, () => {
    test('logs, exec and cp do to a container what kubectl does', async () => {
      const space = await open('built-in')
      await space.apply(probePod('a', space))
      await ready(space, 'a')
      const { run } = builtIn(space)
      const same = async (...args: string[]) => {
        const [ours, theirs] = [await run(args), await space.tries(...args)]
        assert.deepEqual(ours, theirs, `kubectl ${args.join(' ')}`)
        return ours
      }
      // The log grows while we look: the probe's requests are in it.
      await same('logs', 'a', '--timestamps', '--limit-bytes=30')
      await same('logs', '-l', 'app=a', '--prefix', '--limit-bytes=10')
      await same('exec', 'a', '--', 'sh', '-c', 'echo out; echo err >&2; exit 3')
      await same('exec', 'a', '--', 'sh', '-c', 'seq 1 50000')
      await same('exec', 'a', '-c', 'nope', '--', 'ls')
      const text = 'line\n'.repeat(20_000)
      assert.deepEqual(await run(['exec', '-i', 'a', '--', 'cat'], text), { code: 0, stdout: text, stderr: '' })
      const folder = join(space.bed.directory, 'built-in')
      mkdirSync(join(folder, 'sent/below'), { recursive: true })
      writeFileSync(join(folder, 'sent/below/file'), text)
      assert.equal((await run(['cp', 'built-in/sent', 'a:/tmp/there'])).code, 0)
      assert.equal((await run(['cp', 'a:/tmp/there', 'built-in/back'])).code, 0)
      assert.equal(readFileSync(join(folder, 'back/below/file'), 'utf8'), text)
    })

    test('port-forward leads to the pod until it is stopped', async () => {
      const space = await open('built-in-forward')
      await space.apply(probePod('a', space))
      await ready(space, 'a')
      const forwarding = builtIn(space).start('port-forward', 'pod/a', ':http')
      const port = /127\.0\.0\.1:(\d+) -> 8080/.exec(await forwarding.until(/127\.0\.0\.1:\d+ -> 8080/))?.[1]
      const pages = await Promise.all([1, 2, 3].map(() => space.bed.get(`http://127.0.0.1:${port}/readyz`)))
      assert.equal(new Set(pages).size, 1)
      await forwarding.until(/Handling connection/)
      await forwarding.stop()
    })
  })
}
