/** The cluster that cases are thrown at: what is hidden, what the restricted user may do, and objects of every kind. */
import type { ServerProcess } from '#testing/server-process.ts'
import { clusterObjects, namespacedObjects, thing } from './corpus.ts'
import { readEndpoints } from './endpoints.ts'
import { type FuzzClient, openFuzzClient } from './fuzz-client.ts'
import type { Known } from './generate-case.ts'
import { type Guards, openGuards } from './guards.ts'
import { secretMark } from './judge.ts'

export interface FuzzBed extends AsyncDisposable {
  readonly client: FuzzClient
  readonly known: Known
  /** Puts back what cases removed. */
  restore(): Promise<void>
  /** Removes what cases made. */
  clear(): Promise<void>
  /** Reads everything in every encoding; what cannot be read. */
  faults(): Promise<string[]>
  /** Reviews that the admission webhook has answered. */
  reviewed(): number
}

const namespaces = ['fuzz', 'own', 'hidden']

export async function openFuzzBed(server: ServerProcess): Promise<FuzzBed> {
  const client = await openFuzzClient(server)
  const guards = await openGuards()
  await put(client, 'apis/apiextensions.k8s.io/v1/customresourcedefinitions', thing)
  await restore(client, guards)
  const endpoints = await endpointsOfAll(client)
  const corpus = new Map<string, object>()
  const messages = new Map<string, Buffer>()
  for (const [resource, [, path]] of placesOf('fuzz')) {
    const { status, body } = await client.call('GET', path)
    if (status !== 200) throw new Error(`${path}: ${status} ${body}`)
    corpus.set(resource, JSON.parse(body.toString()))
    const encoded = await client.call('GET', path, { accept: 'application/vnd.kubernetes.protobuf' })
    if (encoded.status === 200) messages.set(resource, encoded.body)
  }
  return {
    client,
    known: { endpoints, corpus, messages },
    restore: () => restore(client, guards),
    reviewed: () => guards.answered(),
    clear: () => clear(client, lists(endpoints)),
    faults: () => faultsOf(client, lists(endpoints)),
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]()
      await guards[Symbol.asyncDispose]()
    },
  }
}

/** A custom resource is in OpenAPI a moment after it is served. */
async function endpointsOfAll(client: FuzzClient): Promise<Known['endpoints']> {
  for (;;) {
    const endpoints = await readEndpoints(client)
    if (endpoints.some(({ resource }) => resource === 'apis/hostile.test/v1/things')) return endpoints
  }
}

function lists(endpoints: Known['endpoints']): string[] {
  const found = endpoints.filter(
    ({ method, template, isSubresource }) => method === 'GET' && !isSubresource && !template.includes('{'),
  )
  return found.map(({ template }) => template).filter((path) => /^\/(api\/v1|apis\/[^/]+\/[^/]+)\/[^/]+$/.test(path))
}

/** Resource -> where objects of it are made, and the one called a. */
function placesOf(namespace: string): Map<string, readonly [collection: string, object: string, body: any]> {
  const places = new Map<string, readonly [string, string, any]>()
  const add = (resource: string, collection: string, given: any) => {
    const body = JSON.parse(
      JSON.stringify({ ...given, metadata: { name: 'a', ...given.metadata } }).replaceAll('NAMESPACE', namespace),
    )
    places.set(resource, [collection, `${collection}/${body.metadata.name}`, body])
  }
  for (const [resource, body] of Object.entries(namespacedObjects)) {
    const [, version, plural] = /^(.*)\/([^/]+)$/.exec(resource) as unknown as [string, string, string]
    add(resource, `/${version}/namespaces/${namespace}/${plural}`, body)
  }
  for (const [resource, body] of Object.entries(clusterObjects)) add(resource, `/${resource}`, body)
  return places
}

async function restore(client: FuzzClient, { objects }: Guards): Promise<void> {
  for (const name of namespaces) await put(client, 'api/v1/namespaces', { metadata: { name } })
  // Or many workloads get what they were told to have, and more than the run can bear.
  const hard = { pods: '50', 'count/replicasets.apps': '200', 'count/jobs.batch': '50' }
  for (const namespace of [...namespaces, 'default'])
    await put(client, `api/v1/namespaces/${namespace}/resourcequotas`, { metadata: { name: 'all' }, spec: { hard } })
  for (const namespace of ['fuzz', 'own']) {
    for (const [, [collection, , body]] of placesOf(namespace)) await put(client, collection.slice(1), body)
  }
  for (const [resource, [collection, , body]] of placesOf('hidden')) {
    if (resource in namespacedObjects) await put(client, collection.slice(1), hidden(body))
  }
  const rules = [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }]
  await put(client, 'apis/rbac.authorization.k8s.io/v1/namespaces/own/roles', { metadata: { name: 'all' }, rules })
  await put(client, 'apis/rbac.authorization.k8s.io/v1/namespaces/own/rolebindings', {
    metadata: { name: 'all' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'all' },
    subjects: [{ kind: 'User', name: 'restricted', apiGroup: 'rbac.authorization.k8s.io' }],
  })
  for (const [collection, body] of objects) await put(client, collection, body)
}

function hidden(body: any): object {
  const metadata = { ...body.metadata, annotations: { mark: secretMark }, labels: { mark: secretMark } }
  return {
    ...body,
    metadata,
    ...('data' in body && { data: { ...body.data, mark: Buffer.from(secretMark).toString('base64') } }),
  }
}

/** What is there already stays. */
async function put(client: FuzzClient, collection: string, body: unknown): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const outcome = await client.call('POST', `/${collection}`, { body })
    if (outcome.status === 201 || outcome.status === 409) return
    if (attempt > 50) throw new Error(`${collection}: ${outcome.status} ${outcome.body}`)
  }
}

async function clear(client: FuzzClient, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const { items } = await client.json(path)
    for (const { metadata } of items ?? []) {
      if ([...namespaces, 'default'].includes(metadata.namespace) && metadata.name !== 'all') await drop(client, path, metadata)
    }
  }
}

/** Whatever holds it. */
async function drop(client: FuzzClient, path: string, metadata: any): Promise<void> {
  const at = path.lastIndexOf('/')
  const object = `${path.slice(0, at)}/namespaces/${metadata.namespace}${path.slice(at)}/${encodeURIComponent(metadata.name)}`
  await client.call('DELETE', `${object}?gracePeriodSeconds=0&propagationPolicy=Background`)
  if (!metadata.finalizers?.length) return
  const body = { json: { metadata: { finalizers: null } } }
  const headers = [['content-type', 'application/merge-patch+json']] as const
  await client.send({ via: 'h2', who: 'admin', method: 'PATCH', path: object, query: [], headers, body })
}

const encodings = [
  'application/json',
  'application/vnd.kubernetes.protobuf',
  'application/yaml',
  'application/json;as=Table;v=v1;g=meta.k8s.io',
] as const

async function faultsOf(client: FuzzClient, paths: readonly string[]): Promise<string[]> {
  const faults: string[] = []
  for (const path of paths) {
    for (const accept of encodings) {
      const { status, body } = await client.call('GET', path, { accept })
      if (status === 406 && path.includes('hostile.test')) continue
      if (status !== 200) faults.push(`GET ${path} as ${accept}: ${status} ${body.toString().slice(0, 500)}`)
    }
  }
  return faults
}
