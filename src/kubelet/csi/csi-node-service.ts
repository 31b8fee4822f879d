/** The node service of a CSI driver: a connection for each call, as upstream, since drivers come back on the same socket. */
import type { Clock } from '#lib/clock.ts'
import { GrpcChannel, protosAt } from '../cri/grpc.ts'
import type { Message } from '../cri/proto-wire.ts'
import { RuntimeError } from '../cri/runtime.ts'

export type Capability =
  | 'STAGE_UNSTAGE_VOLUME'
  | 'GET_VOLUME_STATS'
  | 'EXPAND_VOLUME'
  | 'SINGLE_NODE_MULTI_WRITER'
  | 'VOLUME_MOUNT_GROUP'

export interface NodeInfo {
  readonly nodeId: string
  /** 0: no limit. */
  readonly maxVolumes: number
  readonly topology: Readonly<Record<string, string>>
}

/** How a volume is to be used; `fsType` of a device is of no account. */
export interface Access {
  readonly isBlock: boolean
  readonly accessMode: string
  readonly fsType?: string | undefined
  readonly mountOptions?: readonly string[] | undefined
  /** Group that the driver is to give the volume to, where it can. */
  readonly mountGroup?: string | undefined
}

export interface StageRequest {
  readonly volumeId: string
  readonly stagingPath: string
  readonly access: Access
  readonly publishContext: Readonly<Record<string, string>>
  readonly volumeContext: Readonly<Record<string, string>>
  readonly secrets: Readonly<Record<string, string>>
}

export interface PublishRequest extends StageRequest {
  readonly targetPath: string
  readonly readOnly: boolean
}

export interface ExpandRequest {
  readonly volumeId: string
  readonly volumePath: string
  readonly stagingPath: string
  readonly requiredBytes: bigint
  readonly access: Access
  readonly secrets: Readonly<Record<string, string>>
}

export interface Usage {
  readonly unit: string
  readonly available: number
  readonly total: number
  readonly used: number
}

export const csiProtos = protosAt([new URL('./csi.proto', import.meta.url)])

const service = 'csi.v1.Node'

export class CsiNodeService {
  readonly #socket: string
  readonly #clock: Clock

  constructor({ socket, clock }: { readonly socket: string; readonly clock: Clock }) {
    this.#socket = socket
    this.#clock = clock
  }

  async info(): Promise<NodeInfo> {
    const { node_id, max_volumes_per_node, accessible_topology } = await this.#call('NodeGetInfo', {})
    return { nodeId: node_id, maxVolumes: Number(max_volumes_per_node), topology: accessible_topology?.segments ?? {} }
  }

  async capabilities(): Promise<ReadonlySet<string>> {
    const { capabilities } = await this.#call('NodeGetCapabilities', {})
    return new Set(capabilities.map(({ rpc }: Message) => rpc?.type))
  }

  async stage(request: StageRequest): Promise<void> {
    await this.#call('NodeStageVolume', { ...(await this.#volumeOf(request)), ...contextOf(request) })
  }

  async unstage(volumeId: string, stagingPath: string): Promise<void> {
    await this.#call('NodeUnstageVolume', { volume_id: volumeId, staging_target_path: stagingPath })
  }

  async publish(request: PublishRequest): Promise<void> {
    const { targetPath, readOnly } = request
    const target = { target_path: targetPath, readonly: readOnly }
    await this.#call('NodePublishVolume', { ...(await this.#volumeOf(request)), ...contextOf(request), ...target })
  }

  async unpublish(volumeId: string, targetPath: string): Promise<void> {
    await this.#call('NodeUnpublishVolume', { volume_id: volumeId, target_path: targetPath })
  }

  async stats(volumeId: string, volumePath: string): Promise<readonly Usage[]> {
    const { usage } = await this.#call('NodeGetVolumeStats', { volume_id: volumeId, volume_path: volumePath })
    return usage.map(({ unit, available, total, used }: Message) => {
      return { unit, available: Number(available), total: Number(total), used: Number(used) }
    })
  }

  /** Answers the size that it has now. */
  async expand(request: ExpandRequest): Promise<bigint> {
    const { volumePath, requiredBytes, secrets } = request
    const range = { capacity_range: { required_bytes: requiredBytes } }
    const body = { ...(await this.#volumeOf(request)), volume_path: volumePath, ...range, secrets }
    return BigInt((await this.#call('NodeExpandVolume', body)).capacity_bytes)
  }

  async #volumeOf({
    volumeId,
    stagingPath,
    access,
  }: Pick<StageRequest, 'volumeId' | 'stagingPath' | 'access'>): Promise<Message> {
    const { isBlock, fsType = '', mountOptions = [], mountGroup = '' } = access
    const isFine = (await this.capabilities()).has('SINGLE_NODE_MULTI_WRITER')
    const mode = (isFine && fineModes[access.accessMode]) || modes[access.accessMode] || 'UNKNOWN'
    const kind = isBlock
      ? { block: {} }
      : { mount: { fs_type: fsType, mount_flags: mountOptions, volume_mount_group: mountGroup } }
    const capability = { ...kind, access_mode: { mode } }
    return { volume_id: volumeId, staging_target_path: stagingPath, volume_capability: capability }
  }

  async #call(method: string, request: Message): Promise<Message> {
    const channel = new GrpcChannel({ socket: this.#socket, clock: this.#clock, protos: csiProtos })
    try {
      return await channel.call(service, method, request)
    } finally {
      channel.close()
    }
  }
}

function contextOf({ publishContext, volumeContext, secrets }: StageRequest): Message {
  return { publish_context: publishContext, volume_context: volumeContext, secrets }
}

const modes: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'SINGLE_NODE_WRITER',
  ReadOnlyMany: 'MULTI_NODE_READER_ONLY',
  ReadWriteMany: 'MULTI_NODE_MULTI_WRITER',
  ReadWriteOncePod: 'SINGLE_NODE_WRITER',
}

/** For drivers that tell one pod from many on a node. */
const fineModes: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'SINGLE_NODE_MULTI_WRITER',
  ReadWriteOncePod: 'SINGLE_NODE_SINGLE_WRITER',
}

/** After these answers nobody knows how far the driver came; after all others it has given up (upstream: `isFinalError`). */
const unfinished: ReadonlySet<string> = new Set(['Canceled', 'DeadlineExceeded', 'Unavailable', 'ResourceExhausted', 'Aborted'])

export function isFinal(error: unknown): boolean {
  return error instanceof RuntimeError && !unfinished.has(error.status)
}

export function csiText(error: unknown): string {
  if (error instanceof RuntimeError) return error.rpcText
  return error instanceof Error ? error.message : String(error)
}
