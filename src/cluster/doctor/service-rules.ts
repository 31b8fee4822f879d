/** Whether the rules that lead service addresses to pods are still loaded: whoever flushes nftables takes them away. */
import { table } from '#network/proxy/base-ruleset.ts'
import type { Check } from './check.ts'

export const serviceRules: Check = {
  name: 'service rules',
  about: 'the rules of services are loaded',
  needs: ['cluster', 'node', 'root', 'running'],

  async run({ machine, processes }) {
    if (processes.agent === undefined || !machine.find('nft')) return []
    const { code, stdout } = await machine.run('nft', ['list', 'tables'])
    if (code !== 0 || stdout.split('\n').includes(`table ip ${table}`)) return []
    return [
      {
        problem: `The nftables table ${table} is gone: somebody has flushed all rules. Services and cluster DNS lead nowhere.`,
        fix: [`kill ${processes.agent}    the agent is started again and loads them; pods go on`],
      },
    ]
  },
}
