/** The roads into a pod that `nami dev` takes: programs in its container, and local ports that lead there. */
import { createServer, type Server, type Socket } from 'node:net'
import type { Terminal } from '#cli/command.ts'
import { parseCommandLine } from '#cli/kubectl/command-line.ts'
import { globalFlags } from '#cli/kubectl/global-flags.ts'
import { Session } from '#cli/kubectl/session.ts'
import { dialSpdy } from '#cli/kubectl/streams/dial.ts'
import { forwardConnection } from '#cli/kubectl/streams/forward-connection.ts'
import { runInContainer } from '#cli/kubectl/streams/remote-command.ts'
import type { Forwarding } from '#workflow/dev/develop.ts'
import type { Execute } from '#workflow/dev/sync.ts'

export interface DevStreams extends AsyncDisposable {
  readonly execute: Execute
  forward(forwarding: Forwarding): Promise<number>
  hold(): () => void
}

export function devStreams(terminal: Terminal, context: string): DevStreams {
  const { flags } = parseCommandLine(globalFlags, ['--context', context], 'kubectl')
  const session = new Session(flags as never, terminal, undefined)
  const servers: Server[] = []
  const sockets = new Map<Socket, { readonly isOwn: boolean; isLed: boolean }>()
  let held: Promise<void> | undefined
  const take = async (socket: Socket, forwarding: Forwarding) => {
    const state = { isOwn: forwarding.isOwn, isLed: false }
    sockets.set(socket, state)
    socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket))
    while (state.isOwn && held) await held
    state.isLed = true
    if (!socket.destroyed) await lead(session, socket, forwarding)
  }
  return {
    execute: ({ pod, container, command, stdin, stdout, stderr }) =>
      runInContainer(session, { namespace: pod.namespace, pod: pod.name, container, command }, { stdin, stdout, stderr }),
    async forward(forwarding) {
      const options = { allowHalfOpen: true, noDelay: true }
      const server = createServer(options, (socket) => void take(socket, forwarding))
      servers.push(server)
      return listen(server, forwarding.local).catch(() => listen(server, 0))
    },
    hold() {
      const { promise, resolve } = Promise.withResolvers<void>()
      held = promise
      return () => {
        for (const [socket, { isOwn, isLed }] of sockets) if (isOwn && isLed) socket.destroy()
        held = undefined
        resolve()
      }
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets.keys()) socket.destroy()
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

async function lead(session: Session, socket: Socket, { pod, remote }: Forwarding): Promise<void> {
  const dial = async () => {
    const at = pod()
    if (!at) throw new Error('there is no pod')
    const path = `/api/v1/namespaces/${at.namespace}/pods/${at.name}/portforward`
    return (await dialSpdy(session, path, ['portforward.k8s.io'])).spdy
  }
  await forwardConnection(socket, { dial, remote }).catch(() => {
    // The caller sees a connection that ends; the next may find a pod.
  })
}
