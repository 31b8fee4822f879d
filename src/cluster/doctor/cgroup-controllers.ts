/** Whether the control groups through which pods are limited are there. */
import { join } from 'node:path'
import { hasControlGroups, readMounts } from '#kubelet/node/cgroups.ts'
import type { Check, Machine } from './check.ts'

const needed = ['cpu', 'memory', 'pids']

export const cgroupControllers: Check = {
  name: 'cgroups',
  about: 'control groups for CPU, memory and process ids',
  needs: ['node'],

  run({ machine }) {
    const mountinfo = machine.readText('/proc/self/mountinfo') ?? ''
    if (!hasControlGroups(mountinfo)) {
      return [
        {
          problem: 'No control groups are mounted; containers cannot be started.',
          fix: ['mount -t cgroup2 cgroup2 /sys/fs/cgroup'],
        },
      ]
    }
    const { version, roots } = readMounts(mountinfo)
    const present = version === 1 ? [...roots.keys()] : unifiedControllers(machine, roots.get('') ?? '/sys/fs/cgroup')
    const missing = needed.filter((name) => !present.includes(name))
    if (missing.length === 0) return []
    return [
      {
        problem: `The control group controllers ${missing.join(', ')} are off; limits of pods would not hold.`,
        fix: [
          ...(missing.includes('memory')
            ? ['add cgroup_enable=memory swapaccount=1 to GRUB_CMDLINE_LINUX in /etc/default/grub, then: update-grub && reboot']
            : []),
          ...(version === 2
            ? [`cat ${roots.get('')}/cgroup.controllers    shows what there is`]
            : ['cat /proc/cgroups    shows what there is']),
        ],
      },
    ]
  },
}

function unifiedControllers(machine: Machine, root: string): readonly string[] {
  return (machine.readText(join(root, 'cgroup.controllers')) ?? '').trim().split(/\s+/)
}
