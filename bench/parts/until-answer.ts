/**
 * `until-answer.ts DNS-SERVER NAME PORT` looks the name up and asks there over HTTP until both succeed, and prints the time since the epoch
 * in milliseconds at which they did.
 */
import { Resolver } from 'node:dns/promises'
import { connect } from 'node:net'

const [server = '', name = '', port = ''] = process.argv.slice(2)
const pause = 5
const patience = 400

while (!(await answers(await lookUp(), Number(port)))) await new Promise((resolve) => setTimeout(resolve, pause))
console.log(Date.now())
process.exit(0)

/** A resolver that is not answered asks a second time much later: each attempt has one of its own. */
async function lookUp(): Promise<string | undefined> {
  const resolver = new Resolver({ timeout: 50, tries: 1 })
  resolver.setServers([server])
  return resolver.resolve4(name).then(
    ([first]) => first,
    () => undefined,
  )
}

function answers(host: string | undefined, port: number): Promise<boolean> {
  if (!host) return Promise.resolve(false)
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: patience }, () => socket.write('GET / HTTP/1.0\r\n\r\n'))
    const end = (result: boolean) => {
      socket.destroy()
      resolve(result)
    }
    socket.on('data', (bytes) => end(bytes.includes(' 200 ')))
    for (const event of ['error', 'timeout', 'close'] as const) socket.on(event, () => end(false))
  })
}
