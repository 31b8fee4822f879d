/** A driver of devices: it prepares what it is asked for under names that tell what it was, notes its calls, and fails as it is told. */
import { mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Message } from '#kubelet/cri/proto-wire.ts'
import { registrationProtos } from '#kubelet/csi/plugin-registry.ts'
import { draProtos } from '#kubelet/dra/dra-plugins.ts'
import { serveGrpc } from './grpc-server.ts'

export interface DraDriverOptions {
  readonly name: string
  /** Of the agent: `plugins_registry` is in there. */
  readonly root: string
  readonly versions?: readonly string[]
  /** Names of the requests of each claim, by the claim's name; default `gpu` alone. */
  readonly requests?: Readonly<Record<string, readonly string[]>>
}

export interface DraTestDriver extends AsyncDisposable {
  /** `prepare NAME` and `unprepare NAME`, in order. */
  readonly calls: string[]
  readonly registrations: { readonly registered: boolean; readonly error: string }[]
  /** What it says of a claim of this name instead of preparing it. */
  readonly problems: Map<string, string>
}

export async function startDraDriver({
  name,
  root,
  versions = ['v1.DRAPlugin'],
  requests,
}: DraDriverOptions): Promise<DraTestDriver> {
  const sockets = {
    dra: join(root, 'plugins', name, 'dra.sock'),
    registration: join(root, 'plugins_registry', `${name}-reg.sock`),
  }
  for (const socket of Object.values(sockets)) {
    mkdirSync(dirname(socket), { recursive: true })
    rmSync(socket, { force: true })
  }
  const calls: string[] = []
  const registrations: DraTestDriver['registrations'] = []
  const problems = new Map<string, string>()
  const devicesOf = (claim: string) => {
    const names = requests?.[claim] ?? ['gpu']
    return names.map((request) => {
      const cdi_device_ids = [`${name}/device=${claim}-${request.replace('/', '-')}`]
      return { request_names: [request], pool_name: 'pool', device_name: request, cdi_device_ids }
    })
  }
  const answer = (verb: string, of: (claim: string) => Message) => (message: Message) => {
    const claims: Record<string, Message> = {}
    for (const { uid, name: claim } of message.claims as { uid: string; name: string }[]) {
      calls.push(`${verb} ${claim}`)
      claims[uid] = problems.has(claim) ? { error: problems.get(claim) } : of(claim)
    }
    return { claims }
  }
  const dra = await serveGrpc(sockets.dra, draProtos(), {
    NodePrepareResources: answer('prepare', (claim) => ({ devices: devicesOf(claim) })),
    NodeUnprepareResources: answer('unprepare', () => ({})),
  })
  const registration = await serveGrpc(sockets.registration, registrationProtos(), {
    GetInfo: () => ({ type: 'DRAPlugin', name, endpoint: sockets.dra, supported_versions: versions }),
    NotifyRegistrationStatus: ({ plugin_registered: registered, error }) => {
      registrations.push({ registered, error })
      return {}
    },
  })
  return {
    ...{ calls, registrations, problems },
    async [Symbol.asyncDispose]() {
      await registration.close()
      await dra.close()
      for (const socket of Object.values(sockets)) rmSync(socket, { force: true })
    },
  }
}
