/** Whether the kernel takes the rules of the service proxy, tried in a network namespace that ends with the try. */
import { baseRuleset } from '#network/proxy/base-ruleset.ts'
import type { Check } from './check.ts'

export const kernelNftables: Check = {
  name: 'nftables',
  about: 'the kernel takes the rules of services',
  needs: ['node', 'root'],

  async run({ machine, config }) {
    if (!machine.find('nft') || !machine.find('unshare')) return []
    if ((await machine.run('unshare', ['--net', 'true'])).code !== 0) return []
    const { code, stderr } = await machine.run('unshare', ['--net', 'nft', '-f', '-'], baseRuleset(config) + balancing)
    if (code === 0) return []
    return [
      {
        problem: `The kernel refuses the rules that lead service addresses to pods: ${stderr.trim().split('\n')[0]}`,
        fix: [
          'modprobe nf_tables nft_chain_nat nft_masq nft_fib_ipv4 nft_numgen',
          'nft --version    (1.0 or newer is known to work)',
        ],
      },
    ]
  },
}

/** What stands in the chain of each service. */
const balancing = 'add chain ip nami one\nadd rule ip nami dispatch numgen random mod 2 vmap { 0 : goto one, 1 : goto one }\n'
