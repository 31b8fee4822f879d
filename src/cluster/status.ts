/** What of a cluster runs, and how well. */
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { administrator } from './administrator.ts'
import { runningPid } from './containerd.ts'
import { type DataDirectory, loadConfig } from './data-directory.ts'
import { findProcess, type ProcessName } from './processes.ts'

export interface ClusterStatus {
  readonly exists: boolean
  readonly path: string
  readonly name: string
  readonly isHealthy: boolean
  readonly processes: readonly { readonly name: string; readonly pid: number | undefined }[]
  /** `ready`, or why not. */
  readonly api: string
  readonly nodes: readonly { readonly name: string; readonly ready: string; readonly pods: number }[]
}

export async function inspect(directory: DataDirectory): Promise<ClusterStatus> {
  const config = loadConfig(directory)
  const base = { path: directory.path, name: config?.name ?? '' }
  if (!config) return { ...base, exists: false, isHealthy: false, processes: [], api: 'none', nodes: [] }
  const names: ProcessName[] = config.agent ? ['supervisor', 'server', 'agent'] : ['supervisor', 'server']
  const processes = [
    ...names.map((name) => ({ name: name as string, pid: findProcess(directory, name) })),
    ...(config.agent ? [{ name: 'containerd', pid: runningPid(directory.containerd) }] : []),
  ]
  const { api, nodes } = await askApi(directory)
  const isHealthy =
    processes.every(({ pid }) => pid !== undefined) && api === 'ready' && nodes.every(({ ready }) => ready === 'ready')
  return { ...base, exists: true, isHealthy, processes, api, nodes }
}

async function askApi(directory: DataDirectory): Promise<Pick<ClusterStatus, 'api' | 'nodes'>> {
  const client = await administrator(directory)
  if (!client) return { api: 'was never started', nodes: [] }
  const signal = AbortSignal.timeout(3_000)
  try {
    const [nodes, pods] = await Promise.all([client.list(Node, { signal }), client.list(Pod, { signal })])
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
  } finally {
    await client.close()
  }
}

function readiness(conditions: Node['status']['conditions']): string {
  const ready = conditions?.find(({ type }) => type === 'Ready')
  return ready?.status === 'True' ? 'ready' : `not ready (${ready?.message || ready?.reason || 'never reported'})`
}
