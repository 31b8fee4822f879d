/** `nami server` is the control plane's process; the supervisor that `nami up` leaves behind runs it. */
import { processCommand } from './process.ts'

export default processCommand({
  name: 'server',
  summary: 'run the control plane in the foreground',
  load: async () => (await import('#cluster/start-server.ts')).startServer,
})
