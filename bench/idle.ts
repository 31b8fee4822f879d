/** What a cluster that nobody uses costs: memory and processor time of Nami's own processes, after two minutes. Needs root. */

import { dataDirectory } from '#cluster/data-directory.ts'
import { findProcess, waitReferenced } from '#cluster/processes.ts'
import { systemClock } from '#lib/clock.ts'
import { noBed, openBed } from '#testing/bed.ts'
import { defineBench } from './define-bench.ts'
import { launch } from './parts/launcher.ts'
import { descendants } from './parts/processes.ts'
import { bareMemory, memoryOf, processorTimeOf } from './parts/timing.ts'

const calm = 120_000
const span = 60_000

export default defineBench({
  name: 'idle',
  skip: noBed,
  async run(report) {
    const bare = await bareMemory()
    await using bed = await openBed({ kubectl: '', started: false })
    await launch(bed, 'up')
    await waitReferenced(systemClock, calm)
    const directory = dataDirectory(bed.dataDir)
    const named = (['server', 'agent'] as const).map((name) => [name, findProcess(directory, name) ?? 0] as const)
    const supervisor = findProcess(directory, 'supervisor') ?? 0
    const pids = [supervisor, ...descendants(supervisor)]
    const before = new Map(pids.map((pid) => [pid, processorTimeOf(pid)]))
    const since = systemClock.monotonic()
    await waitReferenced(systemClock, span)
    const elapsed = systemClock.monotonic() - since
    const share = (pid: number) => ((processorTimeOf(pid) - (before.get(pid) ?? 0)) / elapsed) * 100
    const text = (of: (pid: number) => number, digits: number) =>
      named.map(([name, pid]) => `${name} ${of(pid).toFixed(digits)}`).join(', ')
    report({
      what: `processor, of one core, over ${span / 1000} s after ${calm / 1000} s`,
      value: pids.reduce((sum, pid) => sum + share(pid), 0),
      unit: '%',
      note: text(share, 2),
    })
    report({
      what: 'PSS of server, agent and supervisor, containerd and shims apart',
      value: pids.reduce((sum, pid) => sum + memoryOf(pid), 0),
      unit: 'MB',
      limit: { what: 'two Nodes that do nothing', value: 2 * bare },
      note: text(memoryOf, 1),
    })
  },
})
