/** `/statusz` and `/flagz`: what this server is, and how it was started (KEP-4827, KEP-4828), as text or as objects. */
import { defaultGates, type FeatureGates } from '#api/feature-gates.ts'
import { type Clock, formatTime } from '#lib/clock.ts'
import type { Request, Response, Stage } from '../request.ts'

export interface ZpagesOptions {
  readonly clock: Clock
  readonly gitVersion: string
  /** Names and values; none may be secret. */
  readonly flags: Readonly<Record<string, string>>
  /** Paths to show. */
  readonly paths?: readonly string[]
  /** Default: as 1.36 has them. */
  readonly gates?: FeatureGates | undefined
}

const warning = `Warning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for debugging purposes only.`

export function zpages({ clock, gitVersion, flags, paths = [], gates = defaultGates }: ZpagesOptions): Stage {
  const startedAt = clock.now()
  return (request, next) => {
    if (request.path === '/flagz' && gates.isOn('ComponentFlagz')) return answer(request, 'Flagz', { flags }, flagzText(flags))
    if (request.path !== '/statusz' || !gates.isOn('ComponentStatusz')) return next(request)
    const upTimeSeconds = Math.floor((clock.now() - startedAt) / 1000)
    const started = formatTime(startedAt)
    const status = {
      startTime: started,
      uptimeSeconds: upTimeSeconds,
      goVersion: process.version,
      binaryVersion: gitVersion,
      emulationVersion: '1.36',
      paths,
    }
    return answer(request, 'Statusz', status, statuszText({ started, upTimeSeconds, gitVersion, paths }))
  }
}

/** As an object for who asks for that by `as=Statusz`; text for everybody else. */
function answer({ headers }: Request, kind: string, content: object, page: string): Response {
  const accept = headers.accept ?? ''
  const version = accept.includes('v=v1beta1') ? 'v1beta1' : 'v1alpha1'
  if (accept.includes(`as=${kind}`) && accept.includes('g=config.k8s.io')) {
    const object = { kind, apiVersion: `config.k8s.io/${version}`, metadata: { name: 'kube-apiserver' }, ...content }
    return bytes(`${JSON.stringify(object)}\n`, 'application/json')
  }
  return bytes(page, 'text/plain; charset=utf-8')
}

function bytes(text: string, type: string): Response {
  return { type: 'bytes', status: 200, bytes: Buffer.from(text), headers: { 'content-type': type } }
}

function flagzText(flags: Readonly<Record<string, string>>): string {
  const lines = Object.entries(flags)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
  return `\nkube-apiserver flagz\n${warning}\n${lines.join('\n')}\n`
}

interface Facts {
  readonly started: string
  readonly upTimeSeconds: number
  readonly gitVersion: string
  readonly paths: readonly string[]
}

function statuszText({ started, upTimeSeconds, gitVersion, paths }: Facts): string {
  const [hours, minutes, seconds] = [Math.floor(upTimeSeconds / 3600), Math.floor(upTimeSeconds / 60) % 60, upTimeSeconds % 60]
  const lines = [
    `Started: ${started}`,
    `Up: ${hours} hr ${String(minutes).padStart(2, '0')} min ${String(seconds).padStart(2, '0')} sec`,
    `Go version: ${process.version}`,
    `Binary version: ${gitVersion}`,
    `Emulation version: 1.36`,
    ...(paths.length > 0 ? [`Paths: ${paths.join(' ')}`] : []),
  ]
  return `\nkube-apiserver statusz\n${warning}\n\n${lines.join('\n')}\n`
}
