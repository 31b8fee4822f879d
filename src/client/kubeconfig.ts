/** Kubeconfig files: which cluster, as whom, and how to get there (client-go `tools/clientcmd`). */
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Clock } from '#lib/clock.ts'
import { parseYaml } from '#schema/yaml.ts'
import type { Headers, Pem } from './connection.ts'
import { execCredentials } from './exec-credentials.ts'
import type { HttpsTransportOptions, TokenSource } from './https-transport.ts'

export interface ClusterEntry {
  server?: string
  'tls-server-name'?: string
  'insecure-skip-tls-verify'?: boolean
  'certificate-authority'?: string
  'certificate-authority-data'?: string
  'proxy-url'?: string
}

export interface UserEntry {
  'client-certificate'?: string
  'client-certificate-data'?: string
  'client-key'?: string
  'client-key-data'?: string
  token?: string
  tokenFile?: string
  username?: string
  password?: string
  as?: string
  'as-uid'?: string
  'as-groups'?: string[]
  'as-user-extra'?: Record<string, string[]>
  exec?: ExecEntry
}

export interface ExecEntry {
  command: string
  args?: string[]
  env?: { name: string; value: string }[]
  apiVersion?: string
  installHint?: string
  provideClusterInfo?: boolean
}

export interface ContextEntry {
  cluster: string
  user: string
  namespace?: string
}

export interface Kubeconfig {
  apiVersion?: string
  kind?: string
  'current-context'?: string
  clusters?: { name: string; cluster: ClusterEntry }[]
  users?: { name: string; user: UserEntry }[]
  contexts?: { name: string; context: ContextEntry }[]
  preferences?: object
}

/** What a kubeconfig says about one context. */
export interface Access {
  readonly context: string
  /** Of the context; `default` where it names none. */
  readonly namespace: string
  readonly cluster: ClusterEntry
  readonly user: UserEntry
  /** `environment` is handed to exec plugins. */
  transportOptions(surroundings: {
    clock: Clock
    environment?: Readonly<Record<string, string | undefined>>
  }): HttpsTransportOptions
}

/** Reads one or several kubeconfigs, each a path or the text itself, and looks up a context; default the current one. */
export function loadKubeconfig(sources: string | readonly string[], context?: string): Access {
  return accessOf(mergeKubeconfigs([sources].flat().map(readKubeconfig)), context)
}

/** `source` is a path, or the text of a kubeconfig. Paths in a file are relative to its folder. */
export function readKubeconfig(source: string): Kubeconfig {
  if (source.includes('\n') || source.trimStart().startsWith('{')) return parse(source)
  return rooted(parse(readFileSync(source, 'utf8'), source), dirname(resolve(source)))
}

/** Of two entries with the same name, and of two current contexts, the first counts. */
export function mergeKubeconfigs(configs: readonly Kubeconfig[]): Kubeconfig {
  const current = configs.map((config) => config['current-context']).find(Boolean)
  return {
    apiVersion: 'v1',
    kind: 'Config',
    ...(current && { 'current-context': current }),
    clusters: firstOfEach(configs.flatMap(({ clusters }) => clusters ?? [])),
    users: firstOfEach(configs.flatMap(({ users }) => users ?? [])),
    contexts: firstOfEach(configs.flatMap(({ contexts }) => contexts ?? [])),
  }
}

export function accessOf(config: Kubeconfig, wanted?: string): Access {
  const name = wanted ?? config['current-context'] ?? ''
  const context = config.contexts?.find((entry) => entry.name === name)?.context
  if (!context && wanted) throw new Error(`context "${wanted}" does not exist`)
  if (!context) throw new Error('invalid configuration: no configuration has been provided')
  const cluster = config.clusters?.find((entry) => entry.name === context.cluster)?.cluster
  if (!cluster) throw new Error(`cluster "${context.cluster}" does not exist`)
  const user = config.users?.find((entry) => entry.name === context.user)?.user
  if (!user && context.user) throw new Error(`auth info "${context.user}" does not exist`)
  const namespace = context.namespace || 'default'
  return {
    context: name,
    namespace,
    cluster,
    user: user ?? {},
    transportOptions: ({ clock, environment }) => optionsOf({ cluster, user: user ?? {} }, clock, environment ?? {}),
  }
}

/** Where pods find the API server: the service account's files and the `kubernetes` Service. */
export function inClusterOptions(clock: Clock, environment: Readonly<Record<string, string | undefined>>): HttpsTransportOptions {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = environment
  if (!host || !port) {
    throw new Error(
      'unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined',
    )
  }
  const folder = '/var/run/secrets/kubernetes.io/serviceaccount'
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    clock,
    ca: readFileSync(`${folder}/ca.crt`),
    token: tokenFromFile(`${folder}/token`, clock),
  }
}

const rereadAfter = 60_000

/** Reads the file at most once a minute, as client-go does; at once after a refusal. */
export function tokenFromFile(path: string, clock: Clock): TokenSource {
  let token: string | undefined
  let read = Number.NEGATIVE_INFINITY
  return ({ refused }) => {
    if (!refused && clock.monotonic() - read < rereadAfter) return token
    read = clock.monotonic()
    token = readFileSync(path, 'utf8').trim()
    return token
  }
}

function optionsOf(
  { cluster, user }: { cluster: ClusterEntry; user: UserEntry },
  clock: Clock,
  environment: Readonly<Record<string, string | undefined>>,
): HttpsTransportOptions {
  if (cluster['proxy-url']) throw new Error('proxy-url is not supported')
  const exec = user.exec && execCredentials(user.exec, { clock, environment, cluster })
  const token = user.tokenFile ? tokenFromFile(user.tokenFile, clock) : user.token || exec?.token
  const given = pem(user['client-certificate-data'], user['client-certificate'])
  const key = pem(user['client-key-data'], user['client-key'])
  return {
    server: cluster.server || 'http://localhost:8080',
    clock,
    ca: pem(cluster['certificate-authority-data'], cluster['certificate-authority']),
    certificate: given ?? exec?.certificate,
    key: key ?? exec?.key,
    token,
    serverName: cluster['tls-server-name'],
    insecure: cluster['insecure-skip-tls-verify'],
    headers: headersOf(user),
  }
}

function headersOf(user: UserEntry): Headers {
  const headers: Record<string, string | string[]> = {}
  if (user.username) {
    const pair = Buffer.from(`${user.username}:${user.password ?? ''}`).toString('base64')
    headers.authorization = `Basic ${pair}`
  }
  if (user.as) headers['impersonate-user'] = user.as
  if (user['as-uid']) headers['impersonate-uid'] = user['as-uid']
  if (user['as-groups']?.length) headers['impersonate-group'] = user['as-groups']
  for (const [name, values] of Object.entries(user['as-user-extra'] ?? {})) {
    headers[`impersonate-extra-${encodeURIComponent(name).toLowerCase()}`] = values
  }
  return headers
}

/** Data counts before a file, as upstream. */
function pem(data: string | undefined, file: string | undefined): Pem | undefined {
  if (data) return Buffer.from(data, 'base64')
  return file ? readFileSync(file) : undefined
}

function parse(text: string, file?: string): Kubeconfig {
  const [document] = parseYaml(text, file === undefined ? {} : { file })
  return (document?.value ?? {}) as Kubeconfig
}

function rooted(config: Kubeconfig, folder: string): Kubeconfig {
  const at = (path: string | undefined) => path && resolve(folder, path)
  for (const { cluster } of config.clusters ?? []) setPaths(cluster, ['certificate-authority'], at)
  for (const { user } of config.users ?? []) setPaths(user, ['client-certificate', 'client-key', 'tokenFile'], at)
  return config
}

function setPaths<T extends object>(entry: T, names: (keyof T)[], at: (path: string | undefined) => string | undefined): void {
  for (const name of names) {
    const path = at(entry[name] as string | undefined)
    if (path) entry[name] = path as T[keyof T]
  }
}

function firstOfEach<T extends { readonly name: string }>(entries: readonly T[]): T[] {
  return entries.filter(({ name }, at) => entries.findIndex((other) => other.name === name) === at)
}
