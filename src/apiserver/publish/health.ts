/** `/healthz`, `/livez`, `/readyz` with a path per check, and `/version` (upstream `server/healthz`). */
import type { Response, Stage } from '../request.ts'
import { samples } from './exposition.ts'

/** Answers what is wrong, or nothing. */
export interface HealthCheck {
  /** May hold slashes: `poststarthook/rbac/bootstrap-roles`. */
  readonly name: string
  /** Which of the three ask it; `healthz` asks what `livez` asks as well. */
  readonly for: readonly ('healthz' | 'livez' | 'readyz')[]
  check(): string | undefined | Promise<string | undefined>
}

/** Say nothing but that the server answers. */
const always: readonly HealthCheck[] = ['ping', 'log'].map((name) => ({ name, for: ['livez', 'readyz'], check: () => undefined }))

const endpoints = ['healthz', 'livez', 'readyz'] as const
type Endpoint = (typeof endpoints)[number]

/** How each check went, for `/metrics/slis`. */
export interface HealthLog {
  noted(endpoint: Endpoint, name: string, isFine: boolean): void
  lines(): string[]
}

export function healthLog(): HealthLog {
  const states = new Map<string, { type: Endpoint; name: string; isFine: boolean; success: number; error: number }>()
  return {
    noted(type, name, isFine) {
      const key = `${type}/${name}`
      let state = states.get(key)
      if (!state) states.set(key, (state = { type, name, isFine, success: 0, error: 0 }))
      state.isFine = isFine
      state[isFine ? 'success' : 'error']++
    },
    lines() {
      const all = [...states.values()]
      const now = all.map(({ type, name, isFine }) => [{ name, type }, isFine ? 1 : 0] as const)
      const total = all.flatMap(({ type, name, ...counts }) =>
        (['error', 'success'] as const)
          .filter((status) => counts[status] > 0)
          .map((status) => [{ name, status, type }, counts[status]] as const),
      )
      return [
        ...samples(['kubernetes_healthcheck', 'gauge', '[STABLE] This metric records the result of a single healthcheck.'], now),
        ...samples(
          ['kubernetes_healthchecks_total', 'counter', '[STABLE] This metric records the results of all healthcheck.'],
          total,
        ),
      ]
    },
  }
}

export function health(checks: readonly HealthCheck[], log?: HealthLog): Stage {
  const all = [...always, ...checks]
  return (request, next) => {
    const [, first = '', ...rest] = request.path.split('/')
    const endpoint = endpoints.find((one) => one === first)
    if (!endpoint || !['GET', 'HEAD'].includes(request.method)) return next(request)
    const asked = all.filter((check) => check.for.includes(endpoint) || (endpoint === 'healthz' && check.for.includes('livez')))
    const name = rest.join('/')
    if (name) {
      const one = asked.find((check) => check.name === name)
      return one ? answerOne(one) : next(request)
    }
    const { query } = request
    return answerAll(asked, { endpoint, log, excluded: new Set(query.getAll('exclude')), isVerbose: query.has('verbose') })
  }
}

async function answerOne({ check }: HealthCheck): Promise<Response> {
  const wrong = await check()
  return wrong === undefined ? text(200, 'ok') : text(500, `internal server error: ${wrong}\n`)
}

interface Question {
  readonly endpoint: Endpoint
  readonly log: HealthLog | undefined
  readonly excluded: ReadonlySet<string>
  readonly isVerbose: boolean
}

async function answerAll(checks: readonly HealthCheck[], { endpoint, log, excluded, isVerbose }: Question): Promise<Response> {
  const lines: string[] = []
  let isFine = true
  for (const { name, check } of checks) {
    if (excluded.has(name)) {
      lines.push(`[+]${name} excluded: ok`)
      continue
    }
    const wrong = await check()
    log?.noted(endpoint, name, wrong === undefined)
    if (wrong !== undefined) isFine = false
    lines.push(wrong === undefined ? `[+]${name} ok` : `[-]${name} failed: reason withheld`)
  }
  const unknown = [...excluded].filter((name) => !checks.some((check) => check.name === name))
  if (unknown.length > 0) {
    const names = unknown.map((name) => JSON.stringify(name)).join(',')
    lines.push(`warn: some health checks cannot be excluded: no matches for ${names}`)
  }
  if (isFine) return text(200, isVerbose ? `${lines.join('\n')}\n${endpoint} check passed\n` : 'ok')
  return text(500, `${lines.join('\n')}\n${endpoint} check failed\n`)
}

function text(status: number, body: string): Response {
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' }
  return { type: 'bytes', status, bytes: Buffer.from(body), headers }
}

/** `version.Info`. */
export function version(gitVersion: string, platform: string): Stage {
  const info = {
    major: '1',
    minor: '36',
    emulationMajor: '1',
    emulationMinor: '36',
    minCompatibilityMajor: '1',
    minCompatibilityMinor: '35',
    gitVersion,
    gitCommit: '',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: '',
    compiler: 'node',
    platform,
  }
  const bytes = Buffer.from(`${JSON.stringify(info, null, 2)}`)
  return (request, next) => {
    if (request.path !== '/version' && request.path !== '/version/') return next(request)
    return { type: 'bytes', status: 200, bytes, headers: { 'content-type': 'application/json' } }
  }
}
