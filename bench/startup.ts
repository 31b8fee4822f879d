/** `nami up --no-agent` until it says that the cluster is ready, and the memory that its server then holds, beside a Node that does nothing. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { dataDirectory } from '#cluster/data-directory.ts'
import { findProcess, waitReferenced } from '#cluster/processes.ts'
import { systemClock } from '#lib/clock.ts'
import { defineBench } from './define-bench.ts'

const run = promisify(execFile)
const nami = fileURLToPath(new URL('../bin/nami.ts', import.meta.url))
const flags = ['--disable-warning=ExperimentalWarning']

export default defineBench({
  name: 'startup',
  async run(report) {
    const root = mkdtempSync(join(tmpdir(), 'nami-bench-'))
    const data = join(root, 'data')
    const env = { ...process.env, HOME: root, KUBECONFIG: join(root, 'kubeconfig'), NODE_COMPILE_CACHE: join(root, 'compiled') }
    const call = (...words: string[]) => run(process.execPath, [...flags, nami, ...words, '--data-dir', data], { env })
    const port = String(await freePort())
    const up = () => timed(() => call('up', '--no-agent', '--port', port))
    try {
      const bare = Math.min(...(await each(5, () => timed(() => run(process.execPath, ['-e', ''])))))
      const limit = { what: 'a Node that does nothing', value: bare }
      report({ what: 'up --no-agent, first time: nothing compiled, no certificates', value: await up(), unit: 'ms', limit })
      await call('down')
      const again = await each(3, async () => {
        const took = await up()
        await call('down')
        return took
      })
      report({ what: 'up --no-agent, from then on', value: Math.min(...again), unit: 'ms', limit })
      await up()
      await waitReferenced(systemClock, 3000)
      const server = findProcess(dataDirectory(data), 'server')
      const idle = await bareMemory()
      report({
        what: 'PSS of the idle server',
        value: server ? memoryOf(server) : NaN,
        unit: 'MB',
        limit: { what: limit.what, value: idle },
      })
    } finally {
      await call('down', '--delete').catch(() => {})
      rmSync(root, { recursive: true, force: true })
    }
  },
})

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

async function each<T>(times: number, work: () => Promise<T>): Promise<T[]> {
  const results: T[] = []
  for (let i = 0; i < times; i++) results.push(await work())
  return results
}

function memoryOf(pid: number): number {
  return Number(/^Pss: +(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]) / 1024
}

async function bareMemory(): Promise<number> {
  const child = spawn(process.execPath, ['-e', 'console.log(1); setInterval(() => {}, 1e6)'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  await once(child.stdout, 'data')
  const result = memoryOf(child.pid as number)
  child.kill()
  await once(child, 'close')
  return result
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0)
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
