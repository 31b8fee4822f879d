/** The roads into a pod that `nami dev` takes: programs in its container, and local ports that lead there. */
import { createServer, type Server, type Socket } from 'node:net'
import type { Terminal } from '#cli/command.ts'
import { parseCommandLine } from '#cli/kubectl/command-line.ts'
import { globalFlags } from '#cli/kubectl/global-flags.ts'
import { Session } from '#cli/kubectl/session.ts'
import { dialSpdy } from '#cli/kubectl/streams/dial.ts'
import { runInContainer } from '#cli/kubectl/streams/remote-command.ts'
import type { SpdyConnection } from '#cli/kubectl/streams/spdy.ts'
import type { Forwarding } from '#workflow/dev/develop.ts'
import type { Execute } from '#workflow/dev/sync.ts'

export interface DevStreams extends AsyncDisposable {
  readonly execute: Execute
  forward(forwarding: Forwarding): Promise<number>
}

export function devStreams(terminal: Terminal, context: string): DevStreams {
  const { flags } = parseCommandLine(globalFlags, ['--context', context], 'kubectl')
  const session = new Session(flags as never, terminal, undefined)
  const servers: Server[] = []
  const sockets = new Set<Socket>()
  return {
    execute: ({ pod, container, command, stdin, stdout, stderr }) =>
      runInContainer(session, { namespace: pod.namespace, pod: pod.name, container, command }, { stdin, stdout, stderr }),
    async forward({ local, remote, pod }) {
      const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
        sockets.add(socket)
        socket.on('close', () => sockets.delete(socket))
        void lead(socket, () => roadTo(session, pod), remote)
      })
      servers.push(server)
      return listen(server, local).catch(() => listen(server, 0))
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      for (const server of servers) server.close()
      await session.close()
    },
  }
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
  })
}

/**
 * A road of its own for each connection: an application that is killed in the middle of an answer, as happens at every save, then blocks
 * nobody else's.
 */
async function roadTo(session: Session, pod: Forwarding['pod']): Promise<SpdyConnection | undefined> {
  const at = pod()
  if (!at) return undefined
  const path = `/api/v1/namespaces/${at.namespace}/pods/${at.name}/portforward`
  return (await dialSpdy(session, path, ['portforward.k8s.io'])).spdy
}

let requests = 0

async function lead(socket: Socket, road: () => Promise<SpdyConnection | undefined>, remote: number): Promise<void> {
  socket.on('error', () => socket.destroy())
  try {
    const spdy = await road()
    if (!spdy) return void socket.destroy()
    socket.once('close', () => spdy.close())
    if (socket.destroyed) return spdy.close()
    const headers = { port: String(remote), requestID: String(requests++) }
    const error = await spdy.open({ ...headers, streamType: 'error' })
    error.end()
    const data = await spdy.open({ ...headers, streamType: 'data' })
    socket.pipe(data)
    data.pipe(socket)
    data.on('error', () => socket.destroy())
    data.once('close', () => socket.end())
    // Nobody listens in there, for a moment or for good: the caller sees a connection that ends.
    for await (const _ of error) socket.destroy()
  } catch {
    socket.destroy()
  }
}
