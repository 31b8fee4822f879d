/** Garbage collector: deletes objects whose owners are gone, and orders deletions in the foreground and with orphans. */
import { Namespace } from '#api/core/v1/namespace.ts'
import { kinds as builtIn } from '#api/kinds.ts'
import { createWorkQueue, type WorkQueue } from '#client/work-queue.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import { hasReason } from '#schema/status-error.ts'
import { type Cluster, type Controller, defineController } from '../runtime/controller.ts'
import { Collector, NotObservedError } from './collector.ts'
import { OwnerGraph, type Work } from './graph.ts'

const workers = 20

/** Watches `kinds`, by default all that are built in. */
export function garbageCollector(kinds: readonly Kind[] = builtIn): Controller {
  const collected = kinds.filter(isCollected)
  const byName = new Map(collected.map((kind) => [`${kind.apiVersion} ${kind.kind}`, kind]))
  return defineController({
    name: 'garbage-collector-controller',
    account: 'generic-garbage-collector',
    for: Namespace as Kind,
    reads: collected,
    grants: [{ groups: ['*'], resources: ['*'], verbs: ['get', 'list', 'watch', 'patch', 'update', 'delete'] }],

    async run(cluster: Cluster<any, any>, signal) {
      const graph = new OwnerGraph()
      const { clock } = cluster
      const queues = { collect: createWorkQueue({ clock }), orphan: createWorkQueue({ clock }) }
      const onWork = ({ collect, orphan }: Work) => {
        for (const uid of collect) queues.collect.add(uid)
        for (const uid of orphan) queues.orphan.add(uid)
      }
      const kindOf = (apiVersion: string, name: string) => byName.get(`${apiVersion} ${name}`)
      const collector = new Collector({ client: cluster.live, graph, kindOf, onWork })
      const set = (object: KubeObject) => onWork(graph.set(object))
      const gone = ({ metadata }: KubeObject) => onWork(graph.remove(metadata.uid))
      const ends = collected.map((kind) => cluster.watch(kind, { added: set, updated: set, deleted: gone }))
      const close = () => {
        queues.collect.close()
        queues.orphan.close()
      }
      if (signal.aborted) close()
      else signal.addEventListener('abort', close, { once: true })
      const { onError } = cluster
      await Promise.all([
        ...Array.from({ length: workers }, () => work(queues.collect, (uid) => collector.collect(uid), onError)),
        ...Array.from({ length: workers }, () => work(queues.orphan, (uid) => collector.orphan(uid), onError)),
      ])
      for (const end of ends) end()
    },
  })
}

/** Events own nothing and are owned by nobody (upstream's `DefaultIgnoredResources`); each stored form counts once. */
function isCollected({ kind, def }: Kind): boolean {
  const verbs = def.verbs ?? ['list', 'watch', 'delete']
  const usable = verbs.includes('list') && verbs.includes('watch') && verbs.includes('delete')
  return usable && !def.virtual && !def.storedAs && kind !== 'Event'
}

async function work(queue: WorkQueue, visit: (uid: string) => Promise<void>, onError: (error: unknown) => void): Promise<void> {
  for (let uid = await queue.take(); uid !== undefined; uid = await queue.take()) {
    try {
      await visit(uid)
      queue.forget(uid)
    } catch (error) {
      // Both are cured by what the informers are about to tell.
      if (!hasReason(error, 'Conflict') && !(error instanceof NotObservedError)) onError(error)
      queue.addRateLimited(uid)
    }
    queue.done(uid)
  }
}
