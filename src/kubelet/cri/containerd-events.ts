/** Starts and exits of containers as containerd tells them: by CRI's event stream where it has one, else by containerd's own. */
import type { Clock } from '#lib/clock.ts'
import { sleep } from '#lib/clock.ts'
import { EventQueue } from './event-queue.ts'
import { decodeMessage, type GrpcChannel, type StreamHandlers } from './grpc.ts'
import { milliseconds } from './messages.ts'
import type { RuntimeEvent } from './runtime.ts'

type Message = Record<string, any>

export interface EventSource {
  readonly channel: GrpcChannel
  readonly clock: Clock
  /** Whether CRI's status already says that this container or sandbox runs no more. */
  readonly hasEnded: (id: string) => Promise<boolean>
}

/**
 * Guarantees: `resync` after every (re)connection; a `stopped` comes only when the status shows the exit.
 * Ends with the signal; until then it reconnects for ever.
 */
export async function* containerdEvents(source: EventSource, signal: AbortSignal): AsyncIterable<RuntimeEvent> {
  const queue = new EventQueue<RuntimeEvent>(signal)
  keepConnected(source, queue, signal).catch((error: unknown) => queue.close(signal.aborted ? undefined : error))
  yield* queue
}

async function keepConnected(source: EventSource, queue: EventQueue<RuntimeEvent>, signal: AbortSignal): Promise<void> {
  let flavour: Flavour = criFlavour
  while (!signal.aborted) {
    const end = await follow(source, { flavour, queue, signal })
    if (signal.aborted) return
    if (end === 'unimplemented' && flavour === criFlavour) flavour = containerdFlavour
    else await sleep(source.clock, 500, signal).catch(() => {})
  }
}

interface Flavour {
  /** Answers how to cancel it. */
  open(source: EventSource, handlers: StreamHandlers): () => void
  read(source: EventSource, message: Message, push: (event: RuntimeEvent) => void): void
}

/** `GetContainerEvents`, containerd 1.7 and later. */
const criFlavour: Flavour = {
  open: ({ channel }, handlers) => channel.stream('runtime.v1.RuntimeService', 'GetContainerEvents', {}, handlers),
  read(_source, message, push) {
    const type = criTypes[message.container_event_type]
    if (type) push({ type, containerId: message.container_id, at: milliseconds(message.created_at) })
  },
}

const criTypes: Record<string, 'started' | 'stopped' | 'deleted'> = {
  CONTAINER_STARTED_EVENT: 'started',
  CONTAINER_STOPPED_EVENT: 'stopped',
  CONTAINER_DELETED_EVENT: 'deleted',
}

/** containerd's `Events/Subscribe`. Filters in a list are alternatives. */
const containerdFlavour: Flavour = {
  open: ({ channel }, handlers) => {
    const filters = topics.map((topic) => `namespace==k8s.io,topic=="${topic}"`)
    return channel.stream('containerd.services.events.v1.Events', 'Subscribe', { filters }, handlers)
  },
  read(source, message, push) {
    const at = Number(message.timestamp?.seconds ?? 0) * 1000 + Math.trunc((message.timestamp?.nanos ?? 0) / 1e6)
    const value: Uint8Array = message.event.value
    const decoded = (type: string) => decodeMessage(type, value)
    if (message.topic === '/tasks/start') {
      push({ type: 'started', containerId: decoded('TaskStart').container_id, at })
    } else if (message.topic === '/containers/delete') {
      push({ type: 'deleted', containerId: decoded('ContainerDelete').id, at })
    } else if (message.topic === '/tasks/exit') {
      const { id, container_id } = decoded('TaskExit')
      if (id !== container_id) return
      whenEnded(source, id).then(() => push({ type: 'stopped', containerId: id, at }))
    }
  },
}

const topics = ['/tasks/start', '/tasks/exit', '/containers/delete']

/** Milliseconds that the CRI plugin may take to write an exit down: it waits for the disk. */
const longestLag = 60_000

/** The CRI plugin hears of an exit from the same stream as we do, so its status lags behind ours, mostly by milliseconds. */
async function whenEnded({ hasEnded, clock }: EventSource, id: string): Promise<void> {
  const began = clock.monotonic()
  for (let delay = 1; clock.monotonic() - began < longestLag; delay = Math.min(2 * delay, 1000)) {
    if (await hasEnded(id).catch(() => false)) return
    await sleep(clock, delay)
  }
}

interface Following {
  readonly flavour: Flavour
  readonly queue: EventQueue<RuntimeEvent>
  readonly signal: AbortSignal
}

/**
 * Reads one stream to its end. A server sends no header before the first event, so that it has subscribed us is not told: the
 * resync waits a moment for it.
 */
async function follow(source: EventSource, { flavour, queue, signal }: Following): Promise<'unimplemented' | 'ended'> {
  const ready = await source.channel.ready(5000).then(
    () => true,
    () => false,
  )
  if (!ready || signal.aborted) return 'ended'
  return await new Promise((resolve) => {
    const resync = source.clock.after(50, () => queue.push({ type: 'resync' }))
    const cancel = flavour.open(source, {
      onMessage: (message) => flavour.read(source, message, (event) => queue.push(event)),
      onEnd(error) {
        resync.cancel()
        signal.removeEventListener('abort', cancel)
        resolve(error?.status === 'Unimplemented' ? 'unimplemented' : 'ended')
      },
    })
    signal.addEventListener('abort', cancel, { once: true })
  })
}
