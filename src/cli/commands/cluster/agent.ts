/** `nami agent` is the node's process; the supervisor that `nami up` leaves behind runs it. */
import { processCommand } from './process.ts'

export default processCommand({
  name: 'agent',
  summary: 'run the node agent in the foreground',
  load: async () => (await import('#cluster/start-agent.ts')).startAgent,
})
