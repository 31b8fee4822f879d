/** What of a cluster runs, and how well. */
import type { Node } from '#api/core/v1/node.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { serverOf } from './ask-server.ts'
import { runningPid } from './containerd-process.ts'
import { type DataDirectory, loadConfig } from './data-directory.ts'
import { findProcess, type ProcessName } from './processes.ts'
import { storeProblem } from './store-problem.ts'

export interface ClusterStatus {
  readonly exists: boolean
  readonly path: string
  readonly name: string
  readonly isHealthy: boolean
  readonly processes: readonly { readonly name: string; readonly pid: number | undefined }[]
  /** `ready`, or why not. */
  readonly api: string
  /** `sound`, or what is wrong with the state. */
  readonly store: string
  readonly nodes: readonly { readonly name: string; readonly ready: string; readonly pods: number }[]
}

export async function inspect(directory: DataDirectory): Promise<ClusterStatus> {
  const config = loadConfig(directory)
  const base = { path: directory.path, name: config?.name ?? '' }
  if (!config) return { ...base, exists: false, isHealthy: false, processes: [], api: 'none', store: 'none', nodes: [] }
  const names: ProcessName[] = config.agent ? ['supervisor', 'server', 'agent'] : ['supervisor', 'server']
  const processes = [
    ...names.map((name) => ({ name: name as string, pid: findProcess(directory, name) })),
    ...(config.agent ? [{ name: 'containerd', pid: runningPid(directory.containerd) }] : []),
  ]
  const { api, nodes } = await askApi(directory)
  const store = storeProblem(directory)?.message ?? 'sound'
  const isRunning = processes.every(({ pid }) => pid !== undefined)
  const isHealthy = isRunning && api === 'ready' && store === 'sound' && nodes.every(({ ready }) => ready === 'ready')
  return { ...base, exists: true, isHealthy, processes, api, store, nodes }
}

async function askApi(directory: DataDirectory): Promise<Pick<ClusterStatus, 'api' | 'nodes'>> {
  const ask = serverOf(directory)
  if (!ask) return { api: 'was never started', nodes: [] }
  try {
    const [nodes, pods] = await Promise.all([ask<{ items: Node[] }>('/api/v1/nodes'), ask<{ items: Pod[] }>('/api/v1/pods')])
    return {
      api: 'ready',
      nodes: nodes.items.map(({ metadata, status }) => ({
        name: metadata.name,
        ready: readiness(status.conditions),
        pods: pods.items.filter(({ spec }) => spec.nodeName === metadata.name).length,
      })),
    }
  } catch (error) {
    return { api: `does not answer (${(error as Error).message})`, nodes: [] }
  }
}

function readiness(conditions: Node['status']['conditions']): string {
  const ready = conditions?.find(({ type }) => type === 'Ready')
  return ready?.status === 'True' ? 'ready' : `not ready (${ready?.message || ready?.reason || 'never reported'})`
}
