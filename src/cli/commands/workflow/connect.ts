/** The cluster of an environment, by the contexts of the kubeconfig. */
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { CommandError, type Terminal } from '#cli/command.ts'
import type { Client } from '#client/client.ts'
import { httpsTransport } from '#client/https-transport.ts'
import { accessOf, type Kubeconfig, mergeKubeconfigs, readKubeconfig } from '#client/kubeconfig.ts'
import { createClient } from '#client/typed-client.ts'
import { systemClock } from '#lib/clock.ts'
import { parseYaml } from '#schema/yaml.ts'
import type { LogOptions, PodStreams } from '#workflow/environment/target.ts'
import type { Project } from '#workflow/project/project.ts'
import type { WorkflowCall } from './open.ts'

export interface Connected {
  readonly client: Client
  readonly pods: PodStreams
  readonly namespace: string
  readonly context: string
}

export async function connect(call: WorkflowCall, project: Project, environment: 'staging' | 'production'): Promise<Connected> {
  const { terminal } = call
  const config = kubeconfigOf(terminal)
  const context = project.config[`${environment}-context`] ?? environment
  if (!config.contexts?.some(({ name }) => name === context)) {
    throw new CommandError(`The kubeconfig has no context "${context}".`, {
      next: [
        'nami configure --here   makes staging and production on the current cluster',
        `Or name one in hokusai/config.yml: ${environment}-context: NAME`,
      ],
    })
  }
  return connectTo(terminal, config, context)
}

/** `undefined` is the current context. */
export function connectTo(terminal: Terminal, config: Kubeconfig, wanted: string | undefined): Connected {
  const access = accessIn(config, wanted)
  const transport = httpsTransport({
    ...access.transportOptions({ clock: systemClock, environment: terminal.env }),
    userAgent: 'nami/v1.36.0',
  })
  const pods: PodStreams = {
    async *logs({ name, namespace }, options) {
      const path = `/api/v1/namespaces/${namespace}/pods/${name}/log?${logQuery(options)}`
      const answer = await transport.raw({ method: 'GET', path, headers: { accept: '*/*' }, signal: terminal.signal })
      if (answer.status >= 300) throw new Error(await text(answer.body))
      yield* answer.body as AsyncIterable<Uint8Array>
    },
    async attach({ name, namespace }) {
      const { kubectl } = await import('#cli/kubectl/run.ts')
      await kubectl(['attach', name, '-i', '-t', '--namespace', namespace, '--context', access.context], terminal)
    },
  }
  return { client: createClient(transport), pods, namespace: access.namespace, context: access.context }
}

function accessIn(config: Kubeconfig, wanted: string | undefined): ReturnType<typeof accessOf> {
  try {
    return accessOf(config, wanted)
  } catch (error) {
    throw new CommandError((error as Error).message, { next: ['nami kubeconfig', 'nami kubectl config view'], cause: error })
  }
}

function logQuery({ container, isFollowed, tail, hasTimestamps, isPrevious }: LogOptions): string {
  const given = { container, follow: isFollowed, tailLines: tail, timestamps: hasTimestamps, previous: isPrevious }
  const entries = Object.entries(given).filter(([, value]) => value !== undefined && value !== false)
  return new URLSearchParams(entries.map(([key, value]): [string, string] => [key, String(value)])).toString()
}

async function text(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  const answer = Buffer.concat(chunks).toString()
  try {
    return JSON.parse(answer).message ?? answer
  } catch {
    return answer
  }
}

/** In the order in which they count: KUBECONFIG, what `configure` fetched, the one in the home directory. */
export function kubeconfigPaths({ env, cwd }: Terminal): readonly string[] {
  const listed = env.KUBECONFIG?.split(':').filter(Boolean)
  if (listed?.length) return listed.map((path) => resolve(cwd, path))
  const home = env.HOME ?? homedir()
  const fetched = globalConfig(env)['kubeconfig-dir']
  return [...(fetched ? [join(fetched.replace(/^~/, home), 'config')] : []), join(home, '.kube/config')]
}

export function kubeconfigOf(terminal: Terminal): Kubeconfig {
  return mergeKubeconfigs(kubeconfigPaths(terminal).filter(existsSync).map(readKubeconfig))
}

export interface GlobalConfig {
  'kubeconfig-dir'?: string
  'kubeconfig-source-uri'?: string
  'kubectl-dir'?: string
  'kubectl-version'?: string
}

/** `~/.hokusai.yml`, or what HOKUSAI_GLOBAL_CONFIG names. */
export function globalConfig(env: Terminal['env']): GlobalConfig {
  const file = env.HOKUSAI_GLOBAL_CONFIG || join(env.HOME ?? homedir(), '.hokusai.yml')
  return existsSync(file) ? ((parseYaml(readFileSync(file, 'utf8'), { file })[0]?.value ?? {}) as GlobalConfig) : {}
}
