/** kube-apiserver's flags that this server knows, as they stand in the file of `--config`: one `name: value` each. */
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parseDuration } from '#schema/go-time.ts'
import { parseYaml } from '#schema/yaml.ts'

export class ApiserverConfigError extends Error {}

type Sort = 'string' | 'file' | 'int' | 'number' | 'bool' | 'duration' | 'list'

/** Upstream's names and defaults. Durations are in milliseconds once they are read. */
const known = {
  'anonymous-auth': ['bool', true],
  'audit-log-batch-buffer-size': ['int', 10_000],
  'audit-log-batch-max-size': ['int', 1],
  'audit-log-batch-max-wait': ['duration', 0],
  'audit-log-batch-throttle-burst': ['int', 0],
  'audit-log-batch-throttle-enable': ['bool', false],
  'audit-log-batch-throttle-qps': ['number', 0],
  'audit-log-compress': ['bool', false],
  'audit-log-format': ['string', 'json'],
  'audit-log-maxage': ['int', 0],
  'audit-log-maxbackup': ['int', 0],
  'audit-log-maxsize': ['int', 0],
  'audit-log-mode': ['string', 'blocking'],
  'audit-log-path': ['file', ''],
  'audit-log-truncate-enabled': ['bool', false],
  'audit-log-truncate-max-batch-size': ['int', 10_485_760],
  'audit-log-truncate-max-event-size': ['int', 102_400],
  'audit-policy-file': ['file', ''],
  'audit-webhook-batch-buffer-size': ['int', 10_000],
  'audit-webhook-batch-max-size': ['int', 400],
  'audit-webhook-batch-max-wait': ['duration', 30_000],
  'audit-webhook-batch-throttle-burst': ['int', 15],
  'audit-webhook-batch-throttle-enable': ['bool', true],
  'audit-webhook-batch-throttle-qps': ['number', 10],
  'audit-webhook-config-file': ['file', ''],
  'audit-webhook-initial-backoff': ['duration', 10_000],
  'audit-webhook-mode': ['string', 'batch'],
  'audit-webhook-truncate-enabled': ['bool', false],
  'audit-webhook-truncate-max-batch-size': ['int', 10_485_760],
  'audit-webhook-truncate-max-event-size': ['int', 102_400],
  'authentication-config': ['file', ''],
  'authentication-token-webhook-cache-ttl': ['duration', 120_000],
  'authentication-token-webhook-config-file': ['file', ''],
  'authorization-config': ['file', ''],
  'authorization-mode': ['list', ['Node', 'RBAC']],
  'authorization-webhook-cache-authorized-ttl': ['duration', 300_000],
  'authorization-webhook-cache-unauthorized-ttl': ['duration', 30_000],
  'authorization-webhook-config-file': ['file', ''],
  'enable-priority-and-fairness': ['bool', true],
  'goaway-chance': ['number', 0],
  'max-mutating-requests-inflight': ['int', 200],
  'max-requests-inflight': ['int', 400],
  'min-request-timeout': ['int', 1800],
  'oidc-ca-file': ['file', ''],
  'oidc-client-id': ['string', ''],
  'oidc-groups-claim': ['string', ''],
  'oidc-groups-prefix': ['string', ''],
  'oidc-issuer-url': ['string', ''],
  'oidc-required-claim': ['list', []],
  'oidc-signing-algs': ['list', ['RS256']],
  'oidc-username-claim': ['string', 'sub'],
  'oidc-username-prefix': ['string', ''],
  'request-timeout': ['duration', 60_000],
  'shutdown-delay-duration': ['duration', 0],
  'token-auth-file': ['file', ''],
} as const satisfies Record<string, readonly [Sort, unknown]>

type Name = keyof typeof known
type ValueOf<S> = S extends 'int' | 'number' | 'duration'
  ? number
  : S extends 'bool'
    ? boolean
    : S extends 'list'
      ? readonly string[]
      : string
export type ApiserverFlags = { readonly [K in Name]: ValueOf<(typeof known)[K][0]> }

export interface ReadFlags {
  readonly flags: ApiserverFlags
  /** As `/flagz` shows them: those that were given among them. */
  readonly shown: Readonly<Record<string, string>>
}

/** Without a file: the defaults. Throws `ApiserverConfigError` on the first flag that is wrong. */
export function readApiserverFlags(path: string | undefined): ReadFlags {
  const given = path === undefined ? {} : documentOf(path)
  const flags: Record<string, unknown> = {}
  for (const [name, [, fallback]] of Object.entries(known)) flags[name] = fallback
  for (const [name, value] of Object.entries(given)) {
    const entry = known[name as Name]
    if (!entry) throw new ApiserverConfigError(`${path}: unknown flag ${name}`)
    flags[name] = parsed(name, entry[0], { value, base: dirname(path as string) })
  }
  const shown = Object.fromEntries(Object.entries(flags).map(([name, value]) => [name, textOf(name as Name, value)]))
  return { flags: flags as unknown as ApiserverFlags, shown }
}

function documentOf(path: string): Record<string, unknown> {
  let value: unknown
  try {
    value = parseYaml(readFileSync(path, 'utf8'), { file: path })[0]?.value ?? {}
  } catch (error) {
    throw new ApiserverConfigError(`${path}: ${(error as Error).message}`, { cause: error })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ApiserverConfigError(`${path}: want one "flag: value" on each line, such as "audit-policy-file: policy.yaml"`)
  }
  return value as Record<string, unknown>
}

function parsed(name: string, sort: Sort, { value, base }: { value: unknown; base: string }): unknown {
  const wrong = (what: string) =>
    new ApiserverConfigError(`invalid argument ${JSON.stringify(value)} for "--${name}" flag: ${what}`)
  const text = Array.isArray(value) ? value.join(',') : String(value)
  switch (sort) {
    case 'bool':
      if (text !== 'true' && text !== 'false') throw wrong('want true or false')
      return text === 'true'
    case 'int':
    case 'number': {
      const number = Number(text)
      if (text === '' || Number.isNaN(number) || (sort === 'int' && !Number.isInteger(number))) throw wrong('want a number')
      return number
    }
    case 'duration':
      try {
        return Number(parseDuration(text)) / 1e6
      } catch (error) {
        throw wrong((error as Error).message)
      }
    case 'list':
      return text === '' ? [] : text.split(',').map((part) => part.trim())
    case 'file':
      return text === '' || text === '-' ? text : resolve(base, text)
    default:
      return text
  }
}

function textOf(name: Name, value: unknown): string {
  if (Array.isArray(value)) return `[${value.join(',')}]`
  return known[name][0] === 'duration' ? `${(value as number) / 1000}s` : String(value)
}
