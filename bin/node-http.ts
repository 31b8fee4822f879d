/**
 * `node:http` for Nami's own files. To import it by its name builds a namespace of all that it exports, also of its WebSocket client, which
 * loads a whole HTTP library (undici): 50 ms and 5 MB in every process. This names what is used.
 */
import type http from 'node:http'

const module = process.getBuiltinModule('node:http')

export const {
  Agent,
  ClientRequest,
  createServer,
  get,
  globalAgent,
  IncomingMessage,
  maxHeaderSize,
  METHODS,
  OutgoingMessage,
  request,
  Server,
  ServerResponse,
  STATUS_CODES,
  validateHeaderName,
  validateHeaderValue,
} = module
export default module satisfies typeof http
