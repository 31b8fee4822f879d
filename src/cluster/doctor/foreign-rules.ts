/** Whether somebody else's firewall drops what is forwarded to and from pods. */
import { bridgeName } from '#network/pod-network.ts'
import { table } from '#network/proxy/base-ruleset.ts'
import type { Check, DoctorContext, Machine, Problem } from './check.ts'

interface Chain {
  readonly family: string
  readonly table: string
  readonly name: string
  readonly hook?: string
  readonly policy?: string
}

export const foreignRules: Check = {
  name: 'firewall',
  about: 'rules of others that drop forwarded packets',
  needs: ['node', 'root'],

  async run({ machine, config }) {
    if (!machine.find('nft')) return []
    const { stdout } = await machine.run('nft', ['-j', 'list', 'chains'])
    const chains = forwarding(stdout).filter((chain) => chain.table !== table)
    const found = await Promise.all(chains.map((chain) => problemOf(chain, { machine, config })))
    return [...found.flat(), ...(await legacy(machine))]
  },
}

function forwarding(listing: string): readonly Chain[] {
  if (!listing.trim().startsWith('{')) return []
  const { nftables } = JSON.parse(listing) as { nftables: readonly { chain?: Chain }[] }
  return nftables.flatMap(({ chain }) => (chain?.hook === 'forward' && ['ip', 'inet'].includes(chain.family) ? [chain] : []))
}

/** A chain that lets our bridge or our range through by a rule of its own is fine whatever its policy. */
async function problemOf(
  chain: Chain,
  { machine, config }: Pick<DoctorContext, 'machine' | 'config'>,
): Promise<readonly Problem[]> {
  const isFirewalld = chain.table === 'firewalld'
  if (chain.policy !== 'drop' && !isFirewalld) return []
  const what = isFirewalld ? ['table', chain.family, chain.table] : ['chain', chain.family, chain.table, chain.name]
  const { stdout } = await machine.run('nft', ['list', ...what])
  if (stdout.includes(bridgeName) || stdout.includes(config.podCidr)) return []
  const effect = 'Pods reach nothing beyond their node, and node ports do not answer.'
  if (isFirewalld) {
    return [
      {
        problem: `firewalld does not know the pod bridge ${bridgeName} and rejects what is forwarded. ${effect}`,
        fix: [`firewall-cmd --permanent --zone=trusted --add-interface=${bridgeName}`, 'firewall-cmd --reload'],
      },
    ]
  }
  const { family, table: name, name: chainName } = chain
  const isIptables = family === 'ip' && name === 'filter' && chainName === 'FORWARD'
  return [
    {
      problem: `The chain ${family} ${name} ${chainName} drops forwarded packets unless a rule lets them through. ${effect}`,
      fix: isIptables
        ? throughIptables('iptables')
        : ['iifname', 'oifname'].map((side) => `nft insert rule ${family} ${name} ${chainName} ${side} "${bridgeName}" accept`),
    },
  ]
}

/** The rules of the older kernel interface, which nft does not show; asked for only where it is in use, since asking loads it. */
async function legacy(machine: Machine): Promise<readonly Problem[]> {
  if (!/^filter$/m.test(machine.readText('/proc/net/ip_tables_names') ?? '')) return []
  const program = machine.find('iptables-legacy') ? 'iptables-legacy' : 'iptables'
  const { stdout } = await machine.run(program, ['-S', 'FORWARD'])
  if (!stdout.includes('-P FORWARD DROP') || stdout.includes(bridgeName)) return []
  return [
    {
      problem: 'The iptables chain FORWARD drops what no rule lets through, and none knows the pod bridge.',
      fix: throughIptables(program),
    },
  ]
}

function throughIptables(program: string): readonly string[] {
  return ['-i', '-o'].map((side) => `${program} -I FORWARD ${side} ${bridgeName} -j ACCEPT`)
}
