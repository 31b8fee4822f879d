/** `./nami status` on a running control plane, beside a Node that does nothing. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineBench } from './define-bench.ts'
import { aloneAt } from './parts/control-plane.ts'
import { each, median } from './parts/timing.ts'

const rounds = 15

export default defineBench({
  name: 'status',
  async run(report) {
    const root = mkdtempSync(join(tmpdir(), 'nami-bench-'))
    const { call, up } = aloneAt(root)
    try {
      await up()
      await call('status')
      const [own, bare]: [number[], number[]] = [[], []]
      for (let round = 0; round < rounds; round++) {
        own.push(...(await each(1, () => call('status'))))
        bare.push(...(await each(1, async () => void spawnSync(process.execPath, ['-e', '0']))))
      }
      report({
        what: 'status, which asks the server',
        value: median(own),
        unit: 'ms',
        limit: { what: 'node -e 0', value: median(bare) },
        note: `median of ${rounds}`,
      })
    } finally {
      await call('down', '--delete').catch(() => {})
      rmSync(root, { recursive: true, force: true })
    }
  },
})
