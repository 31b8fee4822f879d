/** Every command and the file it lives in; only the one that is called gets loaded. A test holds this list against the folder. */
import type { Command } from './command.ts'

export interface Listed {
  /** Heading in the list of commands; '' keeps it out of there. */
  readonly group: 'Cluster' | 'Kubernetes' | 'Images' | ''
  readonly load: () => Promise<{ readonly default: Command }>
}

export const commands: Readonly<Record<string, Listed>> = {
  up: { group: 'Cluster', load: () => import('./commands/cluster/up.ts') },
  down: { group: 'Cluster', load: () => import('./commands/cluster/down.ts') },
  status: { group: 'Cluster', load: () => import('./commands/cluster/status.ts') },
  doctor: { group: 'Cluster', load: () => import('./commands/cluster/doctor.ts') },
  backup: { group: 'Cluster', load: () => import('./commands/cluster/backup.ts') },
  restore: { group: 'Cluster', load: () => import('./commands/cluster/restore.ts') },
  kubeconfig: { group: 'Cluster', load: () => import('./commands/cluster/kubeconfig.ts') },
  server: { group: '', load: () => import('./commands/cluster/server.ts') },
  agent: { group: '', load: () => import('./commands/cluster/agent.ts') },
  kubectl: { group: 'Kubernetes', load: () => import('./commands/kubectl/kubectl.ts') },
  k: { group: '', load: () => import('./commands/kubectl/kubectl.ts') },
  'image build': { group: 'Images', load: () => import('./commands/image/build.ts') },
  'image load': { group: 'Images', load: () => import('./commands/image/load.ts') },
  'image ls': { group: 'Images', load: () => import('./commands/image/ls.ts') },
  'image rm': { group: 'Images', load: () => import('./commands/image/rm.ts') },
  'image push': { group: 'Images', load: () => import('./commands/image/push.ts') },
  'image pull': { group: 'Images', load: () => import('./commands/image/pull.ts') },
  test: { group: '', load: () => import('./commands/development/test.ts') },
}
