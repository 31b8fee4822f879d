/** Asks the name server of /etc/resolv.conf for a name as it stands, over UDP or TCP. */
import { Resolver } from 'node:dns/promises'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'

export async function answersTo(name: string, { type, tcp }: { type: string; tcp: boolean }): Promise<unknown> {
  const server = /^nameserver\s+(\S+)/m.exec(readFileSync('/etc/resolv.conf', 'utf8'))?.[1] ?? ''
  if (tcp) return countOverTcp(server, name)
  const resolver = new Resolver({ timeout: 3000, tries: 1 })
  resolver.setServers([server])
  return resolver.resolve(name, type)
}

/** How many A records come back (RFC 1035 sections 4.1 and 4.2.2). */
function countOverTcp(server: string, name: string): Promise<number> {
  const labels = name.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]))
  const head = Buffer.from([0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0])
  const message = Buffer.concat([head, ...labels, Buffer.from([0, 0, 1, 0, 1])])
  const length = Buffer.alloc(2)
  length.writeUInt16BE(message.length)
  return new Promise((resolve, reject) => {
    const socket = connect({ host: server, port: 53, timeout: 3000 }, () => socket.write(Buffer.concat([length, message])))
    let got = Buffer.alloc(0)
    socket.on('data', (chunk) => {
      got = Buffer.concat([got, chunk])
      if (got.length < 2 || got.length < 2 + got.readUInt16BE(0)) return
      socket.destroy()
      resolve(got.readUInt16BE(8))
    })
    socket.on('timeout', () => socket.destroy(new Error('timed out'))).on('error', reject)
  })
}
