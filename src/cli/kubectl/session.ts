/** The connection of one kubectl command: which cluster, as whom, in which namespace, and requests to it. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { Terminal } from '#cli/command.ts'
import { type HttpsTransport, type HttpsTransportOptions, httpsTransport } from '#client/https-transport.ts'
import { type Access, accessOf, type Kubeconfig, mergeKubeconfigs, readKubeconfig } from '#client/kubeconfig.ts'
import { systemClock } from '#lib/clock.ts'
import { parseDuration } from '#schema/go-time.ts'
import { parseJson, stringifyJson } from '#schema/json.ts'
import { StatusError, type StatusObject } from '#schema/status-error.ts'
import type { FlagValues } from './command-line.ts'
import { Discovery } from './discovery.ts'
import { KubectlError } from './errors.ts'
import type { globalFlags } from './global-flags.ts'

/** A decoded object of any kind. */
export type Json = Record<string, any>

export interface RequestOptions {
  readonly query?: Readonly<Record<string, string | undefined>> | undefined
  readonly body?: unknown
  readonly contentType?: string
  readonly accept?: string
  readonly signal?: AbortSignal | undefined
}

export interface RawAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Readable
}

export type GlobalValues = FlagValues<typeof globalFlags>

export class Session {
  readonly globals: GlobalValues
  readonly terminal: Terminal
  readonly #defaultKubeconfig: string | undefined
  #access: Access | undefined
  #transport: HttpsTransport | undefined
  #discovery: Discovery | undefined
  #warned = new Set<string>()

  constructor(globals: GlobalValues, terminal: Terminal, defaultKubeconfig: string | undefined) {
    this.globals = globals
    this.terminal = terminal
    this.#defaultKubeconfig = defaultKubeconfig
  }

  get namespace(): string {
    return this.globals.namespace || this.access.namespace
  }

  /** Whether --namespace was given. */
  get explicitNamespace(): boolean {
    return this.globals.namespace !== ''
  }

  get discovery(): Discovery {
    this.#discovery ??= new Discovery(this)
    return this.#discovery
  }

  get access(): Access {
    this.#access ??= this.#findAccess()
    return this.#access
  }

  /** The files that hold the configuration, in order; the first is the one that `config use-context` writes. */
  get kubeconfigPaths(): readonly string[] {
    const { env, cwd } = this.terminal
    if (this.globals.kubeconfig) return [resolveIn(cwd, this.globals.kubeconfig)]
    const listed = env.KUBECONFIG?.split(':').filter(Boolean)
    if (listed?.length) return [...new Set(listed)].map((path) => resolveIn(cwd, path))
    return [join(env.HOME ?? '/root', '.kube/config')]
  }

  kubeconfig(): Kubeconfig {
    const [first = ''] = this.kubeconfigPaths
    if (this.globals.kubeconfig && !existsSync(first)) throw new KubectlError(`stat ${first}: no such file or directory`)
    return mergeKubeconfigs(this.kubeconfigPaths.filter((path) => existsSync(path)).map(readKubeconfig))
  }

  /** How to connect; exec and port-forward open sockets of their own with it. */
  get connection(): HttpsTransportOptions {
    const options = this.access.transportOptions({ clock: systemClock, environment: this.terminal.env })
    return { ...options, userAgent: 'kubectl/v1.36.0 (nami)', ...(this.globals.token && { token: this.globals.token }) }
  }

  get transport(): HttpsTransport {
    this.#transport ??= httpsTransport(this.connection)
    return this.#transport
  }

  get<T = Json>(path: string, options: RequestOptions = {}): Promise<T> {
    return this.request('GET', path, options)
  }

  /** The decoded answer; an error answer is thrown as StatusError. */
  async request<T = Json>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
    const answer = await this.raw(method, path, options)
    const bytes = await collect(answer.body)
    this.#warnings(answer.headers.warning)
    if (answer.status >= 300) throw statusError(answer.status, bytes, requestText(method, path))
    return (bytes.length === 0 ? {} : parseJson(bytes).value) as T
  }

  async raw(method: string, path: string, options: RequestOptions = {}): Promise<RawAnswer> {
    const query = Object.entries(options.query ?? {}).filter((pair): pair is [string, string] => pair[1] !== undefined)
    const parameters = new URLSearchParams(query).toString()
    const body = typeof options.body === 'string' || options.body === undefined ? options.body : stringifyJson(options.body)
    return this.transport.raw({
      method,
      path: parameters ? `${path}${path.includes('?') ? '&' : '?'}${parameters}` : path,
      headers: {
        accept: options.accept ?? 'application/json',
        ...(body !== undefined && { 'content-type': options.contentType ?? 'application/json' }),
      },
      body: body as string | undefined,
      signal: this.#signal(options.signal),
    })
  }

  async close(): Promise<void> {
    await this.#transport?.close()
  }

  #signal(own: AbortSignal | undefined): AbortSignal {
    const signals = [this.terminal.signal]
    if (own) signals.push(own)
    const timeout = timeoutOf(this.globals['request-timeout'])
    if (timeout > 0) signals.push(AbortSignal.timeout(timeout))
    return signals.length === 1 ? (signals[0] as AbortSignal) : AbortSignal.any(signals)
  }

  /** Each text once. */
  warn(text: string): void {
    if (this.#warned.has(text)) return
    this.#warned.add(text)
    this.terminal.stderr.write(`Warning: ${text}\n`)
  }

  #warnings(header: string | string[] | undefined): void {
    for (const line of [header ?? []].flat()) {
      for (const [, quoted = ''] of line.matchAll(/299 \S+ ("(?:[^"\\]|\\.)*")/g)) {
        this.warn(quoted.slice(1, -1).replace(/\\(.)/g, '$1'))
      }
    }
  }

  #findAccess(): Access {
    const { globals } = this
    let config = this.kubeconfig()
    if (globals.cluster || globals.user) config = withOverrides(config, globals)
    const isEmpty = !config['current-context'] && !globals.context && !(globals.cluster || globals.user)
    if (isEmpty && this.#defaultKubeconfig && existsSync(this.#defaultKubeconfig)) {
      config = readKubeconfig(this.#defaultKubeconfig)
    } else if (isEmpty) config = nowhere
    return withFlags(accessOf(config, globals.context || undefined), globals)
  }
}

/** Without any configuration client-go talks to the old insecure port, where nobody listens. */
const nowhere: Kubeconfig = {
  'current-context': 'none',
  clusters: [{ name: 'none', cluster: { server: 'http://localhost:8080' } }],
  users: [{ name: 'none', user: {} }],
  contexts: [{ name: 'none', context: { cluster: 'none', user: 'none' } }],
}

function withOverrides(config: Kubeconfig, { cluster, user, context }: GlobalValues): Kubeconfig {
  const name = context || config['current-context'] || ''
  const found = config.contexts?.find((entry) => entry.name === name)?.context
  const changed = { ...found, cluster: cluster || found?.cluster || '', user: user || found?.user || '' }
  const others = (config.contexts ?? []).filter((entry) => entry.name !== name)
  return {
    ...config,
    'current-context': name || 'overridden',
    contexts: [...others, { name: name || 'overridden', context: changed }],
  }
}

function withFlags(access: Access, globals: GlobalValues): Access {
  const set = (to: object, entries: Record<string, unknown>) => {
    for (const [key, value] of Object.entries(entries))
      if (value && !(Array.isArray(value) && !value.length)) (to as any)[key] = value
  }
  set(access.cluster, {
    server: globals.server,
    'insecure-skip-tls-verify': globals['insecure-skip-tls-verify'],
    'certificate-authority': globals['certificate-authority'],
    'tls-server-name': globals['tls-server-name'],
  })
  if (globals['insecure-skip-tls-verify']) delete access.cluster['certificate-authority-data']
  set(access.user, {
    token: globals.token,
    username: globals.username,
    password: globals.password,
    'client-certificate': globals['client-certificate'],
    'client-key': globals['client-key'],
    as: globals.as,
    'as-uid': globals['as-uid'],
    'as-groups': globals['as-group'],
  })
  return access
}

function timeoutOf(text: string): number {
  if (/^\d+$/.test(text)) return Number(text) * 1000
  try {
    return Number(parseDuration(text)) / 1e6
  } catch {
    throw new KubectlError(
      `Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by a corresponding time unit (e.g. 1s | 2m | 3h)`,
    )
  }
}

/** `about` says what was asked for, where the answer does not. */
export function statusError(status: number, bytes: Buffer, about = ''): Error {
  const text = bytes.toString()
  try {
    const body = parseJson(text).value as StatusObject
    if (body?.kind === 'Status') return StatusError.from({ ...body, code: body.code ?? status })
  } catch {
    // Not a Status: the text itself is the message.
  }
  return StatusError.from({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    code: status,
    ...fallbackOf(status, text.trim(), about),
  })
}

/** client-go's `NewGenericServerResponse` for answers that hold no Status. */
function fallbackOf(status: number, text: string, about: string): { reason?: string; message: string } {
  const known: Record<number, [string, string]> = {
    400: ['BadRequest', 'the server rejected our request for an unknown reason'],
    401: ['Unauthorized', 'the server has asked for the client to provide credentials'],
    403: ['Forbidden', text],
    404: ['NotFound', 'the server could not find the requested resource'],
    405: ['MethodNotAllowed', 'the server does not allow this method on the requested resource'],
    503: ['ServiceUnavailable', text || 'the server is currently unable to handle the request'],
  }
  const [reason, message] = known[status] ?? [
    undefined,
    text || `the server responded with the status code ${status} but did not return more information`,
  ]
  return { ...(reason && { reason }), message: about ? `${message} ${about}` : message }
}

/** `(patch pods web)`, as client-go names a request; '' where the path is not one of a resource. */
function requestText(method: string, path: string): string {
  const [, group = '', rest = ''] =
    /^\/(?:api|apis\/([^/]+))\/[^/]+\/(?:namespaces\/[^/]+\/(?=.))?(.+)$/.exec(path.split('?')[0] ?? '') ?? []
  const [plural, name] = rest.split('/')
  if (!plural) return ''
  return `(${method.toLowerCase()} ${group ? `${plural}.${group}` : plural}${name ? ` ${name}` : ''})`
}

export async function collect(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function resolveIn(cwd: string, path: string): string {
  return path.startsWith('/') ? path : join(cwd, path)
}
