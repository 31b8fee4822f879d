/** Unmounts everything below a directory, the deepest first. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

export function unmountBelow(path: string): void {
  for (const point of mountPoints(readFileSync('/proc/self/mountinfo', 'utf8'), path)) spawnSync('umount', ['-l', point])
}

/** Mount points at or below `path`, in the order in which they can be unmounted. Spaces stand as `\040`. */
export function mountPoints(mountinfo: string, path: string): string[] {
  return mountinfo
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .map((point) => point.replace(/\\([0-7]{3})/g, (_, code) => String.fromCharCode(Number.parseInt(code, 8))))
    .filter((point) => point === path || point.startsWith(`${path}/`))
    .reverse()
}
