/** `createClient`: turns typed calls into Calls, for whichever Transport carries them. */
import type { Kind, KubeObject } from '#schema/kind.ts'
import { type NullLists, nullLists } from '#schema/null-lists.ts'
import {
  type At,
  type Call,
  type Client,
  type DeleteOptions,
  type List,
  type ListOptions,
  type Patch,
  type Ref,
  refOf,
  type Transport,
  type WatchEvent,
  type WatchOptions,
  type WriteOptions,
} from './client.ts'

/** A Client on `transport`; closing it closes the transport. */
export function createClient(transport: Transport): Client {
  const send = (call: Call) => transport.request(call) as Promise<any>
  return {
    transport,
    get: (kind, at, options = {}) =>
      read(
        kind,
        send({
          verb: 'get',
          ...target(kind, at, options.subresource),
          query: query({ resourceVersion: options.resourceVersion }),
          signal: options.signal,
        }),
      ),
    list: async (kind, options = {}) => {
      const call = { ...collection(kind, options.namespace), query: listQuery(options), signal: options.signal }
      return complete(kind, await send({ verb: 'list', ...call }))
    },
    watch: (kind, options) =>
      readEvents(
        kind,
        transport.watch({
          verb: 'watch',
          ...collection(kind, options.namespace),
          query: watchQuery(options),
          signal: options.signal,
        }),
      ),
    create: (kind, object, options = {}) => read(kind, send(createCall(kind, object as Sendable, options))),
    update: (kind, object, options = {}) =>
      read(
        kind,
        send({
          verb: 'update',
          ...target(kind, object as unknown as At, options.subresource),
          query: writeQuery(options),
          body: typed(kind, object as Sendable),
          signal: options.signal,
        }),
      ),
    patch: (kind, at, patch, options = {}) => read(kind, send(patchCall(kind, at, { patch, options }))),
    delete: async (kind, at, options = {}) => {
      await send({ verb: 'delete', ...target(kind, at), ...deletion(options), signal: options.signal })
    },
    deleteCollection: async (kind, selection, options = {}) => {
      const { query: dryRun, body } = deletion(options)
      await send({
        verb: 'deletecollection',
        ...collection(kind, selection.namespace),
        query: { ...listQuery(selection), ...dryRun },
        body,
        signal: options.signal ?? selection.signal,
      })
    },
    post: (kind, at, { subresource, body, signal }) =>
      send({ verb: 'create', ...target(kind, at, subresource), query: {}, body, signal }),
    close: () => transport.close(),
  }
}

/** Lists that the server writes as null are empty ones here. */
function read<T>(kind: Kind, answer: Promise<T>): Promise<T> {
  const nulls = nullLists(kind.schema)
  return nulls ? answer.then((object) => nulls.fromWire(object)) : answer
}

function readEvents<T>(kind: Kind, events: Events<T>): Events<T> {
  const nulls = nullLists(kind.schema)
  return nulls ? withEmptyLists(events, nulls) : events
}

type Events<T> = AsyncIterable<readonly WatchEvent<T>[]>

async function* withEmptyLists<T>(events: Events<T>, nulls: NullLists): Events<T> {
  for await (const batch of events) {
    for (const { object } of batch) nulls.fromWire(object)
    yield batch
  }
}

function complete<T extends KubeObject>(kind: Kind, list: List<T>): List<T> {
  const nulls = nullLists(kind.schema)
  if (nulls) for (const item of list.items ?? []) nulls.fromWire(item)
  return named(kind, list)
}

interface Sendable {
  readonly apiVersion?: string | undefined
  readonly kind?: string | undefined
  readonly metadata?: Partial<Ref> | undefined
}

function createCall(kind: Kind, object: Sendable, options: WriteOptions): Call {
  const { name, namespace } = object.metadata ?? {}
  return {
    verb: 'create',
    ...collection(kind, namespace),
    ...(options.subresource && { name, subresource: options.subresource }),
    query: writeQuery(options),
    body: typed(kind, object),
    signal: options.signal,
  }
}

const patchTypes = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const

function patchCall(kind: Kind, at: At, { patch, options }: { patch: Patch; options: WriteOptions }): Call {
  const force = patch.type === 'apply' ? patch.force : undefined
  return {
    verb: 'patch',
    ...target(kind, at, options.subresource),
    query: { ...writeQuery(options), ...query({ force }) },
    body: patch.type === 'apply' ? typed(kind, patch.body as Sendable) : patch.body,
    contentType: patchTypes[patch.type],
    signal: options.signal,
  }
}

function collection(kind: Kind, namespace: string | undefined) {
  const { group, version, plural } = kind
  return { resource: { group, version, plural }, ...(kind.namespaced && namespace && { namespace }) }
}

function target(kind: Kind, at: At, subresource?: string) {
  const { name, namespace } = refOf(at)
  return { ...collection(kind, namespace), name, ...(subresource && { subresource }) }
}

/** The same object, saying what it is: the server refuses a body without apiVersion and kind. */
function typed(kind: Kind, object: Sendable): object {
  return { ...object, apiVersion: object.apiVersion ?? kind.apiVersion, kind: object.kind ?? kind.kind }
}

/** Upstream's lists leave apiVersion and kind out of their items. */
function named<T extends KubeObject>({ apiVersion, kind }: Kind, list: List<T>): List<T> {
  if (list.items?.every((item) => item.kind)) return list
  return { ...list, items: (list.items ?? []).map((item) => (item.kind ? item : { ...item, apiVersion, kind })) }
}

function listQuery(options: ListOptions): Record<string, string> {
  const { labelSelector, fieldSelector, limit, resourceVersion, resourceVersionMatch } = options
  return query({ labelSelector, fieldSelector, limit, continue: options.continue, resourceVersion, resourceVersionMatch })
}

function watchQuery(options: WatchOptions): Record<string, string> {
  const { allowWatchBookmarks, sendInitialEvents, timeoutSeconds } = options
  const match = options.resourceVersionMatch ?? (sendInitialEvents ? 'NotOlderThan' : undefined)
  return {
    ...listQuery({ ...options, resourceVersionMatch: match }),
    ...query({ watch: true, allowWatchBookmarks, sendInitialEvents, timeoutSeconds }),
  }
}

function writeQuery({ dryRun, fieldManager, fieldValidation }: WriteOptions): Record<string, string> {
  return query({ dryRun: dryRun ? 'All' : undefined, fieldManager, fieldValidation })
}

function deletion(options: DeleteOptions) {
  const { gracePeriodSeconds, propagationPolicy, preconditions, dryRun } = options
  const body = {
    kind: 'DeleteOptions',
    apiVersion: 'v1',
    ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
    ...(propagationPolicy && { propagationPolicy }),
    ...(preconditions && { preconditions }),
    ...(dryRun && { dryRun: ['All'] }),
  }
  return { body, query: query({ dryRun: dryRun ? 'All' : undefined }) }
}

/** Parameters that were given, as text; empty text and false say nothing and are left out. */
function query(values: Readonly<Record<string, string | number | boolean | undefined>>): Record<string, string> {
  const given = Object.entries(values).filter(([, value]) => value !== undefined && value !== '' && value !== false)
  return Object.fromEntries(given.map(([name, value]) => [name, String(value)]))
}
