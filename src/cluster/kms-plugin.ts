/** A KMS plugin behind a unix socket, spoken to by gRPC (`k8s.io/kms/apis/v2`). */
import { GrpcChannel } from '#kubelet/cri/grpc.ts'
import { readProto } from '#kubelet/cri/proto-file.ts'
import { RuntimeError } from '#kubelet/cri/runtime.ts'
import { type Clock, sleep } from '#lib/clock.ts'
import type { EncryptedKey } from '#store/encryption/encrypted-object.ts'
import { type KmsService, KmsUnreachable } from '#store/encryption/kms.ts'

export const kmsProto = `
syntax = "proto3";
package v2;
service KeyManagementService {
  rpc Status(StatusRequest) returns (StatusResponse);
  rpc Decrypt(DecryptRequest) returns (DecryptResponse);
  rpc Encrypt(EncryptRequest) returns (EncryptResponse);
}
message StatusRequest {}
message StatusResponse { string version = 1; string healthz = 2; string key_id = 3; }
message DecryptRequest { bytes ciphertext = 1; string uid = 2; string key_id = 3; map<string, bytes> annotations = 4; }
message DecryptResponse { bytes plaintext = 1; }
message EncryptRequest { bytes plaintext = 1; string uid = 2; }
message EncryptResponse { bytes ciphertext = 1; string key_id = 2; map<string, bytes> annotations = 3; }
`

export interface KmsPluginOptions {
  readonly socket: string
  /** Milliseconds of one call, the wait for the socket included. */
  readonly timeout: number
  readonly clock: Clock
  /** Closes the connection. */
  readonly signal: AbortSignal
  /** Told of each call: the method's path, gRPC's name of the result, and what time it took. */
  readonly onCall?: (method: string, code: string, seconds: number) => void
}

const service = 'v2.KeyManagementService'
const dialPause = 50

export function kmsPlugin({ socket, timeout, clock, signal, onCall }: KmsPluginOptions): KmsService {
  const channel = new GrpcChannel({ socket, clock, protos: () => [readProto(kmsProto)] })
  signal.addEventListener('abort', () => channel.close(), { once: true })
  const call = async (method: string, request: object): Promise<Record<string, any>> => {
    const began = clock.monotonic()
    const note = (code: string) => onCall?.(`/${service}/${method}`, code, (clock.monotonic() - began) / 1000)
    try {
      await connected(channel, { clock, until: began + timeout, signal })
      const left = Math.max(1, began + timeout - clock.monotonic())
      const answer = await channel.call(service, method, request as never, { timeout: left })
      note('OK')
      return answer as Record<string, any>
    } catch (error) {
      const failure = error instanceof RuntimeError ? error : new RuntimeError('Unknown', (error as Error).message)
      note(failure.status)
      throw passing.has(failure.status)
        ? new KmsUnreachable(failure.rpcText, { cause: error })
        : new Error(failure.rpcText, { cause: error })
    }
  }
  return {
    async status() {
      const { version, healthz, key_id: keyId } = await call('Status', {})
      return { version, healthz, keyId }
    },
    async encrypt(plaintext, uid) {
      const { ciphertext, key_id: keyId, annotations } = await call('Encrypt', { plaintext, uid })
      return { ciphertext, keyId, annotations: new Map(Object.entries<Uint8Array>(annotations)) }
    },
    async decrypt({ source, keyId, annotations }: EncryptedKey, uid) {
      const request = { ciphertext: source, uid, key_id: keyId, annotations: Object.fromEntries(annotations) }
      return (await call('Decrypt', request)).plaintext
    },
  }
}

/** Results that another attempt may not have. */
const passing: ReadonlySet<string> = new Set(['Unavailable', 'DeadlineExceeded', 'Canceled'])

/** A plugin may come later than its call, as long as that has time (gRPC's `WaitForReady`). */
async function connected(
  channel: GrpcChannel,
  { clock, until, signal }: { clock: Clock; until: number; signal: AbortSignal },
): Promise<void> {
  for (;;) {
    const failure = await channel.ready(0).then(
      () => undefined,
      (error: Error) => error,
    )
    if (!failure) return
    if (signal.aborted) throw new RuntimeError('Unknown', 'the server is stopping', { status: 'Canceled' })
    if (clock.monotonic() >= until) {
      const text = `latest balancer error: connection error: desc = "transport: Error while dialing: ${failure.message}"`
      throw new RuntimeError('DeadlineExceeded', `context deadline exceeded: ${text}`, { cause: failure })
    }
    await sleep(clock, Math.min(dialPause, Math.max(1, until - clock.monotonic())))
  }
}
