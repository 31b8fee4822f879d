/** Whether the kernel forwards packets between pods and the world. */
import type { Check } from './check.ts'

export const ipForward: Check = {
  name: 'ip_forward',
  about: 'forwarding of packets between pods and the world',
  needs: ['node'],

  run({ machine, processes }) {
    const value = machine.readText('/proc/sys/net/ipv4/ip_forward')?.trim()
    // A node that starts sets it by itself.
    if (value !== '0' || processes.agent === undefined) return []
    return [
      {
        problem:
          'net.ipv4.ip_forward is 0: somebody switched it off after the node had started. Pods reach nothing beyond their node.',
        fix: ['sysctl -w net.ipv4.ip_forward=1', 'grep -r ip_forward /etc/sysctl.conf /etc/sysctl.d    shows who does'],
      },
    ]
  },
}
