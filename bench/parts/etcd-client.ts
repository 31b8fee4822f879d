/** The leanest client of etcd's transactions that Node offers, so that it is not what is measured: HTTP/2 and protobuf, and nothing around them. */
import { once } from 'node:events'
import http2 from 'node:http2'
import { GrpcFrames, grpcFrame } from '#lib/grpc-frames.ts'
import type { TxnAnswer, TxnMessage } from '#store/etcd/messages.ts'
import { methodOf } from '#store/etcd/rpc.ts'

export interface EtcdClient {
  txn(request: TxnMessage): Promise<TxnAnswer>
  close(): void
}

interface Tls {
  readonly ca: Buffer
  readonly certificate: Buffer
  readonly key: Buffer
}

export async function connectEtcd(endpoint: string, tls?: Tls): Promise<EtcdClient> {
  const session = http2.connect(endpoint, tls && { ca: tls.ca, cert: tls.certificate, key: tls.key })
  await once(session, 'connect')
  const { path, requestSerialize, responseDeserialize } = methodOf<TxnMessage, TxnAnswer>('KV.Txn')
  const head = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' }
  const txn = (request: TxnMessage) =>
    new Promise<TxnAnswer>((resolve, reject) => {
      const stream = session.request(head)
      const frames = new GrpcFrames()
      let answer: Buffer | undefined
      let status: unknown
      stream.on('data', (chunk: Buffer) => {
        answer = frames.add(chunk)[0] ?? answer
      })
      stream.on('response', (headers) => {
        status = headers['grpc-status']
      })
      stream.on('trailers', (trailers) => {
        status = trailers['grpc-status']
      })
      stream.on('error', reject)
      stream.on('close', () => {
        if (answer && status === '0') resolve(responseDeserialize(answer))
        else reject(new Error(`etcd's status ${status}`))
      })
      stream.end(grpcFrame(requestSerialize(request)))
    })
  return { txn, close: () => session.destroy() }
}
