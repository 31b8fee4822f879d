/**
 * Eight clients that write without a pause, whatever becomes of the server: `writer.ts KUBECONFIG`. A line for each write that was
 * acknowledged: `created NAME`, `counted CLIENT VALUE`, `deleted NAME`. What failed without an answer may or may not have happened.
 */
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { httpsTransport } from '#client/https-transport.ts'
import { loadKubeconfig } from '#client/kubeconfig.ts'
import { createClient } from '#client/typed-client.ts'
import { waitReferenced } from '#cluster/processes.ts'
import { systemClock } from '#lib/clock.ts'

const kubeconfig = process.argv[2] as string

async function write(id: number): Promise<never> {
  const client = createClient(httpsTransport(loadKubeconfig(kubeconfig).transportOptions({ clock: systemClock })))
  const namespace = 'default'
  const counter = { name: `counter-${id}`, namespace }
  for (let round = 0; ; round++) {
    const name = `written-${id}-${round}`
    await tries(
      () => client.create(ConfigMap, { metadata: { name, namespace }, data: { round: String(round) } }),
      `created ${name}`,
    )
    const last = await tries(() => client.get(ConfigMap, counter))
    const value = String(round)
    if (last) await tries(() => client.update(ConfigMap, { ...last, data: { value } }), `counted ${id} ${value}`)
    else await tries(() => client.create(ConfigMap, { metadata: counter, data: { value } }), `counted ${id} ${value}`)
    if (round % 3 === 2) await tries(() => client.delete(ConfigMap, { name, namespace }), `deleted ${name}`)
  }
}

/** Undefined where it failed; then the server may be gone, and is not asked again at once. */
async function tries<T>(call: () => Promise<T>, line?: string): Promise<T | undefined> {
  try {
    const answer = await call()
    if (line) process.stdout.write(`${line}\n`)
    return answer
  } catch {
    await waitReferenced(systemClock, 20)
    return undefined
  }
}

await Promise.all(Array.from({ length: 8 }, (_, id) => write(id)))
