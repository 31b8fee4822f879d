/**
 * How the API server identifies itself to admission webhooks: a kubeconfig whose users are named after the servers that they are for
 * (`WebhookAdmissionConfiguration`; upstream `webhook/config/kubeconfig.go` and `util/webhook/authentication.go`).
 */
import { dirname, isAbsolute, resolve } from 'node:path'
import { formatFieldError, root } from '#schema/field-error.ts'
import { parseYaml } from '#schema/yaml.ts'

/** What one webhook is shown. */
export interface Credentials {
  /** PEM. */
  readonly identity?: { readonly cert: string; readonly key: string } | undefined
  readonly headers: Readonly<Record<string, string | readonly string[]>>
}

/** `target`: `host:port`; for services `NAME.NAMESPACE.svc:PORT`. Throws where a file that the kubeconfig names cannot be read. */
export type CredentialsFor = (target: string) => Credentials

interface WebhookAdmission {
  readonly apiVersion?: unknown
  readonly kind?: unknown
  readonly kubeConfigFile?: unknown
  readonly staticManifestsDir?: unknown
}

interface Kubeconfig {
  readonly 'current-context'?: string
  readonly contexts?: readonly { readonly name?: string; readonly context?: { readonly user?: string } }[]
  readonly users?: readonly { readonly name?: string; readonly user?: UserEntry | null }[]
}

interface UserEntry {
  readonly 'client-certificate'?: string
  readonly 'client-certificate-data'?: string
  readonly 'client-key'?: string
  readonly 'client-key-data'?: string
  readonly token?: string
  readonly tokenFile?: string
  readonly username?: string
  readonly password?: string
  readonly as?: string
  readonly 'as-uid'?: string
  readonly 'as-groups'?: readonly string[]
  readonly 'as-user-extra'?: Readonly<Record<string, readonly string[]>>
}

type ReadFile = (path: string) => string

const anonymous: Credentials = { headers: {} }

/** Undefined where nothing is configured: webhooks are asked without saying who asks. Throws where the configuration makes no sense. */
export function credentialsFrom(configuration: WebhookAdmission | undefined, readFile: ReadFile): CredentialsFor | undefined {
  if (configuration === undefined) return undefined
  const { apiVersion, kind, kubeConfigFile: file, staticManifestsDir } = configuration
  if (apiVersion !== 'apiserver.config.k8s.io/v1' || kind !== 'WebhookAdmissionConfiguration') {
    throw new Error(`no kind ${JSON.stringify(kind ?? '')} is registered for version ${JSON.stringify(apiVersion ?? '')}`)
  }
  if (staticManifestsDir) {
    const why = 'staticManifestsDir requires the ManifestBasedAdmissionControlConfig feature gate to be enabled'
    throw new Error(formatFieldError(root.child('staticManifestsDir').forbidden(why)))
  }
  if (file === undefined || file === '') return undefined
  if (typeof file !== 'string' || !isAbsolute(file)) {
    throw new Error(formatFieldError(root.child('kubeConfigFile').invalid(file, 'must be an absolute file path')))
  }
  return credentialsIn((parseYaml(readFile(file), { file })[0]?.value ?? {}) as Kubeconfig, (path) =>
    readFile(resolve(dirname(file), path)),
  )
}

function credentialsIn(config: Kubeconfig, read: ReadFile): CredentialsFor {
  const users = new Map((config.users ?? []).map(({ name, user }) => [name, user ?? {}]))
  const current = config.contexts?.find(({ name }) => name && name === config['current-context'])?.context?.user
  return (target) => {
    const name = [...namesFor(target), '*', current].find((one) => users.has(one))
    const user = users.get(name)
    return user ? credentialsOf(user, read) : anonymous
  }
}

/** The names that a user for this server may have, the best first; the usual port may be left out. */
function namesFor(target: string): string[] {
  const host = /^(?:\[(.+)\]|([^:]+)):443$/.exec(target)
  const names = [target, ...(host ? [(host[1] ?? host[2]) as string] : [])]
  return names.flatMap((name) => {
    const steps = name.split('.')
    return [name, ...steps.slice(1).map((_, i) => `*.${steps.slice(i + 1).join('.')}`)]
  })
}

/** Files are read at each call: tokens and certificates in them are replaced while the server runs. */
function credentialsOf(user: UserEntry, read: ReadFile): Credentials {
  const pem = (data: string | undefined, path: string | undefined) =>
    data ? Buffer.from(data, 'base64').toString('utf8') : path ? read(path) : undefined
  const cert = pem(user['client-certificate-data'], user['client-certificate'])
  const key = pem(user['client-key-data'], user['client-key'])
  const headers = { ...authorization(user, read), ...impersonation(user) }
  return { headers, ...(cert && key && { identity: { cert, key } }) }
}

function authorization({ token, tokenFile, username, password = '' }: UserEntry, read: ReadFile): Credentials['headers'] {
  const bearer = tokenFile ? tokenIn(tokenFile, read, token) : token
  if (bearer) return { authorization: `Bearer ${bearer}` }
  if (!username && !password) return {}
  return { authorization: `Basic ${Buffer.from(`${username ?? ''}:${password}`).toString('base64')}` }
}

/** The other token serves while the file cannot be read. */
function tokenIn(file: string, read: ReadFile, other: string | undefined): string {
  try {
    return read(file).trim()
  } catch (error) {
    if (!other) throw error
    return other
  }
}

function impersonation(user: UserEntry): Credentials['headers'] {
  if (!user.as) return {}
  const { 'as-uid': uid, 'as-groups': groups = [], 'as-user-extra': extra = {} } = user
  const extras = Object.entries(extra).map(([key, values]) => [`Impersonate-Extra-${encodeURIComponent(key)}`, values] as const)
  return {
    'Impersonate-User': user.as,
    ...(uid && { 'Impersonate-Uid': uid }),
    ...(groups.length > 0 && { 'Impersonate-Group': groups }),
    ...Object.fromEntries(extras),
  }
}
