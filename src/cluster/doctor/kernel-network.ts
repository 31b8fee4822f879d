/** Whether the kernel can make bridges and pairs of virtual interfaces, tried in a network namespace that ends with the try. */
import type { Check, Problem } from './check.ts'

const tries: readonly (readonly [string, readonly string[]])[] = [
  ['bridge', ['link', 'add', 'nami-try', 'type', 'bridge']],
  ['veth', ['link', 'add', 'nami-try', 'type', 'veth', 'peer', 'name', 'nami-peer']],
]

export const kernelNetwork: Check = {
  name: 'interfaces',
  about: 'network namespaces, bridges and veth pairs',
  needs: ['node', 'root'],

  async run({ machine }) {
    if (!machine.find('ip') || !machine.find('unshare')) return []
    const { code, stderr } = await machine.run('unshare', ['--net', 'true'])
    if (code !== 0) return [noNamespaces(stderr)]
    const problems: Problem[] = []
    for (const [type, args] of tries) {
      const outcome = await machine.run('unshare', ['--net', 'ip', ...args])
      if (outcome.code !== 0) problems.push(noType(type, outcome.stderr))
    }
    return problems
  },
}

function noNamespaces(stderr: string): Problem {
  return {
    problem: `Network namespaces cannot be made here (${stderr.trim()}), so no pod can have a network of its own.`,
    fix: [
      'docker run --privileged ...    if this is a container: it needs CAP_SYS_ADMIN',
      'nami up --no-agent    runs without pods',
    ],
  }
}

function noType(type: string, stderr: string): Problem {
  return {
    problem: `The kernel cannot make interfaces of type ${type} (${stderr.trim().split('\n')[0]}); pods would have no network.`,
    fix: [`modprobe ${type}`, `echo ${type} >>/etc/modules-load.d/nami.conf    keeps it after a reboot`],
  }
}
