/** Whether the machine's clock can be right: certificates, tokens and leases all depend on it. */
import type { Check } from './check.ts'

/** No Nami is older than this. */
const earliest = Date.UTC(2026, 0, 1)
/** Clocks differ a little, and files are written while we look. */
const tolerance = 120_000

export const clockSanity: Check = {
  name: 'clock',
  about: "the machine's clock",

  run({ machine, directory, now }) {
    const fix = ['date    shows the clock', 'timedatectl set-ntp true    (or: date -s "2026-01-31 12:00" )']
    const shown = new Date(now).toISOString()
    if (now < earliest) return [{ problem: `The clock says ${shown}, which is past. Certificates are not valid yet then.`, fix }]
    const future = [directory.config, directory.kubeconfig, `${directory.pki}/ca.crt`].find(
      (path) => (machine.facts(path)?.modified ?? 0) > now + tolerance,
    )
    if (!future) return []
    return [{ problem: `The clock says ${shown}, but ${future} was written later than that: the clock went back.`, fix }]
  },
}
