/** The node's own pods, which stand in files: they run whatever the API says, and the API shows a mirror of each. */
import { watch } from 'node:fs'
import { mkdir, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Pod } from '#api/core/v1/pod.ts'
import { type Clock, sleep } from '#lib/clock.ts'
import { isMirror, MirrorPods, type MirrorPodsOptions } from './mirror-pods.ts'
import { staticAnnotations } from './static-annotations.ts'

export interface StaticPodsOptions extends Omit<MirrorPodsOptions, 'onMirror'> {
  readonly clock: Clock
  readonly path: string
  /** The pod is to run now. Resolves when it is gone again. */
  readonly start: (pod: Pod) => Promise<void>
  readonly stop: (podUid: string) => void
  readonly onMirror: MirrorPodsOptions['onMirror']
}

/** `fileCheckFrequency`; changes are mostly seen at once. */
const readPeriod = 20_000

export class StaticPods {
  readonly #options: StaticPodsOptions
  readonly #mirrors: MirrorPods
  /** By namespace and name, the pods of the files. */
  readonly #wanted = new Map<string, Pod>()
  /** Those that run: of one name one at a time. */
  readonly #running = new Map<string, Pod>()

  constructor(options: StaticPodsOptions) {
    this.#options = options
    this.#mirrors = new MirrorPods(options)
  }

  /** Takes a pod of the API, if it is a mirror. */
  takes(pod: Pod, isGone = false): boolean {
    if (!isMirror(pod)) return false
    this.#mirrors.seen(keyOf(pod), isGone ? undefined : pod)
    return true
  }

  /** The uid by which the runtime knows it. */
  uidOf(at: { readonly namespace: string; readonly name: string }): string | undefined {
    return this.#running.get(`${at.namespace}/${at.name}`)?.metadata.uid
  }

  /** Reads the files once. */
  async read(): Promise<void> {
    const found = new Map((await this.#podsOfFiles()).map((pod) => [keyOf(pod), pod]))
    const changed = [...this.#wanted].filter(([key, pod]) => found.get(key)?.metadata.uid !== pod.metadata.uid)
    for (const [key, { metadata }] of changed) {
      this.#wanted.delete(key)
      this.#options.stop(metadata.uid)
    }
    for (const [key, pod] of found) {
      if (this.#wanted.has(key)) continue
      this.#wanted.set(key, seenAt(pod, this.#options.clock.now()))
      if (!this.#running.has(key)) this.#start(key)
    }
  }

  /** Reads again whenever they may have changed, until the signal. */
  async follow(): Promise<void> {
    const { path, clock, signal, onError } = this.#options
    let wake = new AbortController()
    if (!(await stat(path).catch(() => undefined))) await mkdir(path, { recursive: true, mode: 0o755 })
    const watcher = watch(path, { persistent: false }, () => wake.abort())
    watcher.on('error', onError)
    while (!signal.aborted) {
      await sleep(clock, readPeriod, AbortSignal.any([signal, wake.signal])).catch(() => {})
      wake = new AbortController()
      if (!signal.aborted) await this.read().catch(onError)
    }
    watcher.close()
  }

  /** Files that hold no pod are told of and passed over; what is not there holds none. Names that begin with a dot are left alone. */
  async #podsOfFiles(): Promise<Pod[]> {
    const { path, nodeName, onError } = this.#options
    const found = await stat(path).catch(() => undefined)
    const names = found?.isDirectory() ? (await readdir(path)).filter((name) => !name.startsWith('.')).sort() : found ? [''] : []
    const pods: Pod[] = []
    for (const name of names) {
      const file = join(path, name)
      try {
        if (!(await stat(file)).isFile()) continue
        // Most nodes have no such files, and load nothing of it.
        const { staticPodOf } = await import('./static-pod-of.ts')
        pods.push(staticPodOf(await readFile(file, 'utf8'), { file, nodeName }))
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error)
        onError(new Error(`Can't process manifest file "${file}": ${text}`, { cause: error }))
      }
    }
    return pods
  }

  #start(key: string): void {
    const pod = this.#wanted.get(key)
    if (!pod) return this.#mirrors.want(key, undefined)
    this.#running.set(key, pod)
    this.#mirrors.want(key, pod)
    void this.#options.start(pod).then(() => {
      if (this.#running.get(key) === pod) this.#running.delete(key)
      if (this.#wanted.get(key) === pod) return
      this.#start(key)
    })
  }
}

function keyOf({ metadata }: Pod): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`
}

function seenAt(pod: Pod, now: number): Pod {
  const annotations = {
    ...pod.metadata.annotations,
    [staticAnnotations.seen]: new Date(now).toISOString().replace(/\.?0*Z$/, 'Z'),
  }
  return { ...pod, metadata: { ...pod.metadata, annotations } }
}
