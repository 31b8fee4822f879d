/**
 * Eight clients that write without a pause, whatever becomes of the server, and one that watches: `writer.ts KUBECONFIG`. A line for each
 * write that was acknowledged: `created NAME VERSION`, `counted CLIENT VALUE VERSION`, `deleted NAME`. What failed without an answer may or
 * may not have happened. Of the watch, which always goes on where it was: `saw TYPE NAME VERSION`, or `expired`.
 */
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { httpsTransport } from '#client/https-transport.ts'
import { loadKubeconfig } from '#client/kubeconfig.ts'
import { createClient } from '#client/typed-client.ts'
import { waitReferenced } from '#cluster/processes.ts'
import { systemClock } from '#lib/clock.ts'
import { hasReason } from '#schema/status-error.ts'

const kubeconfig = process.argv[2] as string

async function write(id: number): Promise<never> {
  const client = createClient(httpsTransport(loadKubeconfig(kubeconfig).transportOptions({ clock: systemClock })))
  const namespace = 'default'
  const counter = { name: `counter-${id}`, namespace }
  for (let round = 0; ; round++) {
    const name = `written-${id}-${round}`
    await tries(
      () => client.create(ConfigMap, { metadata: { name, namespace }, data: { round: String(round) } }),
      ({ metadata }) => `created ${name} ${metadata.resourceVersion}`,
    )
    const last = await tries(() => client.get(ConfigMap, counter))
    const value = String(round)
    const counted = ({ metadata }: ConfigMap) => `counted ${id} ${value} ${metadata.resourceVersion}`
    if (last) await tries(() => client.update(ConfigMap, { ...last, data: { value } }), counted)
    else await tries(() => client.create(ConfigMap, { metadata: counter, data: { value } }), counted)
    if (round % 3 === 2)
      await tries(
        () => client.delete(ConfigMap, { name, namespace }),
        () => `deleted ${name}`,
      )
  }
}

async function watch(from: string): Promise<never> {
  const client = createClient(httpsTransport(loadKubeconfig(kubeconfig).transportOptions({ clock: systemClock })))
  const { signal } = new AbortController()
  for (let resourceVersion = from; ; await waitReferenced(systemClock, 20)) {
    const options = { namespace: 'default', resourceVersion, signal, allowWatchBookmarks: true }
    try {
      for await (const events of client.watch(ConfigMap, options)) {
        for (const { type, object } of events) {
          resourceVersion = object.metadata.resourceVersion as string
          if (type !== 'BOOKMARK') process.stdout.write(`saw ${type} ${object.metadata.name} ${resourceVersion}\n`)
        }
      }
    } catch (error) {
      if (hasReason(error, 'Expired')) process.stdout.write('expired\n')
    }
  }
}

/** Undefined where it failed; then the server may be gone, and is not asked again at once. */
async function tries<T>(call: () => Promise<T>, line?: (answer: T) => string): Promise<T | undefined> {
  try {
    const answer = await call()
    if (line) process.stdout.write(`${line(answer)}\n`)
    return answer
  } catch {
    await waitReferenced(systemClock, 20)
    return undefined
  }
}

/** Where the watch begins, before anything is written. */
async function beginning(): Promise<string> {
  const client = createClient(httpsTransport(loadKubeconfig(kubeconfig).transportOptions({ clock: systemClock })))
  for (;;) {
    const list = await tries(() => client.list(ConfigMap, { namespace: 'default' }))
    if (list) return list.metadata.resourceVersion
  }
}

const from = await beginning()
await Promise.all([watch(from), ...Array.from({ length: 8 }, (_, id) => write(id))])
