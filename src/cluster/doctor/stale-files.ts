/** Whether pid files and sockets lie about that belong to nobody any more: somebody was killed. */
import { join } from 'node:path'
import { pidFile } from '../containerd-process.ts'
import type { Check, ClusterProcess } from './check.ts'

export const staleFiles: Check = {
  name: 'leftovers',
  about: 'pid files and sockets of processes that are gone',
  needs: ['cluster'],

  run({ machine, directory, processes }) {
    const files: readonly (readonly [ClusterProcess, string])[] = [
      ['supervisor', join(directory.run, 'supervisor.pid')],
      ['server', join(directory.run, 'server.pid')],
      ['agent', join(directory.run, 'agent.pid')],
      ['containerd', pidFile(directory.containerd)],
      ['containerd', directory.containerd.socket],
    ]
    // What the supervisor is about to start again writes its own anew.
    const isKept = (name: ClusterProcess) => processes.supervisor !== undefined && name !== 'containerd'
    const stale = files.filter(
      ([name, file]) => processes[name] === undefined && !isKept(name) && machine.facts(file) !== undefined,
    )
    if (stale.length === 0) return []
    const names = [...new Set(stale.map(([name]) => name))].join(', ')
    return [
      {
        problem: `Files of processes that are gone are left (${names}): they were killed, or the machine went down.`,
        fix: [`rm -f ${stale.map(([, file]) => file).join(' ')}`],
      },
    ]
  },
}
