/** Whether other programs hold the ports that the cluster listens on. */
import { podNetwork } from '#network/pod-network.ts'
import type { Check, DoctorContext, Machine, Problem } from './check.ts'

export const ports: Check = {
  name: 'ports',
  about: 'ports of the API server, the node and DNS',

  async run(context) {
    const { machine, config, processes } = context
    const found: Problem[] = []
    if (processes.server === undefined && !(await machine.isFree(config.port))) {
      found.push(
        await taken(machine, { port: config.port, what: 'the API server', other: [`nami up --port ${config.port + 1}`] }),
      )
    }
    if (config.agent && processes.agent === undefined && !(await machine.isFree(config.agentPort))) {
      found.push(await taken(machine, { port: config.agentPort, what: 'the node agent', other: [] }))
    }
    return config.agent ? [...found, ...(await wildcardDns(context))] : found
  },
}

async function taken(
  machine: Machine,
  { port, what, other }: { port: number; what: string; other: readonly string[] },
): Promise<Problem> {
  const { stdout } = await machine.run('ss', ['-Hltnp', `sport = :${port}`])
  const [, name, pid] = /\("([^"]+)",pid=(\d+)/.exec(stdout) ?? []
  return {
    problem: `Port ${port}, which ${what} wants, is in use by ${name ? `${name} (pid ${pid})` : 'another program'}.`,
    fix: pid ? [`kill ${pid}    ends it`, ...other] : [`ss -ltnp 'sport = :${port}'    shows by which`, ...other],
  }
}

/** A DNS server on all addresses takes port 53 of the pod bridge too, where the node's own answers. */
async function wildcardDns({ machine, config }: DoctorContext): Promise<readonly Problem[]> {
  const { stdout } = await machine.run('ss', ['-Hlutnp', 'sport = :53'])
  const line = stdout.split('\n').find((one) => /\s(0\.0\.0\.0|\*|\[::\]):53\s/.test(one))
  if (!line) return []
  const [, name = 'a program', pid] = /\("([^"]+)",pid=(\d+)/.exec(line) ?? []
  const { gateway } = podNetwork(config.podCidr, config.serviceCidr)
  return [
    {
      problem: `${name}${pid ? ` (pid ${pid})` : ''} answers DNS on all addresses; the node must answer on ${gateway}:53.`,
      fix: [
        "ss -lutnp 'sport = :53'    shows who",
        `let it listen on single addresses (dnsmasq: bind-interfaces, except-interface=nami0)`,
      ],
    },
  ]
}
