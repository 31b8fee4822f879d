/** One `grpc.health.v1.Health/Check` call; the two messages are small enough to be written by hand. */
import { Client, status as codes, credentials, type ServiceError } from '@grpc/grpc-js'
import { address, type GrpcHealth } from './dialer.ts'

const names = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN']

export interface HealthTarget {
  readonly host: string
  readonly port: number
  readonly service: string
  /** Aborted at the timeout. */
  readonly signal: AbortSignal
}

export async function checkHealth({ host, port, service, signal }: HealthTarget): Promise<GrpcHealth> {
  const client = new Client(address(host, port), credentials.createInsecure())
  try {
    return await new Promise((resolve) => {
      const late = () => resolve({ error: 'timeout', message: 'context deadline exceeded' })
      signal.addEventListener('abort', late, { once: true })
      const done = (error: ServiceError | null, answer?: number) =>
        resolve(error ? failure(error) : { status: names[answer ?? 0] ?? 'UNKNOWN' })
      client.makeUnaryRequest('/grpc.health.v1.Health/Check', encodeRequest, decodeAnswer, service, done)
    })
  } finally {
    client.close()
  }
}

function failure(error: ServiceError): GrpcHealth {
  if (error.code === codes.UNIMPLEMENTED) return { error: 'unimplemented', message: error.details }
  return { error: 'unavailable', message: error.details }
}

/** HealthCheckRequest: field 1, the service's name. */
function encodeRequest(service: string): Buffer {
  const bytes = Buffer.from(service)
  if (bytes.length === 0) return bytes
  const length: number[] = []
  for (let left = bytes.length; ; left >>>= 7) {
    if (left < 0x80) {
      length.push(left)
      break
    }
    length.push((left & 0x7f) | 0x80)
  }
  return Buffer.concat([Buffer.from([0x0a, ...length]), bytes])
}

/** HealthCheckResponse: field 1, an enum; 0 is left out on the wire. */
function decodeAnswer(bytes: Buffer): number {
  return bytes[0] === 0x08 ? (bytes[1] ?? 0) : 0
}
