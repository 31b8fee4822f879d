/** `nami simulate add` adds simulated nodes to the running cluster. */
import { type Command, CommandError, defineCommand } from '#cli/command.ts'
import { dataDir } from './flags.ts'
import { simulationOf, worded } from './simulated-cluster.ts'

const command: Command = defineCommand({
  summary: 'add simulated nodes to the running cluster',
  usage: 'simulate add N|FILE',
  details: `  They behave like nodes at the API: pods are bound to them, run, fail and end, but there are no containers.
  N nodes are called NAME-0, NAME-1, ... A FILE has shapes, and says how long pods take and what fails:
    nodes:
    - { name: small, count: 400, cpu: 4, memory: 32Gi, zones: [a, b, c] }
    - { name: gpu, count: 10, resources: { nvidia.com/gpu: 8 }, taints: ["nvidia.com/gpu=true:NoSchedule"] }
    pods: { start: 200ms..2s, failures: { share: 0.01, after: 10s } }
  Nodes that were added under the same name before are replaced.`,
  examples: ['simulate add 100', 'simulate add 10 --name big --cpu 64 --memory 512Gi', 'simulate add nodes.yaml'],
  flags: {
    'data-dir': dataDir,
    name: { type: 'string', value: 'NAME', doc: "of the group of nodes (default simulated, or the file's name)" },
    cpu: { type: 'string', value: 'Q', doc: 'cores of each node (default 4)' },
    memory: { type: 'string', value: 'Q', doc: 'memory of each node (default 32Gi)' },
    pods: { type: 'string', value: 'N', doc: 'pods that a node takes (default 110)' },
    zones: { type: 'string', value: 'Z,...', doc: 'zones that the nodes take turns in' },
  },

  async run({ flags, args, terminal, print }) {
    const [given] = args
    if (given === undefined || args.length > 1) throw new CommandError('usage: nami simulate add N|FILE', { exitCode: 2 })
    const simulation = await simulationOf(flags['data-dir'])
    const { groupFrom, groupOf, simulate } = await import('#cluster/simulate.ts')
    const { cpu, memory, pods, zones, name } = flags
    const shape = {
      ...(cpu && { cpu }),
      ...(memory && { memory }),
      ...(pods && { podLimit: pods }),
      ...(zones && { zones: zones.split(',') }),
    }
    const isShaped = Object.keys(shape).length > 0
    if (isShaped && !/^\d+$/.test(given)) throw new CommandError('A file says itself what its nodes are like.', { exitCode: 2 })
    await using client = simulation
    const count = await worded(async () => {
      const group = isShaped
        ? groupOf(name ?? 'simulated', { ...shape, count: Number(given) })
        : groupFrom(given, { cwd: terminal.cwd, name })
      return await simulate(client.client, { [group.name]: group.text }, { signal: terminal.signal })
    })
    print(`${count} simulated nodes are there.`)
  },
})
export default command
