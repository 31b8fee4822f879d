/**
 * Sends spans to a collector by OTLP over gRPC, without TLS (as upstream's exporter): one call for each batch.
 * Guarantees: a batch is sent once; a session that broke is opened anew with the next batch.
 */
import http2 from 'node:http2'
import { connect } from 'node:net'
import type { Attribute, SpanExporter } from '#apiserver/tracing/tracer.ts'
import { exportRequest } from './otlp-messages.ts'

export interface OtlpOptions {
  /** `localhost:4317`, `dns:///localhost:4317`, `unix:/run/collector.sock`. */
  readonly endpoint: string
  /** What the spans are of: `service.name` and the like. */
  readonly resource: Readonly<Record<string, Attribute>>
  /** Milliseconds of one call. */
  readonly timeout?: number
}

const path = '/opentelemetry.proto.collector.trace.v1.TraceService/Export'

export function otlpExporter({ endpoint, resource, timeout = 10_000 }: OtlpOptions): SpanExporter {
  let session: http2.ClientHttp2Session | undefined
  const open = () => {
    if (session && !session.destroyed && !session.closed) return session
    const { socket, authority } = addressOf(endpoint)
    session = http2.connect(`http://${authority}`, socket === undefined ? {} : { createConnection: () => connect(socket) })
    // The call is told of it, too.
    session.on('error', () => {})
    session.unref()
    return session
  }
  return {
    export: (spans) => call(open(), exportRequest(spans, resource), timeout),
    async close() {
      session?.destroy()
    },
  }
}

function call(session: http2.ClientHttp2Session, request: Buffer, timeout: number): Promise<void> {
  const headers = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' }
  const stream = session.request(headers)
  return new Promise((resolve, reject) => {
    let status: http2.IncomingHttpHeaders = {}
    stream.setTimeout(timeout, () => stream.destroy(new Error('context deadline exceeded')))
    stream.on('response', (answer) => {
      status = { ...status, ...answer }
    })
    stream.on('trailers', (trailers) => {
      status = { ...status, ...trailers }
    })
    stream.on('error', reject)
    stream.on('close', () => {
      const code = status['grpc-status']
      if (code === '0') return resolve()
      reject(new Error(`the collector answered ${code ?? 'nothing'}: ${status['grpc-message'] ?? ''}`))
    })
    stream.resume()
    const head = Buffer.alloc(5)
    head.writeUInt32BE(request.length, 1)
    stream.end(Buffer.concat([head, request]))
  })
}

function addressOf(endpoint: string): { authority: string; socket?: string } {
  const unix = /^unix:(?:\/\/)?(?<path>.+)$/.exec(endpoint)?.groups?.path
  if (unix) return { authority: 'localhost', socket: unix }
  return { authority: endpoint.replace(/^(?:dns:)?\/\/(?:[^/]*\/)?/, '').replace(/^dns:/, '') }
}
