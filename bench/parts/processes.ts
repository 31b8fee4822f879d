/** Who descends from a process; containerd leads a session of its own. */
import { readFileSync } from 'node:fs'

export function descendants(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
  return children.filter(isNami).flatMap((child) => [child, ...descendants(child)])
}

/** containerd is the agent's child until the agent is started again. */
function isNami(pid: number): boolean {
  return !readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('containerd\0')
}
