/** `--tracing-config-file`: a TracingConfiguration, and the tracer that it asks for (upstream `server/options/tracing.go`). */
import { readFileSync } from 'node:fs'
import { Tracer } from '#apiserver/tracing/tracer.ts'
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import { formatFieldError, root } from '#schema/field-error.ts'
import { parseYaml } from '#schema/yaml.ts'
import { ApiserverConfigError } from './apiserver-flags.ts'
import { otlpExporter } from './otlp-exporter.ts'

export interface TracingParts {
  readonly clock: Clock
  readonly random: Random
  readonly onError: (error: unknown, doing: string) => void
}

interface TracingConfig {
  readonly endpoint?: string
  readonly samplingRatePerMillion?: number
}

/** Throws `ApiserverConfigError` in upstream's words. */
export function tracerFrom(path: string, { clock, random, onError }: TracingParts): Tracer {
  const { endpoint = 'localhost:4317', samplingRatePerMillion = 0 } = readTracingConfig(path)
  const resource = { 'service.name': 'apiserver', 'service.instance.id': `apiserver-${random.uuid()}` }
  return new Tracer({ clock, random, onError, samplingRatePerMillion, exporter: otlpExporter({ endpoint, resource }) })
}

const versions = ['v1', 'v1beta1', 'v1alpha1'].map((version) => `apiserver.config.k8s.io/${version}`)

export function readTracingConfig(path: string): TracingConfig {
  const config = documentOf(path)
  const { apiVersion, kind, ...rest } = config as Record<string, unknown>
  const unable = (why: string) =>
    new ApiserverConfigError(`failed to read tracing config: unable to decode tracing configuration data: ${why}`)
  if (kind !== 'TracingConfiguration' || !versions.includes(String(apiVersion))) {
    const what = `no kind ${JSON.stringify(kind ?? '')} is registered for version ${JSON.stringify(apiVersion ?? '')}`
    throw unable(what)
  }
  const unknown = Object.keys(rest).find((name) => name !== 'endpoint' && name !== 'samplingRatePerMillion')
  if (unknown) throw unable(`strict decoding error: unknown field ${JSON.stringify(unknown)}`)
  const errors = problemsOf(rest).map(formatFieldError)
  if (errors.length === 0) return rest
  const text = errors.length === 1 ? errors[0] : `[${errors.join(', ')}]`
  throw new ApiserverConfigError(`failed to validate tracing configuration: ${text}`)
}

function documentOf(path: string): object {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const why = `unable to read tracing configuration from ${JSON.stringify(path)}: ${(error as Error).message}`
    throw new ApiserverConfigError(`failed to read tracing config: ${why}`, { cause: error })
  }
  const value = parseYaml(text, { file: path })[0]?.value
  return typeof value === 'object' && value !== null ? value : {}
}

function problemsOf({ endpoint, samplingRatePerMillion: rate }: TracingConfig) {
  const at = root.child('samplingRatePerMillion')
  const scheme = endpoint?.includes('//') ? endpoint.slice(0, endpoint.indexOf(':')) : 'dns'
  const advice = 'Options are none, dns, unix, or unix-abstract.  See https://github.com/grpc/grpc/blob/master/doc/naming.md'
  return [
    ...(rate !== undefined && rate < 0 ? [at.invalid(rate, 'sampling rate must be positive')] : []),
    ...(rate !== undefined && rate > 1_000_000
      ? [at.invalid(rate, 'sampling rate per million must be less than or equal to one million')]
      : []),
    ...(['dns', 'unix', 'unix-abstract'].includes(scheme)
      ? []
      : [root.child('endpoint').invalid(endpoint, `unsupported scheme: ${scheme}.  ${advice}`)]),
  ]
}
