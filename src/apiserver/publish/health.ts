/** `/healthz`, `/livez`, `/readyz` with a path per check, and `/version`. */
import type { Response, Stage } from '../request.ts'

/** Answers what is wrong, or nothing. */
export interface HealthCheck {
  readonly name: string
  /** Which of the three ask it; `healthz` always does. */
  readonly for: readonly ('livez' | 'readyz')[]
  check(): string | undefined | Promise<string | undefined>
}

/** `ping` says nothing but that the server answers. */
const ping: HealthCheck = { name: 'ping', for: ['livez', 'readyz'], check: () => undefined }

export function health(checks: readonly HealthCheck[]): Stage {
  const all = [ping, ...checks]
  return (request, next) => {
    const [, endpoint = '', name, ...more] = request.path.split('/')
    if (!['healthz', 'livez', 'readyz'].includes(endpoint) || more.length > 0 || !['GET', 'HEAD'].includes(request.method))
      return next(request)
    const asked = all.filter((check) => endpoint === 'healthz' || check.for.includes(endpoint as 'livez'))
    if (name) {
      const one = asked.find((check) => check.name === name)
      return one ? answer(endpoint, [one], { excluded: [], isVerbose: false }) : next(request)
    }
    return answer(endpoint, asked, { excluded: request.query.getAll('exclude'), isVerbose: request.query.has('verbose') })
  }
}

async function answer(
  endpoint: string,
  checks: readonly HealthCheck[],
  { excluded, isVerbose }: { excluded: readonly string[]; isVerbose: boolean },
): Promise<Response> {
  const lines: string[] = []
  let isFine = true
  for (const { name, check } of checks) {
    if (excluded.includes(name)) {
      lines.push(`[+]${name} excluded: ok`)
      continue
    }
    const wrong = await check()
    if (wrong !== undefined) isFine = false
    lines.push(wrong === undefined ? `[+]${name} ok` : `[-]${name} failed: reason withheld`)
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
