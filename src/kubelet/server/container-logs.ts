/** `/containerLogs/{namespace}/{pod}/{container}`: what `kubectl logs` shows. */
import { access } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import type { Clock } from '#lib/clock.ts'
import type { Runtime } from '../cri/runtime.ts'
import { AgentError, checkContainerName, containerForLogs, findPod, type PodLookup } from './find-container.ts'
import { type LogOptions, readLogs } from './log-reader.ts'

export interface LogContext extends PodLookup {
  readonly runtime: Runtime
  readonly clock: Clock
}

export interface LogTarget {
  readonly namespace: string
  readonly pod: string
  readonly container: string
}

export async function serveContainerLogs(
  context: LogContext,
  target: LogTarget,
  { response, query }: { response: ServerResponse; query: URLSearchParams },
): Promise<void> {
  const { runtime, clock } = context
  const { previous, ...options } = parseLogOptions(query, clock.now())
  const pod = findPod(context, target.namespace, target.pod)
  checkContainerName(pod, target.container)
  const id = containerForLogs(pod, target.container, previous)
  const status = await runtime.containerStatus(id)
  if (!status) throw new AgentError(400, `unable to retrieve container logs for containerd://${id}`)
  await access(status.logPath).catch((error) => {
    const text = `failed to try resolving symlinks in path "${status.logPath}": lstat ${status.logPath}: no such file or directory`
    throw new AgentError(400, text, { cause: error })
  })
  const stop = new AbortController()
  response.on('close', () => stop.abort())
  response.writeHead(200, { 'Content-Type': 'text/plain' })
  response.flushHeaders()
  await readLogs(status.logPath, options, {
    clock,
    signal: stop.signal,
    isRunning: async () => (await runtime.containerStatus(id))?.state === 'running',
    write: (chunk) => send(response, chunk),
  }).catch((error) => {
    if (!stop.signal.aborted) response.write(`failed to read log file "${status.logPath}": ${error.message}`)
  })
  response.end()
}

/** Query parameters of `PodLogOptions`. */
export function parseLogOptions(query: URLSearchParams, now: number): LogOptions & { previous: boolean } {
  const flag = (name: string) => ['true', '1', 'True', 'TRUE', 't', 'T'].includes(query.get(name) ?? '')
  const tailLines = whole(query, 'tailLines', 0)
  const limitBytes = whole(query, 'limitBytes', 1)
  const sinceSeconds = whole(query, 'sinceSeconds', 1)
  const sinceTime = query.get('sinceTime')
  const stream = { Stdout: 'stdout', Stderr: 'stderr' }[query.get('stream') ?? ''] as LogOptions['stream']
  const since = sinceSeconds !== undefined ? now - sinceSeconds * 1000 : sinceTime ? Date.parse(sinceTime) : undefined
  if (Number.isNaN(since)) throw new AgentError(400, '{"message": "Unable to decode query."}')
  return {
    follow: flag('follow'),
    timestamps: flag('timestamps'),
    previous: flag('previous'),
    ...(tailLines !== undefined && { tailLines }),
    ...(limitBytes !== undefined && { limitBytes }),
    ...(since !== undefined && { since }),
    ...(stream && { stream }),
  }
}

function whole(query: URLSearchParams, name: string, least: number): number | undefined {
  const text = query.get(name)
  if (text === null || text === '') return undefined
  if (!/^-?\d+$/.test(text)) throw new AgentError(400, '{"message": "Unable to decode query."}')
  if (Number(text) < least) throw new AgentError(422, '{"message": "Invalid request."}')
  return Number(text)
}

function send(response: ServerResponse, chunk: Buffer): Promise<void> | void {
  if (response.destroyed || response.write(chunk)) return
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.on('drain', done)
    response.on('close', done)
  })
}
