/** Opens a WebSocket to the API server of the current kubeconfig and prints what comes: `sockets.ts PATH PROTOCOL`. */
import { readFileSync } from 'node:fs'
import { WebSocket } from 'ws'
import { parse } from 'yaml'

const [path = '', protocol = ''] = process.argv.slice(2)
const { clusters, users } = parse(readFileSync(process.env.KUBECONFIG ?? '', 'utf8'))
const [{ cluster }, { user }] = [clusters[0], users[0]]
const bytes = (text: string) => Buffer.from(text, 'base64')
const socket = new WebSocket(`${cluster.server.replace(/^http/, 'ws')}${path}`, [protocol], {
  ca: bytes(cluster['certificate-authority-data']),
  cert: bytes(user['client-certificate-data']),
  key: bytes(user['client-key-data']),
})
const messages: string[] = []
socket.on('message', (data) => void messages.push(String(data)))
socket.on('error', ({ message }) => void messages.push(message))
const end = () => {
  console.log(JSON.stringify(messages))
  process.exit(0)
}
socket.on('close', end)
// A log that is followed does not end.
AbortSignal.timeout(10_000).addEventListener('abort', end)
