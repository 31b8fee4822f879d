/** Whether packets between pods of one bridge pass the service rules. */
import type { Check } from './check.ts'

const setting = 'net.bridge.bridge-nf-call-iptables'

export const bridgeNetfilter: Check = {
  name: 'br_netfilter',
  about: 'packets on the pod bridge pass the service rules',
  needs: ['node'],

  run({ machine, processes }) {
    const value = machine.readText(`/proc/sys/${setting.replaceAll('.', '/')}`)?.trim()
    const effect = 'A pod that reaches a neighbour through a Service gets answers from the wrong address.'
    if (value === undefined) {
      return [
        {
          problem: `The kernel module br_netfilter is not loaded. ${effect}`,
          fix: ['modprobe br_netfilter', 'echo br_netfilter >>/etc/modules-load.d/nami.conf    keeps it after a reboot'],
        },
      ]
    }
    // A node that starts sets it by itself.
    if (value === '1' || processes.agent === undefined) return []
    return [{ problem: `${setting} is ${value}. ${effect}`, fix: [`sysctl -w ${setting}=1`] }]
  },
}
