/** A network of namespaces for the members of an etcd cluster; each can be cut off. Nothing leads out of it. */
import { execFileSync, spawnSync } from 'node:child_process'

export interface EtcdLan extends Disposable {
  /** What a command line begins with that is to run inside, with an address of its own. */
  readonly enter: readonly string[]
  readonly places: readonly { readonly address: string; readonly enter: readonly string[] }[]
}

/** Needs root. The names of its namespaces and interfaces begin with `name`, of at most eight letters. */
export function etcdLan(name: string, size: number): EtcdLan {
  const lan = `${name}-lan`
  const places = Array.from({ length: size }, (_, i) => ({ name: `${name}-m${i}`, address: `172.30.0.${11 + i}` }))
  const remove = () => {
    for (const one of [...places.map((place) => place.name), lan]) spawnSync('ip', ['netns', 'delete', one])
  }
  remove()
  try {
    ip('netns', 'add', lan)
    ip('-n', lan, 'link', 'set', 'lo', 'up')
    ip('-n', lan, 'link', 'add', 'br0', 'type', 'bridge')
    ip('-n', lan, 'addr', 'add', '172.30.0.1/24', 'dev', 'br0')
    ip('-n', lan, 'link', 'set', 'br0', 'up')
    for (const [i, place] of places.entries()) {
      ip('netns', 'add', place.name)
      ip('-n', lan, 'link', 'add', `v${i}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', place.name)
      ip('-n', lan, 'link', 'set', `v${i}`, 'master', 'br0')
      ip('-n', lan, 'link', 'set', `v${i}`, 'up')
      ip('-n', place.name, 'addr', 'add', `${place.address}/24`, 'dev', 'eth0')
      ip('-n', place.name, 'link', 'set', 'eth0', 'up')
      ip('-n', place.name, 'link', 'set', 'lo', 'up')
    }
  } catch (error) {
    remove()
    throw error
  }
  const enter = (namespace: string) => ['nsenter', `--net=/run/netns/${namespace}`]
  return {
    enter: enter(lan),
    places: places.map((place) => ({ address: place.address, enter: enter(place.name) })),
    [Symbol.dispose]: remove,
  }
}

/** Cuts a member off, or lets it back; called inside the network. */
export function setLink(member: number, state: 'up' | 'down'): void {
  ip('link', 'set', `v${member}`, state)
}

/** Cuts a member off from the others alone: whoever else is in the network reaches it on. Called as root, from anywhere. */
export function setPeers(places: EtcdLan['places'], member: number, state: 'joined' | 'cut'): void {
  const [program = '', ...enter] = places[member]?.enter ?? []
  const nft = (rules: string) =>
    execFileSync(program, [...enter, 'nft', '-f', '-'], { input: rules, stdio: ['pipe', 'pipe', 'pipe'] })
  const others = places.filter((_, i) => i !== member).map(({ address }) => address)
  if (state === 'joined') return void nft('delete table ip peers\n')
  const chain = (hook: string, side: string) =>
    `chain ${hook} { type filter hook ${hook} priority 0; ip ${side} { ${others.join(', ')} } drop; }\n`
  nft(`table ip peers {\n${chain('input', 'saddr')}${chain('output', 'daddr')}}\n`)
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: 'pipe' })
}
