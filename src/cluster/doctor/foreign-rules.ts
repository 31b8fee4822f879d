/** Whether somebody else's firewall drops packets to and from pods. */
import { bridgeName } from '#network/pod-network.ts'
import { table } from '#network/proxy/base-ruleset.ts'
import type { Check, DoctorContext, Machine, Problem } from './check.ts'
import { dropOf, isLetThrough, rulesFrom } from './rule-listing.ts'

interface Chain {
  readonly family: string
  readonly table: string
  readonly name: string
  readonly hook?: string
  readonly policy?: string
}

interface Hook {
  /** Whose packets pass there, in the words of a problem. */
  readonly packets: string
  readonly effect: string
  /** Where our bridge stands in a rule that lets them through. */
  readonly sides: readonly ('iifname' | 'oifname')[]
}

const beyond = 'Pods reach nothing beyond their node, and node ports do not answer.'

const hooks: Readonly<Record<string, Hook>> = {
  prerouting: { packets: 'arriving', effect: beyond, sides: ['iifname'] },
  forward: { packets: 'forwarded', effect: beyond, sides: ['iifname', 'oifname'] },
  input: {
    packets: 'incoming',
    effect: 'Pods reach neither the API server nor DNS, and probes get no answer.',
    sides: ['iifname'],
  },
  output: {
    packets: 'outgoing',
    effect: 'The node reaches no pod: probes fail, and kubectl exec and logs too.',
    sides: ['oifname'],
  },
}

export const foreignRules: Check = {
  name: 'firewall',
  about: 'rules of others that drop packets of pods',
  needs: ['node', 'root'],

  async run({ machine, config }) {
    if (!machine.find('nft')) return []
    const { stdout } = await machine.run('nft', ['-j', 'list', 'chains'])
    const chains = baseChains(stdout).filter((chain) => chain.table !== table)
    const found = await Promise.all(chains.map((chain) => problemOf(chain, { machine, config })))
    return [...found.flat(), ...(await legacy(machine))]
  },
}

function baseChains(listing: string): readonly Chain[] {
  if (!listing.trim().startsWith('{')) return []
  const { nftables } = JSON.parse(listing) as { nftables: readonly { chain?: Chain }[] }
  return nftables.flatMap(({ chain }) =>
    chain?.hook && hooks[chain.hook] && ['ip', 'inet'].includes(chain.family) ? [chain] : [],
  )
}

/** A chain that lets our bridge or our range through, by a rule of its own or of a chain that it leads to, is fine whatever else it does. */
async function problemOf(
  chain: Chain,
  { machine, config }: Pick<DoctorContext, 'machine' | 'config'>,
): Promise<readonly Problem[]> {
  const { family, table: name, name: chainName, policy, hook = '' } = chain
  const isFirewalld = name === 'firewalld'
  if (isFirewalld && hook !== 'forward') return []
  const { packets, effect, sides } = hooks[hook] as Hook
  const { stdout } = await machine.run('nft', ['list', 'table', family, name])
  const ours = [bridgeName, config.podCidr]
  const rules = rulesFrom(stdout, isFirewalld ? undefined : chainName)
  if (isFirewalld) {
    if (rules.some((rule) => isLetThrough(rule, ours))) return []
    return [
      {
        problem: `firewalld does not know the pod bridge ${bridgeName} and rejects what is forwarded. ${effect}`,
        fix: [`firewall-cmd --permanent --zone=trusted --add-interface=${bridgeName}`, 'firewall-cmd --reload'],
      },
    ]
  }
  const drop = dropOf(rules, ours)
  const isDropped = policy === 'drop' && !rules.some((rule) => isLetThrough(rule, ours))
  if (drop === undefined && !isDropped) return []
  const what =
    drop === undefined
      ? `drops ${packets} packets unless a rule lets them through`
      : `drops ${packets} packets of pods by the rule "${drop}"`
  const isIptables = family === 'ip' && name === 'filter' && chainName === hook.toUpperCase()
  return [
    {
      problem: `The chain ${family} ${name} ${chainName} ${what}. ${effect}`,
      fix: isIptables
        ? throughIptables('iptables', chainName, sides)
        : sides.map((side) => `nft insert rule ${family} ${name} ${chainName} ${side} "${bridgeName}" accept`),
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
      fix: throughIptables(program, 'FORWARD', ['iifname', 'oifname']),
    },
  ]
}

function throughIptables(program: string, chain: string, sides: Hook['sides']): readonly string[] {
  return sides.map((side) => `${program} -I ${chain} ${side === 'iifname' ? '-i' : '-o'} ${bridgeName} -j ACCEPT`)
}
