/** An environment of a made-up project on a test cluster: images of memory, pods that run by themselves, lines collected. */
import type { Deployment } from '#api/apps/v1/deployment.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { edit } from '#client/client.ts'
import type { Draft } from '#schema/words.ts'
import type { LogOptions, Target } from '#workflow/environment/target.ts'
import type { ImageStore } from '#workflow/images/image-store.ts'
import type { ProjectConfig } from '#workflow/project/config.ts'
import type { Project } from '#workflow/project/project.ts'
import type { TestCluster } from './cluster.ts'
import { runPods } from './run-pods.ts'

export interface TestTarget extends Target {
  readonly printed: string[]
  readonly noted: string[]
  /** Tag to digest; tests put in what they like. */
  readonly tags: Map<string, string>
  readonly stop: AbortController
}

export interface TestTargetOptions {
  readonly config?: Partial<ProjectConfig>
  /** Which pods become ready; default all. */
  readonly ready?: (pod: Pod) => boolean
  /** Exit codes of one-off pods, by their first word. */
  readonly exitCodes?: Readonly<Record<string, number>>
  /** Called at every wait, before time passes. */
  readonly onPause?: () => void
}

export const digestOf = (digit: string) => `sha256:${digit.repeat(64)}`
export const repository = 'registry.test/web'

export function testTarget(cluster: TestCluster, options: TestTargetOptions = {}): TestTarget {
  const tags = new Map([
    ['latest', digestOf('1')],
    ['staging', digestOf('1')],
  ])
  const [printed, noted, stop] = [[] as string[], [] as string[], new AbortController()]
  const pause = async (milliseconds: number) => {
    options.onPause?.()
    await endRunPods(cluster, options.exitCodes ?? {})
    await runPods(cluster, { ready: (pod) => isOneOff(pod) || (options.ready?.(pod) ?? true) })
    await cluster.advance(milliseconds)
    stop.signal.throwIfAborted()
  }
  return {
    ...{ printed, noted, tags, stop },
    project: projectOf(options.config ?? {}),
    environment: 'staging',
    isReview: false,
    namespace: 'default',
    client: cluster.client,
    images: memoryImages(tags),
    pods: {
      async *logs(pod: { name: string }, _: LogOptions) {
        yield Buffer.from(`log of ${pod.name}\n`)
      },
      attach: async () => {},
    },
    around: {
      clock: cluster.clock,
      random: cluster.random,
      signal: stop.signal,
      env: {},
      programs: { run: async () => ({ code: 0, stdout: '', stderr: '' }) },
      user: 'ann',
      pause,
      print: (line) => void printed.push(line),
      note: (line) => void noted.push(line),
    },
  }
}

function projectOf(config: Partial<ProjectConfig>): Project {
  const own = { 'project-name': 'web', ...config }
  return {
    name: 'web',
    directory: '/nowhere',
    folder: '/nowhere/hokusai',
    config: own,
    repository,
    isLocal: false,
    variables: {},
  }
}

function memoryImages(tags: Map<string, string>): ImageStore {
  const digest = (tag: string) => (tag.includes(':') ? tag : tags.get(tag))
  return {
    repository,
    isLocal: false,
    tags: async () => [...tags.keys()],
    digest: async (tag) => digest(tag),
    created: async () => undefined,
    retag: async (from, tag) => void tags.set(tag, digest(from) ?? ''),
    push: async () => '',
    pull: () => Promise.reject(new Error('nothing to pull')),
  }
}

function isOneOff({ metadata }: Pod): boolean {
  return metadata.labels?.['nami.dev/kind'] === 'run'
}

async function endRunPods(cluster: TestCluster, exitCodes: Readonly<Record<string, number>>): Promise<void> {
  for (const pod of await cluster.list(Pod)) {
    if (!isOneOff(pod) || pod.status.phase !== 'Running') continue
    const exitCode = exitCodes[pod.spec.containers[0]?.args?.[0] ?? ''] ?? 0
    const ended = edit(pod) as any
    ended.status.phase = exitCode === 0 ? 'Succeeded' : 'Failed'
    ended.status.containerStatuses = [
      { name: 'web', image: '', imageID: '', ready: false, restartCount: 0, state: { terminated: { exitCode } } },
    ]
    await cluster.client.update(Pod, ended, { subresource: 'status' })
  }
}

/** A Deployment as `nami setup` writes it. */
export function webDeployment(name = 'web-web'): Draft<Deployment> {
  const labels = { app: 'web', component: name, layer: 'application' }
  const container = { name: 'web', image: `${repository}:staging`, envFrom: [{ configMapRef: { name: 'web-environment' } }] }
  return {
    metadata: { name, namespace: 'default', labels },
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [container] } },
    },
  } as Draft<Deployment>
}
