/** `./nami up APPLICATION` until the application answers through its service by DNS name, beside a containerd and one raw CRI pod of the same image. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ContainerdOptions, startContainerd, stopContainerd } from '#cluster/containerd.ts'
import { dataDirectory, defaultConfig } from '#cluster/data-directory.ts'
import { pauseReference } from '#images/pause.ts'
import { connectContainerd } from '#kubelet/cri/containerd.ts'
import { containerConfig, sandboxConfig } from '#kubelet/cri/test-configs.ts'
import { systemClock } from '#lib/clock.ts'
import { type Bed, noBed, openBed } from '#testing/bed.ts'
import { defineBench } from './define-bench.ts'
import { launch } from './parts/launcher.ts'
import { median, timed } from './parts/timing.ts'

const rounds = 5
const example = fileURLToPath(new URL('../examples/hello', import.meta.url))
const poller = fileURLToPath(new URL('./parts/until-answer.ts', import.meta.url))

export default defineBench({
  name: 'up',
  skip: noBed,
  async run(report) {
    await using bed = await openBed({ kubectl: '', started: false })
    const application = singleCopy(bed)
    const first = await timed(() => launch(bed, 'up', application))
    report({ what: 'the very first up with an application: nothing compiled, no keys, no images', value: first, unit: 'ms' })
    await launch(bed, 'down')
    const [own, whole, raw]: [number[], number[], number[]] = [[], [], []]
    for (let round = 0; round < rounds; round++) {
      raw.push(await rawStart(bed, `raw-${round}`))
      const { answered, returned } = await secondUp(bed, application)
      own.push(answered)
      whole.push(returned)
      await launch(bed, 'down')
    }
    report({
      what: 'a later up until the application answers through its service by DNS name',
      value: median(own),
      unit: 'ms',
      limit: { what: 'starting containerd and one raw CRI pod of that image', value: median(raw) },
      note: `median of ${rounds}; up itself ends after ${Math.round(median(whole))} ms`,
    })
  },
})

/** The example with one pod. */
function singleCopy({ directory }: Bed): string {
  const application = join(directory, 'hello')
  cpSync(example, application, { recursive: true })
  const file = join(application, 'kubernetes/deployment.yaml')
  writeFileSync(file, readFileSync(file, 'utf8').replace(/replicas: \d+/, 'replicas: 1'))
  return application
}

/** Milliseconds from the first keystroke. */
async function secondUp(bed: Bed, application: string): Promise<{ answered: number; returned: number }> {
  const poll = bed.run(process.execPath, [poller, defaultConfig.clusterDns, 'hello.default.svc.cluster.local', '80'])
  const began = Date.now()
  await launch(bed, 'up', application)
  const returned = Date.now() - began
  const { stdout } = await poll
  return { answered: Number(stdout) - began, returned }
}

async function rawStart({ dataDir, name: namespace }: Bed, name: string): Promise<number> {
  const { cniConfDir, registries, ...paths } = dataDirectory(dataDir).containerd
  const options: ContainerdOptions = {
    ...{ ...paths, cniConfDir, configPath: registries, sandboxImage: pauseReference, clock: systemClock },
    networkNamespace: `/run/netns/${namespace}`,
  }
  const config = sandboxConfig(name, { logDirectory: join(dataDir, 'logs/raw', name) })
  const start = performance.now()
  await startContainerd(options)
  const runtime = await connectContainerd({ socket: paths.socket, clock: systemClock })
  const sandbox = await runtime.runPodSandbox(config)
  const images = await runtime.listImages()
  const image = images.flatMap(({ repoTags }) => repoTags).find((tag) => tag.startsWith('localhost/hello:')) ?? ''
  const container = containerConfig('main', { image, logPath: 'main.log' })
  const id = await runtime.createContainer(sandbox, container, config)
  await runtime.startContainer(id)
  const took = performance.now() - start
  await runtime.stopContainer(id, 0)
  await runtime.stopPodSandbox(sandbox)
  await runtime.removePodSandbox(sandbox)
  await runtime.close()
  await stopContainerd(paths, systemClock)
  return took
}
