/** Whether the cluster's certificates are valid, and for how long yet. */
import { X509Certificate } from 'node:crypto'
import { relative } from 'node:path'
import type { Check, Problem } from './check.ts'

const day = 24 * 3600 * 1000
/** A start renews what has less than 30 days left; whoever sees this has not started anything for long. */
const warnBefore = 14 * day

export const certificates: Check = {
  name: 'certificates',
  about: 'validity of everything in pki/',
  needs: ['cluster'],

  run({ machine, directory, now }) {
    const files = machine.filesBelow(directory.pki).filter((file) => file.endsWith('.crt'))
    return files.flatMap((file) => {
      const wrong = whatIsWrong(machine.readText(file) ?? '', now)
      return wrong ? [problemOf(relative(directory.path, file), wrong)] : []
    })
  },
}

function whatIsWrong(pem: string, now: number): string | undefined {
  let certificate: X509Certificate
  try {
    certificate = new X509Certificate(pem)
  } catch (error) {
    return `cannot be read (${(error as Error).message})`
  }
  const [from, to] = [certificate.validFromDate.getTime(), certificate.validToDate.getTime()]
  if (now < from) return `is not valid before ${certificate.validFromDate.toISOString()}; is the clock right?`
  if (now > to) return `expired on ${certificate.validToDate.toISOString().slice(0, 10)}; is the clock right?`
  if (now + warnBefore > to) return `expires in ${Math.floor((to - now) / day)} days`
  return undefined
}

function problemOf(file: string, wrong: string): Problem {
  return { problem: `The certificate ${file} ${wrong}.`, fix: ['nami down', 'nami up    makes new ones where that is due'] }
}
