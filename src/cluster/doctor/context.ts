/** What the checks are handed when `nami doctor` is called: this machine, and the cluster of one data directory. */
import { text } from 'node:stream/consumers'
import { connect } from 'node:tls'
import { Node } from '#api/core/v1/node.ts'
import { httpsTransport } from '#client/https-transport.ts'
import { createClient } from '#client/typed-client.ts'
import { systemClock } from '#lib/clock.ts'
import { defaultNodeName } from '../addresses.ts'
import { type AdministratorIdentity, administratorIdentity } from '../administrator.ts'
import { runningPid } from '../containerd-process.ts'
import { type ClusterConfig, type DataDirectory, dataDirectory, defaultConfig, loadConfig } from '../data-directory.ts'
import { findProcess } from '../processes.ts'
import type { Api, DoctorContext } from './check.ts'
import { thisMachine } from './machine.ts'

export interface OpenOptions {
  readonly dataDir: string | undefined
  readonly userKubeconfig: string
}

export async function openContext({ dataDir, userKubeconfig }: OpenOptions): Promise<DoctorContext & AsyncDisposable> {
  const directory = dataDirectory(dataDir)
  const machine = thisMachine()
  const known = configOf(directory)
  const api = openApi(directory)
  return {
    machine,
    directory,
    userKubeconfig,
    config: known ?? { ...defaultConfig, nodeName: defaultNodeName() },
    clusterExists: machine.facts(directory.config) !== undefined,
    processes: runningOf(directory),
    now: systemClock.now(),
    api,
    [Symbol.asyncDispose]: () => api.close(),
  }
}

/** A damaged file is for a check to tell. */
function configOf(directory: DataDirectory): ClusterConfig | undefined {
  try {
    return loadConfig(directory)
  } catch {
    return undefined
  }
}

function runningOf(directory: DataDirectory): DoctorContext['processes'] {
  const found = {
    supervisor: findProcess(directory, 'supervisor'),
    server: findProcess(directory, 'server'),
    agent: findProcess(directory, 'agent'),
    containerd: runningPid(directory.containerd),
  }
  return Object.fromEntries(Object.entries(found).filter(([, pid]) => pid !== undefined))
}

const patience = 3_000

/** A server that takes a connection and then says nothing does not answer either; the transport would wait far longer for it. */
function shakeHands({ server, ca }: AdministratorIdentity): Promise<void> {
  const { hostname, port } = new URL(server)
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), ca, timeout: patience }, () => {
      socket.destroy()
      resolve()
    })
    socket.on('timeout', () => socket.destroy(new Error(`no answer within ${patience / 1000} s`)))
    socket.on('error', reject)
  })
}

function openApi(directory: DataDirectory): Api & { close(): Promise<void> } {
  const open = async () => {
    const identity = administratorIdentity(directory)
    if (!identity) throw new Error(`${directory.kubeconfig} does not exist: the server never came up`)
    await shakeHands(identity)
    const transport = httpsTransport({ ...identity, clock: systemClock })
    return { transport, client: createClient(transport) }
  }
  let connection: ReturnType<typeof open> | undefined
  const connected = () => (connection ??= open())
  const signal = () => AbortSignal.timeout(patience)
  return {
    async get(path) {
      const answer = await (await connected()).transport.raw({ method: 'GET', path, signal: signal() })
      return { status: answer.status, text: await text(answer.body) }
    },
    nodes: async () => (await (await connected()).client.list(Node, { signal: signal() })).items,
    close: async () =>
      connection?.then(
        ({ client }) => client.close(),
        () => {},
      ),
  }
}
