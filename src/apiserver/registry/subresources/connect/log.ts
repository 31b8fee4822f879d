/** `pods/log`: a container's output, streamed from the agent of its node. */
import type { Pod } from '#api/core/v1/pod.ts'
import type { Request, Response } from '../../../request.ts'
import type { Registry } from '../../registry.ts'
import { askBackend, type BackendAnswer, chunksOf, textOf } from './backend.ts'
import { chooseContainer, podOf } from './containers.ts'
import { dialNode, plainError } from './dial.ts'
import { parseLogOptions } from './log-options.ts'
import { asksForSocket, sendOverSocket } from './log-socket.ts'
import { refusalOf } from './refusal.ts'

const plainText = { 'content-type': 'text/plain' }
/** How much of a refusal is read (`maxReadLength`). */
const longestRefusal = 50_000

export async function podLog(registry: Registry, request: Request): Promise<Response> {
  const { info, query, signal } = request
  const options = parseLogOptions(query, info.name)
  const pod = await podOf(registry, request)
  const container = chooseContainer(pod, options.container)
  if (!pod.spec.nodeName) return { type: 'bytes', status: 204, bytes: new Uint8Array(), headers: {} }
  const search = options.query.size > 0 ? `?${options.query}` : ''
  const { message } = await ask(registry, pod, { target: `${logPath(pod, container)}${search}`, signal })
  const status = message.statusCode ?? 500
  if (status >= 200 && status <= 206) {
    if (asksForSocket(request)) return await sendOverSocket(request, chunksOf(message))
    return { type: 'stream', status: 200, chunks: chunksOf(message), headers: plainText }
  }
  const text = await textOf(message, longestRefusal)
  throw refusalOf({ code: status, resource: 'pods/log', name: info.name, text })
}

function logPath({ metadata: { namespace = '', name } }: Pod, container: string): string {
  return `/containerLogs/${namespace}/${name}/${container}`
}

async function ask(
  registry: Registry,
  { spec }: Pod,
  { target, signal }: { target: string; signal: AbortSignal },
): Promise<BackendAnswer> {
  const refuse = (text: string, cause: unknown) => {
    const [, host] = /^dial tcp (\S+): /.exec(text) ?? []
    return plainError(host ? `Get "https://${host}${target}": ${text}` : text, cause)
  }
  const socket = await dialNode(registry, spec.nodeName as string, { signal, refuse })
  try {
    return await askBackend(socket, { method: 'GET', target, headers: {}, signal })
  } catch (error) {
    throw plainError(`Get "https://${spec.nodeName}${target}": ${(error as Error).message}`, error)
  }
}
