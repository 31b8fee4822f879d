/** The pages that `kubectl --help` and `kubectl COMMAND --help` print. */
import type { AnyFlag } from './command-line.ts'
import type { Verb } from './verb.ts'
import { verbs } from './verbs.ts'

export async function overview(): Promise<string> {
  const lines = ['kubectl controls a Kubernetes cluster; this one is built into Nami.', '', 'Commands:']
  for (const [name, load] of Object.entries(verbs)) lines.push(`  ${name.padEnd(15)} ${(await load()).default.summary}`)
  lines.push(
    '',
    'Usage:',
    '  kubectl [flags] [options]',
    '',
    'Use "kubectl <command> --help" for more information about a given command.',
    '',
  )
  return lines.join('\n')
}

export async function helpText(verb: Verb, words: string): Promise<string> {
  const lines = [verb.summary, '']
  if (verb.examples?.length) lines.push('Examples:', ...verb.examples.map((example) => `  kubectl ${example}`), '')
  if (verb.verbs) {
    lines.push('Available Commands:')
    for (const [name, load] of Object.entries(verb.verbs)) lines.push(`  ${name.padEnd(15)} ${(await load()).default.summary}`)
    lines.push('')
  }
  const flags = Object.entries(verb.flags as Record<string, AnyFlag>)
  if (flags.length > 0) lines.push('Options:', ...flags.map(([name, flag]) => `    ${flagLine(name, flag)}`), '')
  lines.push('Usage:', `  kubectl ${verb.usage || words}`, '')
  return lines.join('\n')
}

function flagLine(name: string, { short, type, value }: AnyFlag): string {
  const shown = type === 'list' || type === 'array' ? '[]' : type === 'text' ? `'${value}'` : String(value)
  return `${short ? `-${short}, ` : ''}--${name}=${shown}`
}
