/** GET and list of `metrics.k8s.io`: what nodes and pods use, as metrics-server answers it. */
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { type NodeMetrics, NodeMetrics as NodeMetricsKind } from '#api/metrics/v1beta1/node-metrics.ts'
import { type PodMetrics, PodMetrics as PodMetricsKind } from '#api/metrics/v1beta1/pod-metrics.ts'
import { formatTime } from '#lib/clock.ts'
import type { KubeObject } from '#schema/kind.ts'
import { formatQuantity } from '#schema/quantity.ts'
import { notFound } from '#schema/status-error.ts'
import type { Request, Response } from '../../request.ts'
import type { Registry } from '../registry.ts'
import { NodeUsage, type NodeUse, summaryOver, type Use } from './node-usage.ts'

const usages = new WeakMap<Registry, NodeUsage>()

/** Nodes that do not answer, and pods of which nothing is known yet, are left out of lists and not found by name. */
export async function readNodeMetrics(registry: Registry, request: Request): Promise<Response> {
  const { name, verb } = request.info
  const { items } = await registry.client.list(Node, selection(request, undefined))
  const found = await Promise.all(
    items
      .filter((node) => !name || node.metadata.name === name)
      .map(async (node) => nodeMetrics(node, await useOf(registry, node.metadata.name))),
  )
  const known = found.filter((one) => one !== undefined)
  if (verb === 'list') return listed('NodeMetricsList', NodeMetricsKind.apiVersion, known)
  if (!known[0]) throw notFound({ group: 'metrics.k8s.io', plural: 'nodemetrics' }, name)
  return { type: 'object', status: 200, object: known[0] }
}

export async function readPodMetrics(registry: Registry, request: Request): Promise<Response> {
  const { name, namespace, verb } = request.info
  const { items } = await registry.client.list(Pod, selection(request, namespace || undefined))
  const wanted = items.filter(
    ({ metadata, spec, status }) => (!name || metadata.name === name) && spec.nodeName && status.phase === 'Running',
  )
  const nodes = [...new Set(wanted.map(({ spec }) => spec.nodeName ?? ''))]
  const uses = new Map(await Promise.all(nodes.map(async (node) => [node, await useOf(registry, node)] as const)))
  const known = wanted.map((pod) => podMetrics(pod, uses.get(pod.spec.nodeName ?? ''))).filter((one) => one !== undefined)
  if (verb === 'list') return listed('PodMetricsList', PodMetricsKind.apiVersion, known)
  if (!known[0]) throw notFound({ group: 'metrics.k8s.io', plural: 'podmetrics' }, `${namespace}/${name}`)
  return { type: 'object', status: 200, object: known[0] }
}

function useOf(registry: Registry, node: string): Promise<NodeUse | undefined> {
  const { nodeDialer, clock } = registry
  if (!nodeDialer) return Promise.resolve(undefined)
  let usage = usages.get(registry)
  if (!usage) usages.set(registry, (usage = new NodeUsage(clock, summaryOver(nodeDialer))))
  return usage.of(node)
}

function selection({ query }: Request, namespace: string | undefined) {
  const labelSelector = query.get('labelSelector') ?? ''
  const fieldSelector = query.get('fieldSelector') ?? ''
  return { ...(namespace && { namespace }), ...(labelSelector && { labelSelector }), ...(fieldSelector && { fieldSelector }) }
}

function nodeMetrics({ metadata }: Node, use: NodeUse | undefined): NodeMetrics | undefined {
  if (!use) return undefined
  return { ...head('NodeMetrics', metadata, use), usage: amounts(use.node) } as NodeMetrics
}

/** All containers, or the sum would be wrong. */
export function podMetrics({ metadata, status }: Pod, use: NodeUse | undefined): PodMetrics | undefined {
  const found = use?.pods.get(metadata.uid)
  if (!use || !found) return undefined
  const running = (status.containerStatuses ?? []).filter(({ state }) => state?.running)
  if (running.some(({ name }) => !found.has(name))) return undefined
  const containers = [...found].map(([name, one]) => ({ name, usage: amounts(one) }))
  return { ...head('PodMetrics', metadata, use), containers } as PodMetrics
}

function head(kind: string, { name, namespace, labels }: KubeObject['metadata'], { at, windowMs }: NodeUse) {
  const metadata = { name, ...(namespace && { namespace }), creationTimestamp: formatTime(at), ...(labels && { labels }) }
  return { kind, apiVersion: 'metrics.k8s.io/v1beta1', metadata, timestamp: formatTime(at), window: `${windowMs / 1000}s` }
}

function amounts({ cpuNanos, memoryBytes }: Use): Record<string, string> {
  const cpu = formatQuantity({ unscaled: BigInt(cpuNanos), scale: -9, format: 'DecimalSI' })
  return { cpu, memory: formatQuantity({ unscaled: BigInt(Math.round(memoryBytes)), scale: 0, format: 'BinarySI' }) }
}

function listed(kind: string, apiVersion: string, items: readonly KubeObject[]): Response {
  return { type: 'object', status: 200, object: { kind, apiVersion, metadata: {}, items } }
}
