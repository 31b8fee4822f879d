/** The three metrics APIs as an autoscaler reads them (upstream `podautoscaler/metrics`). All amounts are in thousandths. */
import type { Client } from '#client/client.ts'
import { milliValue } from '#schema/quantity.ts'
import { hasReason } from '#schema/status-error.ts'
import type { PodMetric } from './replica-calculator.ts'

interface ContainerUsage {
  readonly name: string
  readonly usage?: Readonly<Record<string, string>>
}

interface Items<T> {
  readonly items?: readonly T[]
}

interface PodUsage {
  readonly metadata: { readonly name: string; readonly namespace?: string }
  readonly timestamp: string
  readonly window?: string
  readonly containers?: readonly ContainerUsage[]
}

interface CustomValue {
  readonly describedObject?: { readonly name?: string }
  readonly timestamp?: string
  readonly windowSeconds?: number
  /** As v1beta1 has it. */
  readonly window?: number
  readonly value: string
}

export interface MetricSource {
  readonly client: Client
  readonly namespace: string
}

/** Of whole pods, or of the container of that name in each. */
export async function resourceMetrics(
  { client, namespace }: MetricSource,
  { selector, resource, container }: { selector: string; resource: string; container?: string | undefined },
): Promise<Map<string, PodMetric>> {
  const items = await fetchItems<PodUsage>('resource metrics API', () =>
    client.transport.request({
      verb: 'list',
      resource: { group: 'metrics.k8s.io', version: 'v1beta1', plural: 'pods' },
      namespace,
      query: { labelSelector: selector },
    }),
  )
  const found = new Map<string, PodMetric>()
  for (const { metadata, timestamp, window = '', containers = [] } of items) {
    const own = container === undefined ? containers : containers.filter(({ name }) => name === container)
    if (container !== undefined && own.length === 0) {
      throw new Error(`container ${container} not present in metrics for pod ${namespace}/${metadata.name}`)
    }
    const usages = own.map(({ usage }) => usage?.[resource])
    // One container that is not known makes the sum worthless.
    if (usages.length === 0 || usages.includes(undefined)) continue
    const value = usages.reduce((sum, usage) => sum + milliValue(usage ?? '0'), 0)
    found.set(metadata.name, { value, at: Date.parse(timestamp), window: durationOf(window) })
  }
  return found
}

export async function podsMetric(
  { client, namespace }: MetricSource,
  { metric, selector, metricSelector }: { metric: string; selector: string; metricSelector: string },
): Promise<Map<string, PodMetric>> {
  const items = await fetchItems<CustomValue>('custom metrics API', () =>
    askCustom(client, {
      ...{ plural: 'pods', namespace, name: '*', subresource: metric },
      query: { labelSelector: selector, ...(metricSelector && { metricLabelSelector: metricSelector }) },
    }),
  )
  return new Map(
    items.map(({ describedObject, value, timestamp = '', window = 60, windowSeconds = window }) => [
      describedObject?.name ?? '',
      { value: milliValue(value), at: Date.parse(timestamp), window: windowSeconds * 1000 },
    ]),
  )
}

export interface Described {
  /** `services`, `ingresses.networking.k8s.io`. */
  readonly resource: string
  readonly name: string
  readonly namespaced: boolean
}

export async function objectMetric(
  { client, namespace }: MetricSource,
  { metric, described, metricSelector }: { metric: string; described: Described; metricSelector: string },
): Promise<number> {
  const { resource, name, namespaced } = described
  const isNamespace = resource === 'namespaces'
  const items = await fetchItems<CustomValue>('custom metrics API', () =>
    askCustom(client, {
      plural: isNamespace ? 'metrics' : resource,
      ...(namespaced || isNamespace ? { namespace: isNamespace ? name : namespace } : {}),
      ...(isNamespace ? { name: metric } : { name, subresource: metric }),
      query: { ...(metricSelector && { metricLabelSelector: metricSelector }) },
    }),
  )
  return milliValue(items[0]?.value ?? '0')
}

/** The sum of all series of that name and those labels. */
export async function externalMetric(
  { client, namespace }: MetricSource,
  { metric, metricSelector }: { metric: string; metricSelector: string },
): Promise<number> {
  const items = await fetchItems<CustomValue>('external metrics API', () =>
    client.transport.request({
      verb: 'list',
      resource: { group: 'external.metrics.k8s.io', version: 'v1beta1', plural: metric },
      namespace,
      query: { ...(metricSelector && { labelSelector: metricSelector }) },
    }),
  )
  return items.reduce((sum, { value }) => sum + milliValue(value), 0)
}

interface CustomCall {
  readonly plural: string
  readonly namespace?: string
  readonly name: string
  readonly subresource?: string
  readonly query: Readonly<Record<string, string>>
}

/** Adapters serve one of two versions, or both. */
async function askCustom(client: Client, { plural, ...call }: CustomCall): Promise<unknown> {
  const ask = (version: string) =>
    client.transport.request({ verb: 'get', resource: { group: 'custom.metrics.k8s.io', version, plural }, ...call })
  try {
    return await ask('v1beta2')
  } catch (error) {
    if (!hasReason(error, 'NotFound')) throw error
    return ask('v1beta1').catch((second) => {
      throw hasReason(second, 'NotFound') ? error : second
    })
  }
}

async function fetchItems<T>(api: string, ask: () => Promise<unknown>): Promise<readonly T[]> {
  let items: readonly T[] | undefined
  try {
    items = ((await ask()) as Items<T>).items
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new Error(`unable to fetch metrics from ${api}: ${why}`, { cause: error })
  }
  if (!items?.length) throw new Error(`no metrics returned from ${api}`)
  return items
}

const units: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1, us: 1e-3, µs: 1e-3, ns: 1e-6 }

/** A Go duration, `1m30s`, in milliseconds. */
export function durationOf(text: string): number {
  const parts = text.matchAll(/(\d+(?:\.\d+)?)(h|ms|us|µs|ns|m|s)/g)
  return [...parts].reduce((sum, [, value, unit]) => sum + Number(value) * (units[unit ?? ''] ?? 0), 0)
}
