/** `./nami up --no-agent` until it says that the cluster is ready, and the memory that its server then holds, beside a Node that does nothing. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dataDirectory } from '#cluster/data-directory.ts'
import { findProcess, waitReferenced } from '#cluster/processes.ts'
import { systemClock } from '#lib/clock.ts'
import { defineBench } from './define-bench.ts'
import { aloneAt } from './parts/control-plane.ts'
import { bareMemory, each, memoryOf, timed } from './parts/timing.ts'

export default defineBench({
  name: 'startup',
  async run(report) {
    const root = mkdtempSync(join(tmpdir(), 'nami-bench-'))
    const { call, up, data } = aloneAt(root)
    try {
      const bare = Math.min(...(await each(5, async () => void spawnSync(process.execPath, ['-e', '']))))
      const limit = { what: 'a Node that does nothing', value: bare }
      const first = await timed(up)
      report({ what: 'up --no-agent, first time: nothing compiled, no certificates', value: first, unit: 'ms', limit })
      await call('down')
      const again: number[] = []
      for (let round = 0; round < 3; round++) {
        again.push(await timed(up))
        await call('down')
      }
      report({ what: 'up --no-agent, from then on', value: Math.min(...again), unit: 'ms', limit })
      await up()
      await waitReferenced(systemClock, 3000)
      const server = findProcess(dataDirectory(data), 'server')
      report({
        what: 'PSS of the idle server',
        value: server ? memoryOf(server) : NaN,
        unit: 'MB',
        limit: { what: limit.what, value: await bareMemory() },
      })
    } finally {
      await call('down', '--delete').catch(() => {})
      rmSync(root, { recursive: true, force: true })
    }
  },
})
