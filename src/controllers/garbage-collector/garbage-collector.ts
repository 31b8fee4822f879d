/** Garbage collector: deletes objects whose owners are gone, and orders deletions in the foreground and with orphans. */
import { CustomResourceDefinition } from '#api/apiextensions/v1/custom-resource-definition.ts'
import { Namespace } from '#api/core/v1/namespace.ts'
import { kinds as builtIn } from '#api/kinds.ts'
import { type Handlers, startInformer } from '#client/informer.ts'
import { createWorkQueue, type WorkQueue } from '#client/work-queue.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import { hasReason } from '#schema/status-error.ts'
import { type Cluster, type Controller, defineController } from '../runtime/controller.ts'
import { kindsOf } from '../runtime/custom-kinds.ts'
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
      const custom = new Map<string, Custom>()
      const kindOf = (apiVersion: string, name: string) =>
        byName.get(`${apiVersion} ${name}`) ?? customKind(custom, apiVersion, name)
      const collector = new Collector({ client: cluster.live, graph, kindOf, onWork })
      const set = (object: KubeObject) => onWork(graph.set(object))
      const gone = ({ metadata }: KubeObject) => onWork(graph.remove(metadata.uid))
      const handlers = { added: set, updated: set, deleted: gone }
      const ends = collected.map((kind) => cluster.watch(kind, handlers))
      if (kinds.includes(CustomResourceDefinition)) ends.push(watchCustom(cluster, custom, handlers))
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

/** What is watched of one definition. */
interface Custom {
  readonly kinds: readonly Kind[]
  /** Address of the kind whose objects are seen. */
  readonly watched: string
  end(): void
}

function customKind(custom: ReadonlyMap<string, Custom>, apiVersion: string, name: string): Kind | undefined {
  for (const { kinds } of custom.values()) {
    const found = kinds.find((kind) => kind.apiVersion === apiVersion && kind.kind === name)
    if (found) return found
  }
  return undefined
}

/** Objects of custom resources are seen as long as their definition stands, in the version that it prefers. */
function watchCustom(cluster: Cluster<any, any>, custom: Map<string, Custom>, handlers: Handlers<KubeObject>): () => void {
  const drop = ({ metadata }: KubeObject) => {
    custom.get(metadata.uid)?.end()
    custom.delete(metadata.uid)
  }
  const take = (definition: CustomResourceDefinition) => {
    const kinds = kindsOf(definition)
    const [kind] = kinds
    const old = custom.get(definition.metadata.uid)
    const watched = kind ? `${kind.apiVersion} ${kind.plural}` : ''
    if (old?.watched === watched) {
      custom.set(definition.metadata.uid, { ...old, kinds })
      return
    }
    drop(definition)
    if (kind) custom.set(definition.metadata.uid, { kinds, watched, end: follow(cluster, kind, handlers) })
  }
  const end = cluster.watch(CustomResourceDefinition, { added: take, updated: take, deleted: drop })
  return () => {
    end()
    for (const one of custom.values()) one.end()
  }
}

/** Watches a kind that no controller declares. */
function follow({ live, clock, random, onError }: Cluster<any, any>, kind: Kind, handlers: Handlers<KubeObject>): () => void {
  const stop = new AbortController()
  const { signal } = stop
  const told = (error: unknown) => {
    // The definition goes before our watch of it ends.
    if (!hasReason(error, 'NotFound')) onError(error)
  }
  startInformer(live, kind, { clock, random, signal, onError: told }).addHandlers(handlers)
  return () => stop.abort()
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
