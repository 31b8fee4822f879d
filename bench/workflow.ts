/** From save to running: the dev loop, a changed image in the cluster, a rollout, and the registry beside Debian's. Needs root. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { assemble } from '#images/assemble.ts'
import { everything } from '#images/distribution/access.ts'
import { serveRegistry } from '#images/distribution/serve.ts'
import { layerOf } from '#images/layer.ts'
import { openLayout } from '#images/layout.ts'
import { pull, push } from '#images/registry.ts'
import { systemClock } from '#lib/clock.ts'
import { systemRandom } from '#lib/random.ts'
import { type Bed, eventually, noBed, openBed } from '#testing/bed.ts'
import { realClients } from '#testing/real-clients.ts'
import { type Bench, defineBench } from './define-bench.ts'
import { median, timed } from './parts/timing.ts'

const clients = realClients()
const nami = fileURLToPath(new URL('../bin/nami.ts', import.meta.url))
const hello = fileURLToPath(new URL('../examples/hello', import.meta.url))
const saves = 40

type Report = Parameters<Bench['run']>[0]

export default defineBench({
  name: 'workflow',
  skip: () => noBed() || clients.missing,
  async run(report) {
    const work = mkdtempSync(join(tmpdir(), 'nami-bench-workflow-'))
    try {
      await using bed = await openBed({ kubectl: clients.kubectl })
      await images(bed, work, report)
      await devLoop(bed, work, report)
    } finally {
      rmSync(work, { recursive: true, force: true })
    }
    if (spawnSync('docker-registry', ['--version']).error === undefined) await registries(report)
  },
})

async function images(bed: Bed, work: string, report: Report): Promise<void> {
  const app = join(work, 'hello')
  cpSync(hello, app, { recursive: true })
  const build = () => bed.nami('image', 'build', app)
  report({
    what: 'first build of the hello example and its import, nothing cached',
    value: await timed(build),
    unit: 'ms',
    note: 'limit of the issue: 8,000',
  })
  const server = join(app, 'server.js')
  const source = readFileSync(server, 'utf8')
  const times: number[] = []
  for (let round = 0; round < 8; round++) {
    writeFileSync(server, `${source}// ${round}\n`)
    times.push(await timed(build))
  }
  report({
    what: 'a changed source until its image is in the cluster',
    value: median(times),
    unit: 'ms',
    note: 'limit of the issue: 1,000; median of 8, the process included',
  })
  await bed.kubectl('create', 'deployment', 'hello', '--replicas=3', `--image=${await built(bed, app)}`)
  await bed.kubectl('rollout', 'status', 'deployment/hello', '--timeout=60s')
  writeFileSync(server, `${source}// rolled\n`)
  const rollout = await timed(async () => {
    await bed.kubectl('set', 'image', 'deployment/hello', `hello=${await built(bed, app)}`)
    await bed.kubectl('rollout', 'status', 'deployment/hello', '--timeout=60s')
  })
  report({
    what: 'a changed source until three replicas are rolled out',
    value: rollout,
    unit: 'ms',
    note: 'limit of the issue: 3,000 beyond readiness',
  })
  await bed.kubectl('delete', 'deployment', 'hello')
}

async function built(bed: Bed, app: string): Promise<string> {
  return (await bed.nami('image', 'build', app)).stdout.trim()
}

async function devLoop(bed: Bed, work: string, report: Report): Promise<void> {
  const app = join(work, 'live')
  cpSync(hello, app, { recursive: true })
  const server = join(app, 'server.js')
  const source = readFileSync(server, 'utf8')
  const dev = bed.start('sh', ['-c', `cd ${app} && exec ${process.execPath} ${nami} dev --data-dir ${bed.dataDir}`])
  const watch = bed.start(process.execPath, ['-e', asker])
  try {
    await dev.until(/watching/)
    await watch.until(/"world"/)
    const times: number[] = []
    for (let round = 0; round < saves; round++) {
      const answered = watch.until(new RegExp(`"round-${round}-"`))
      const began = performance.now()
      writeFileSync(server, source.replace("'world'", `'round-${round}-'`))
      await answered
      times.push(performance.now() - began)
    }
    times.sort((a, b) => a - b)
    const at = (part: number) => times[Math.min(times.length - 1, Math.floor(part * times.length))] ?? 0
    report({
      what: 'a save until the new code answers, p50',
      value: at(0.5),
      unit: 'ms',
      note: `limit of the issue: 500; of ${saves}`,
    })
    report({ what: 'a save until the new code answers, p99', value: at(0.99), unit: 'ms', note: 'limit of the issue: 1,000' })
  } finally {
    await watch.stop()
    dev.process.kill('SIGTERM')
    await eventually(async () => {
      if ((await bed.kubectl('get', 'namespace', 'live-development')).code === 0) throw new Error('still there')
    })
  }
}

/** Asks every few milliseconds from inside the network namespace, and prints each new answer. */
const asker = `let last; const ask = async () => {
  const text = await fetch('http://127.0.0.1:8080/').then((r) => r.text(), () => undefined)
  if (text && text !== last) console.log(last = text)
  setTimeout(ask, 4)
}; ask()`

const size = 150_000_000

async function registries(report: Report): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'nami-bench-registry-'))
  const layout = await openLayout(join(folder, 'from'))
  const layer = await layerOf(layout, [{ path: 'a', content: systemRandom.bytes(size) }], { compression: 'none' })
  const image = await assemble(layout, { architecture: 'amd64', layers: [layer], config: {} })
  const options = { platform: { os: 'linux', architecture: 'amd64' }, fetch } as const
  const rounds = { push: { own: [] as number[], debian: [] as number[] }, pull: { own: [] as number[], debian: [] as number[] } }
  try {
    for (let round = 0; round < 5; round++) {
      for (const which of ['own', 'debian'] as const) {
        await using registry = await (which === 'own'
          ? ownRegistry(join(folder, `own-${round}`))
          : debianRegistry(join(folder, `debian-${round}`)))
        const name = `localhost:${registry.port}/app:1`
        rounds.push[which].push(await timed(() => push(image, name, options)))
        const to = await openLayout(join(folder, `to-${round}-${which}`))
        rounds.pull[which].push(await timed(() => pull(to, name, options)))
      }
    }
    const rate = (times: readonly number[]) => size / 1e6 / (median(times) / 1000)
    for (const way of ['push', 'pull'] as const) {
      report({
        what: `${way} of a layer of ${size / 1e6} MB`,
        value: rate(rounds[way].own),
        unit: 'MB/s',
        limit: { what: "Debian's docker-registry", value: rate(rounds[way].debian) },
        note: 'the same client',
      })
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** In a process of its own, as Debian's is. */
async function ownRegistry(directory: string) {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), 'serve', directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = await once(createInterface({ input: child.stdout }), 'line')
  return { port: Number(line), [Symbol.asyncDispose]: () => ended(child) }
}

async function debianRegistry(directory: string) {
  const { port } = await serveNothing()
  const config = `${directory}.yml`
  writeFileSync(
    config,
    `version: 0.1\nlog: { level: info }\nstorage: { filesystem: { rootdirectory: ${directory} } }\nhttp: { addr: "127.0.0.1:${port}" }\n`,
  )
  const child = spawn('docker-registry', ['serve', config], { stdio: ['ignore', 'ignore', 'pipe'] })
  for await (const line of createInterface({ input: child.stderr })) if (line.includes('listening on')) break
  child.stderr.resume()
  return { port, [Symbol.asyncDispose]: () => ended(child) }
}

async function serveNothing(): Promise<{ port: number }> {
  const { createServer } = await import('node:net')
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  probe.close()
  await once(probe, 'close')
  return { port }
}

async function ended(child: ReturnType<typeof spawn>): Promise<void> {
  child.kill()
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

if (process.argv[2] === 'serve') {
  const server = await serveRegistry({
    directory: process.argv[3] ?? '',
    clock: systemClock,
    random: systemRandom,
    port: 0,
    host: '127.0.0.1',
    access: {
      secret: systemRandom.bytes(32),
      anonymous: () => everything(''),
      password: async () => undefined,
      certificate: () => undefined,
    },
    onError: (error) => console.error(error),
  })
  console.log(server.port)
}
