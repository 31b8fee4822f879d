/** Whether the machine's clock can be right: certificates, tokens and leases all depend on it. */
import { humanDuration } from '#schema/kind.ts'
import type { Check, Machine } from './check.ts'

/** No Nami is older than this. */
const earliest = Date.UTC(2026, 0, 1)
/** Certificates of a first start are valid for ten years. */
const latest = Date.UTC(2046, 0, 1)
/** Clocks differ a little, and files are written while we look. */
const tolerance = 120_000

export const clockSanity: Check = {
  name: 'clock',
  about: "the machine's clock",

  async run({ machine, directory, now }) {
    const fix = ['date    shows the clock', 'timedatectl set-ntp true    (or: date -s "2026-01-31 12:00" )']
    const shown = new Date(now).toISOString()
    if (now < earliest) return [{ problem: `The clock says ${shown}, which is past. Certificates are not valid yet then.`, fix }]
    if (now > latest) return [{ problem: `The clock says ${shown}, which is far ahead. Certificates have expired by then.`, fix }]
    const off = await offByNtp(machine)
    if (off)
      return [
        { problem: `The clock says ${shown} and is ${off} of the time that chrony knows.`, fix: ['chronyc makestep', ...fix] },
      ]
    const future = [directory.config, directory.kubeconfig, `${directory.pki}/ca.crt`].find(
      (path) => (machine.facts(path)?.modified ?? 0) > now + tolerance,
    )
    if (!future) return []
    return [{ problem: `The clock says ${shown}, but ${future} was written later than that: the clock went back.`, fix }]
  },
}

/** `3h ahead`, `50s behind`; undefined where nobody knows better, or it is right. */
async function offByNtp(machine: Machine): Promise<string | undefined> {
  if (!machine.find('chronyc')) return undefined
  const { code, stdout } = await machine.run('chronyc', ['-n', 'tracking'])
  const [, seconds = '0', side] = /^System time\s*: ([\d.]+) seconds (fast|slow) of NTP time$/m.exec(stdout) ?? []
  const off = Number(seconds) * 1000
  if (code !== 0 || off <= tolerance) return undefined
  return `${humanDuration(off)} ${side === 'fast' ? 'ahead' : 'behind'}`
}
