/** A request as a recipe: plain JSON, made from dice, sent and made smaller by others. */
import type { Dice } from '#testing/property.ts'
import type { Endpoint } from './endpoints.ts'
import { mutate, objectFor } from './generate-body.ts'
import { patchFor, patchTypes } from './generate-patch.ts'
import { hostileSegments, hostileTexts } from './hostile-values.ts'

export type Who = 'admin' | 'restricted' | 'anonymous' | 'stranger'

/** An object, serialised as the content type says; or bytes. */
export type Body = { readonly json: unknown; readonly repeat?: string } | { readonly text: string } | { readonly base64: string }

export interface Case {
  readonly via: 'h1' | 'h2'
  readonly who: Who
  readonly method: string
  /** As it is sent. */
  readonly path: string
  readonly query: readonly string[]
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body?: Body
}

export interface Known {
  readonly endpoints: readonly Endpoint[]
  /** Objects that the server has, by the resource's path. */
  readonly corpus: ReadonlyMap<string, object>
  /** The same as protobuf. */
  readonly messages: ReadonlyMap<string, Buffer>
}

/** Writes to these without a namespace would change what the other cases meet; they are tried dry. */
const sharedGroups =
  /^\/+(api\/v1\/(namespaces|componentstatuses)|apis\/(admissionregistration|apiregistration|flowcontrol|rbac|apiextensions|networking\.k8s\.io\/\w+\/(servicecidrs|ipaddresses)|certificates|storagemigration|coordination))/

/** What of a request is hostile; the rest is as a client would send it, or most would be refused at the door. */
type Aim = 'body' | 'encoding' | 'query' | 'path' | 'headers'

const aims: readonly Aim[] = [...Array<Aim>(10).fill('body'), 'encoding', 'encoding', 'query', 'query', 'path', 'headers']
const users: readonly Who[] = [...Array<Who>(7).fill('admin'), 'restricted', 'restricted', 'restricted', 'anonymous', 'stranger']

export function makeCase(dice: Dice, known: Known): Case {
  const aim = dice.pick(aims)
  const isWrite = (aim === 'body' || aim === 'encoding') && dice.chance(0.85)
  let endpoint = dice.pick(known.endpoints)
  for (let tries = 0; isWrite && !writes.includes(endpoint.method) && tries < 20; tries++) endpoint = dice.pick(known.endpoints)
  const method = aim !== 'path' || dice.chance(0.7) ? endpoint.method : dice.pick(otherMethods)
  const place = { name: dice.pick(names), namespace: dice.pick(namespaces) }
  const sent = withBody(dice, { endpoint, method, known, aim, name: place.name })
  const query = aim === 'query' ? queryOf(dice, endpoint) : plainQuery(dice, sent.contentType)
  const headers = headersOf(dice, { method, aim })
  const made: Case = {
    ...{
      via: dice.chance(0.7) ? 'h2' : 'h1',
      who: dice.pick(users),
      method,
      path: pathOf(dice, { endpoint, aim, ...place }),
      query,
    },
    headers: [...headers, ...(sent.contentType === undefined ? [] : [['content-type', sent.contentType] as const])],
    ...(sent.body && { body: sent.body }),
  }
  return keptHarmless(made)
}

const writes = ['POST', 'PUT', 'PATCH']
const namespaces = ['fuzz', 'fuzz', 'fuzz', 'fuzz', 'fuzz', 'own', 'own', 'hidden', 'default', 'none']
const names = [...Array<string>(12).fill('a'), 'b', 'b', 'c', 'none', 'f-1']

function plainQuery(dice: Dice, contentType = ''): string[] {
  const query: string[] = []
  if (contentType.startsWith('application/apply')) query.push('fieldManager=m', ...(dice.chance(0.8) ? ['force=true'] : []))
  if (dice.chance(0.1)) query.push(dice.pick(['dryRun=All', 'fieldValidation=Strict', 'fieldValidation=Warn', 'pretty=true']))
  return query
}

const otherMethods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE', 'PROPFIND', 'get', 'X']

function isShared({ path, who }: Case): boolean {
  // They bound what controllers make of hostile numbers.
  if (path.includes('resourcequotas')) return true
  if (who !== 'admin') return false
  const isOfNamespace = /^\/+(api\/v1|apis\/[^/]+\/[^/]+)\/namespaces\/[^/]+\/[^/]+/.test(path)
  return (
    !isOfNamespace ||
    sharedGroups.test(path.replace(/namespaces\/[^/]+\//, '')) ||
    /namespaces\/[^/]+\/(status|finalize)/.test(path)
  )
}

/** The administrator may do anything, and what it does to the cluster as a whole would be felt by all later cases. */
function keptHarmless(made: Case): Case {
  if (!isShared(made) || ['GET', 'HEAD', 'OPTIONS'].includes(made.method)) return made
  // Options of a deletion come from the body where there is one.
  const { body, ...rest } = made
  const query = ['dryRun=All', ...made.query.filter((pair) => !pair.startsWith('dryRun'))]
  return made.method === 'DELETE' || made.path.includes('/proxy') ? { ...rest, query } : { ...made, query }
}

interface Place {
  readonly endpoint: Endpoint
  readonly aim: Aim
  readonly name: string
  readonly namespace: string
}

function pathOf(dice: Dice, { endpoint, aim, name, namespace }: Place): string {
  const path = endpoint.template.replace(/\{(\w+)\}/g, (_, part) => {
    if (aim === 'path' && dice.chance(0.3)) return dice.pick(hostileSegments)
    if (part === 'path') return dice.pick(['x', 'x/y', '../..', '%2e%2e/x', 'version'])
    return part === 'namespace' ? namespace : name
  })
  if (aim !== 'path') return path
  const parts = path.split('/')
  const at = dice.upTo(parts.length - 1)
  const segment = dice.pick(hostileSegments)
  const way = dice.upTo(5)
  if (way === 0) return path.replace(/^\/(api\/v1|apis\/[^/]+\/[^/]+)/, (prefix) => `${prefix}/${dice.pick(['watch', 'proxy'])}`)
  const bent = way <= 2 ? parts.toSpliced(at, 0, segment).join('/') : way === 3 ? parts.with(at, segment).join('/') : path
  return bent.startsWith('/') ? bent : `/${bent}`
}

const commonParameters: Readonly<Record<string, readonly string[]>> = {
  watch: ['1', 'true', 'false', '0', '', 'x'],
  resourceVersion: ['0', '1', '5', '', '-1', 'x', '99999999999999999999', '1.5', '0x1'],
  resourceVersionMatch: ['Exact', 'NotOlderThan', '', 'x'],
  limit: ['0', '1', '2', '-1', 'x', '99999999999999999999', '1e3', ''],
  continue: ['x', 'eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiJhXHUwMDAwIn0', 'e30', '', '%00', 'bnVsbA', 'eyJ2IjoxfQ'],
  labelSelector: [
    'app=a',
    'app in (a,b),!x',
    'app in (',
    '!',
    ',',
    'a=b=c',
    'constructor',
    '__proto__=x',
    'app>1',
    'a\u00e4=x',
    '=',
    'x'.repeat(300),
  ],
  fieldSelector: [
    'metadata.name=a',
    'metadata.namespace!=a',
    'spec.nodeName=',
    'spec.x=1',
    '=',
    'metadata.name',
    'a\\=b=c',
    '__proto__=x',
    ',',
  ],
  timeoutSeconds: ['1', '0', '-1', 'x', '99999999999', '2'],
  timeout: ['1ns', '1s', '0', 'x', '-1s', '99h'],
  allowWatchBookmarks: ['true', 'x'],
  sendInitialEvents: ['true', 'false', 'x'],
  dryRun: ['All', 'x', '', 'all'],
  fieldValidation: ['Strict', 'Warn', 'Ignore', 'x', ''],
  fieldManager: ['m', '', 'x'.repeat(200), 'a\nb', '\u00e4'],
  force: ['true', 'false', 'x', ''],
  pretty: ['true', '1', 'x'],
  gracePeriodSeconds: ['0', '-1', '1', 'x', '99999999999999999999'],
  propagationPolicy: ['Orphan', 'Background', 'Foreground', 'x'],
  orphanDependents: ['true', 'x'],
  ignoreStoreReadErrorWithClusterBreakingPotential: ['true', 'false'],
  includeObject: ['None', 'Metadata', 'Object', 'x'],
  container: ['c', '', '..', 'x'],
  command: ['sh', ''],
  stdin: ['true'],
  follow: ['true', 'x'],
  tailLines: ['-1', '1', 'x'],
  sinceTime: ['x', '2026-01-01T00:00:00Z'],
  sinceSeconds: ['0', '-5'],
  limitBytes: ['0', 'x'],
  stream: ['All', 'Stdout', 'x'],
  ports: ['80', '-1', 'x'],
  path: ['/x', '..', 'http://a/'],
  verbose: [''],
  exclude: ['etcd', 'x'],
}
const anyParameters = Object.keys(commonParameters)

function queryOf(dice: Dice, { parameters }: Endpoint): string[] {
  const query = dice.some(3, () => {
    const name = parameters.length > 0 && dice.chance(0.8) ? dice.pick(parameters) : dice.pick(anyParameters)
    const values = commonParameters[name]
    const value =
      values && dice.chance(0.9) ? dice.pick(values) : dice.pick(['a', '', '%', '%ff', '%00', '&', '__proto__', '[]', '+'])
    return value.startsWith('%') ? `${name}=${value}` : `${name}=${encodeURIComponent(value)}`
  })
  if (dice.chance(0.02))
    query.push(dice.pick(['=', '&&', '%', 'a', '__proto__=x', 'constructor=x', `${'a=b&'.repeat(2000)}x`, '\u00e4=1', ';', '?']))
  return query
}

const goodAccepts = [
  ...[
    'application/yaml',
    'application/vnd.kubernetes.protobuf,application/json',
    'application/json;as=Table;v=v1;g=meta.k8s.io,*/*',
  ],
  'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json',
]

const accepts = [
  ...[
    'application/json',
    '*/*',
    'application/yaml',
    'application/vnd.kubernetes.protobuf',
    'application/cbor',
    'text/html',
    '',
    'x',
    ',;,=',
  ],
  ...[
    'application/json;as=Table;v=v1;g=meta.k8s.io',
    'application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io',
  ],
  ...[
    'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json',
    'application/json;as=x;v=y;g=z',
    'application/json;q=NaN',
  ],
  ...['application/json;stream=watch', 'application/vnd.kubernetes.protobuf;stream=watch', `${'a/b,'.repeat(500)}*/*`],
  ...[
    'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList',
    'application/com.github.proto-openapi.spec.v3@v1.0+protobuf',
  ],
]

function headersOf(dice: Dice, { method, aim }: { readonly method: string; readonly aim: Aim }): (readonly [string, string])[] {
  const headers: (readonly [string, string])[] = []
  if (aim !== 'headers') return dice.chance(0.15) ? [['accept', dice.pick(goodAccepts)]] : headers
  if (dice.chance(0.6)) headers.push(['accept', dice.pick(accepts)])
  if (dice.chance(0.2)) headers.push(['accept-encoding', dice.pick(['gzip', 'br', '*', 'gzip;q=0', 'x'])])
  if (dice.chance(0.5)) headers.push(dice.pick(oddHeaders))
  if (method === 'GET' && dice.chance(0.2)) headers.push(['if-none-match', dice.pick(['*', '"x"', 'W/"', ''])])
  return headers
}

const oddHeaders: readonly (readonly [string, string])[] = [
  ['impersonate-user', 'system:admin'],
  ['impersonate-group', 'system:masters'],
  ['impersonate-user', ''],
  ['impersonate-user', 'system:serviceaccount:hidden:default'],
  ['impersonate-uid', 'x'],
  ['impersonate-extra-a%2fb', 'x'],
  ['x-remote-user', 'system:admin'],
  ['x-remote-group', 'system:masters'],
  ['content-encoding', 'gzip'],
  ['audit-id', '../../x'],
  ['range', 'bytes=0-1'],
  ['x-stream-protocol-version', 'v4.channel.k8s.io'],
  ['cookie', 'a=b; '.repeat(500)],
  ['x-long', 'x'.repeat(9000)],
  ['user-agent', ''],
  ['traceparent', '00-x'],
  ['origin', 'http://evil.test'],
  ['x-forwarded-for', '1.2.3.4, ::1'],
]

interface Writing {
  readonly endpoint: Endpoint
  readonly method: string
  readonly known: Known
  readonly aim: Aim
  readonly name: string
}

type Sent = { readonly contentType?: string; readonly body?: Body }

function withBody(dice: Dice, { endpoint, method, known, aim, name }: Writing): Sent {
  const hasBody = writes.includes(method) || (method === 'DELETE' && dice.chance(0.4)) || dice.chance(0.02)
  if (!hasBody) return {}
  const contentType = contentTypeOf(dice, method, aim)
  const isHostile = aim === 'body' || aim === 'encoding'
  if (isHostile && dice.chance(0.05)) return { contentType, body: { text: dice.pick(hostileTexts) } }
  if (contentType.includes('protobuf'))
    return { contentType, body: { base64: brokenMessage(dice, endpoint, known).toString('base64') } }
  if (contentType.includes('cbor')) return { contentType, body: { base64: brokenCbor(dice).toString('base64') } }
  const root = { value: method === 'DELETE' ? deleteOptions(dice) : objectFor(dice, { endpoint, corpus: known.corpus, name }) }
  if (isHostile) mutate(dice, root, endpoint)
  const json = method === 'PATCH' ? patchFor(dice, contentType, root.value) : root.value
  if (aim !== 'encoding' || dice.chance(0.5))
    return { contentType, body: dice.chance(0.02) ? { json, repeat: 'metadata' } : { json } }
  return { contentType, body: { base64: damaged(dice, Buffer.from(JSON.stringify(json) ?? '')).toString('base64') } }
}

function contentTypeOf(dice: Dice, method: string, aim: Aim): string {
  if (aim === 'headers')
    return dice.pick(['', 'text/plain', 'x', 'application/json;charset=utf-16', '/', ';', 'application/json'])
  if (method === 'PATCH') return dice.pick(aim === 'encoding' ? patchTypes : patchTypes.slice(0, 4))
  if (aim === 'encoding') return dice.pick(['application/json', 'application/yaml', protobuf, protobuf, 'application/cbor'])
  return dice.chance(0.1) ? 'application/yaml' : 'application/json'
}

const protobuf = 'application/vnd.kubernetes.protobuf'

function deleteOptions(dice: Dice): object {
  const preconditions = { uid: dice.pick(['x', '']), resourceVersion: dice.pick(['1', 'x']) }
  return {
    ...{
      apiVersion: dice.pick(['v1', 'meta.k8s.io/v1', 'apps/v1', 'x']),
      kind: dice.pick(['DeleteOptions', 'DeleteOptions', 'Pod']),
    },
    ...(dice.chance(0.3) && { gracePeriodSeconds: dice.pick<unknown>([0, 1, -1, 'x', 1e30]) }),
    ...(dice.chance(0.3) && { propagationPolicy: dice.pick(['Orphan', 'Foreground', 'Background', 'x']) }),
    ...(dice.chance(0.2) && { preconditions }),
    ...(dice.chance(0.2) && { dryRun: dice.pick<unknown>([['All'], ['x'], 'All', []]) }),
    ...(dice.chance(0.1) && { orphanDependents: true }),
  }
}

/** A real message of some kind, bent. */
function brokenMessage(dice: Dice, { resource }: Endpoint, { messages }: Known): Buffer {
  const own = messages.get(resource)
  const message = own && dice.chance(0.8) ? own : dice.pick([...messages.values(), Buffer.from('k8s\0')])
  return dice.chance(0.15) ? Buffer.from(message) : damaged(dice, Buffer.from(message))
}

const cborObjects = [
  'd9d9f7a0',
  'd9d9f7a16161f6',
  'd9d9f7bf',
  'd9d9f7a2446b696e6443506f644a61706956657273696f6e427631',
  'a0',
  'd9d9f79f',
  'd9d9f7fb7ff8',
]

function brokenCbor(dice: Dice): Buffer {
  return damaged(dice, Buffer.from(dice.pick(cborObjects), 'hex'))
}

/** Bits turned, pieces cut out, doubled or replaced by what encodings use for length and nesting. */
function damaged(dice: Dice, bytes: Buffer): Buffer {
  let out = bytes
  for (let times = 1 + dice.upTo(3); times > 0; times--) {
    const at = dice.upTo(Math.max(0, out.length - 1))
    const way = dice.upTo(6)
    if (way <= 1 && out.length > 0) out[at] = (out[at] as number) ^ (1 << dice.upTo(7))
    else if (way === 2) out = out.subarray(0, at)
    else if (way === 3) out = Buffer.concat([out.subarray(0, at), out.subarray(at + 1 + dice.upTo(8))])
    else if (way === 4) out = Buffer.concat([out.subarray(0, at), dice.pick(pieces), out.subarray(at)])
    else if (way === 5) out = Buffer.concat([out.subarray(0, at), out.subarray(Math.max(0, at - 30), at), out.subarray(at)])
    else if (out.length > 0) out[at] = dice.upTo(255)
  }
  return out
}

const pieces = [
  'ff',
  'ffffffffffffffffff01',
  '00',
  'fffffffff7',
  'c3',
  'eda080',
  'f4908080',
  '0a'.repeat(200),
  '22',
  '5c',
  '80'.repeat(20),
].map((hex) => Buffer.from(hex, 'hex'))
