/** Informers of the official client library, whose server is killed and comes back. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { CoreV1Api, type Informer, KubeConfig, makeInformer, type ObjectCache, type V1ConfigMap } from '@kubernetes/client-node'
import { openServerProcess, type ServerProcess } from '#testing/server-process.ts'

let server: ServerProcess
let config: KubeConfig

before(async () => {
  server = await openServerProcess()
  config = new KubeConfig()
  config.loadFromFile(server.kubeconfig)
})
after(async () => {
  await server?.[Symbol.asyncDispose]()
})

const namespace = 'default'
const labelSelector = 'informed=yes'

interface Followed {
  readonly informer: Informer<V1ConfigMap> & ObjectCache<V1ConfigMap>
  readonly added: string[]
  readonly removed: string[]
  /** To stop is an error, too, which asks for no other start. */
  stop(): Promise<void>
  /** Resolves once it is so; looks after every event. */
  until(isSo: () => boolean): Promise<void>
}

function follow(): Followed {
  const core = config.makeApiClient(CoreV1Api)
  const list = () => core.listNamespacedConfigMap({ namespace, labelSelector })
  const informer = makeInformer(config, `/api/v1/namespaces/${namespace}/configmaps`, list, labelSelector)
  const waiting = new Set<() => void>()
  const added: string[] = []
  const removed: string[] = []
  const look = () => {
    for (const one of waiting) one()
  }
  informer.on('add', ({ metadata }) => void added.push(metadata?.name ?? ''))
  informer.on('delete', ({ metadata }) => void removed.push(metadata?.name ?? ''))
  for (const verb of ['add', 'update', 'delete'] as const) informer.on(verb, () => setImmediate(look))
  // As the library's own examples have it; while the server is away, connections are refused.
  let isOver = false
  informer.on('error', () => void (isOver || restart(informer)))
  return {
    ...{ informer, added, removed },
    async stop() {
      isOver = true
      await informer.stop()
    },
    until(isSo) {
      return new Promise((resolve) => {
        const one = () => {
          if (!isSo()) return
          waiting.delete(one)
          resolve()
        }
        waiting.add(one)
        one()
      })
    },
  }
}

async function restart(informer: Informer<V1ConfigMap>): Promise<void> {
  for (;;) {
    try {
      return await informer.start()
    } catch {
      await new Promise(setImmediate)
    }
  }
}

test('an informer hears of everything once, through three kills of the server', { timeout: 240_000 }, async () => {
  const core = config.makeApiClient(CoreV1Api)
  const create = (name: string) =>
    core.createNamespacedConfigMap({ namespace, body: { metadata: { name, labels: { informed: 'yes' } } } })
  const { informer, added, removed, until, stop } = follow()
  await informer.start()
  const names: string[] = []
  for (let round = 0; round < 3; round++) {
    await create(`before-${round}`)
    await server.restart()
    await create(`after-${round}`)
    names.push(`before-${round}`, `after-${round}`)
    await until(() => names.every((name) => informer.get(name, namespace)))
  }
  await core.deleteNamespacedConfigMap({ namespace, name: 'before-0' })
  await until(() => removed.includes('before-0'))
  await stop()
  assert.deepEqual([...added].sort(), [...names].sort())
  assert.deepEqual(removed, ['before-0'])
})
