/** A machine outside of the cluster that the node has a wire to: a network namespace in which a peer runs. */
import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { type Bed, eventually } from '#testing/bed.ts'
import { pageOf } from './peers.ts'

const peer = fileURLToPath(new URL('./peer/peer.ts', import.meta.url))

export interface Outside extends AsyncDisposable {
  /** Its own address, and the port of its peer. */
  readonly address: string
  readonly port: number
  /** The node's address on the wire. */
  readonly node: string
  /** A page of its peer. */
  from<T = any>(page: string): Promise<T>
}

export async function openOutside(bed: Bed): Promise<Outside> {
  // Named like a bed, so that what a killed run leaves is swept.
  const name = bed.name.replace(/\d+$/, '99')
  const [node, address, port] = ['198.51.100.1', '198.51.100.2', 18_081]
  const ip = async (...args: string[]) => {
    const { code, stderr } = await bed.run('ip', args)
    assert.equal(code, 0, stderr)
  }
  await ip('netns', 'add', name)
  await ip('link', 'add', 'wire', 'type', 'veth', 'peer', 'name', 'wire', 'netns', name)
  await ip('addr', 'add', `${node}/24`, 'dev', 'wire')
  await ip('link', 'set', 'wire', 'up')
  await ip('-n', name, 'addr', 'add', `${address}/24`, 'dev', 'wire')
  for (const device of ['lo', 'wire']) await ip('-n', name, 'link', 'set', device, 'up')
  const background = bed.start('nsenter', [`--net=/run/netns/${name}`, process.execPath, peer, String(port)])
  const from = (page: string) => pageOf(bed, `http://${address}:${port}${page}`)
  await eventually(() => from('/'))
  return {
    ...{ address, port, node, from },
    async [Symbol.asyncDispose]() {
      await background.stop()
      await ip('netns', 'delete', name)
      await ip('link', 'delete', 'wire').catch(() => {})
    },
  }
}
