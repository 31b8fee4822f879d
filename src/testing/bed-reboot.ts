/** What a reboot does to a cluster: everything ends at once that is not a file on disk. */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { controlGroupsOf, mountsBelow, pidsNaming, traces } from './bed-traces.ts'

/** `data`: the data directory of the bed, which alone remains; `name`: its network namespace, which loses rules and interfaces. */
export async function reboot({ name, dataDir }: { readonly name: string; readonly dataDir: string }): Promise<void> {
  const before = traces(dataDir)
  const paths = [before.data, before.run]
  for (let round = 0; round < 50; round++) {
    const processes = pidsNaming(paths)
    for (const pid of processes) kill(pid)
    for (const group of controlGroupsOf(before)) endGroup(group)
    if (processes.length === 0 && pidsNaming(paths).length === 0) break
    await wait(100)
  }
  for (const mount of mountsBelow(paths).reverse()) spawnSync('umount', ['--lazy', mount])
  const links = run('ip', ['-n', name, '-o', 'link']).split('\n')
  for (const line of links) {
    const link = /^\d+: ([^:@]+)/.exec(line)?.[1]
    if (link && link !== 'lo') spawnSync('ip', ['-n', name, 'link', 'delete', link])
  }
  run('nsenter', [`--net=/run/netns/${name}`, 'nft', 'flush', 'ruleset'])
  rmSync(before.run, { recursive: true, force: true })
  for (const group of controlGroupsOf(before).sort().reverse()) removeGroup(group)
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}

function endGroup(group: string): void {
  const file = join(group, 'cgroup.kill')
  if (existsSync(file)) writeFileSync(file, '1')
}

/** Innermost first; one that still holds a dying process stays, as an empty one does no harm. */
function removeGroup(group: string): void {
  for (const entry of readdirSync(group, { withFileTypes: true })) if (entry.isDirectory()) removeGroup(join(group, entry.name))
  spawnSync('rmdir', [group])
}

function run(program: string, args: readonly string[]): string {
  return spawnSync(program, args, { encoding: 'utf8' }).stdout
}
