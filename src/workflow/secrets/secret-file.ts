/** Secrets in a file: YAML or JSON by its ending, else lines of `KEY=VALUE`. */
import { existsSync, readFileSync } from 'node:fs'
import { parseYaml } from '#schema/yaml.ts'
import { checkKey } from '../environment/values.ts'
import { WorkflowError } from '../workflow-error.ts'

export async function readSecretFile(path: string): Promise<Record<string, string>> {
  if (!existsSync(path)) throw new WorkflowError(`${path} does not exist.`)
  const text = readFileSync(path, 'utf8')
  if (!/\.(ya?ml|json)$/.test(path)) return readLines(text, path)
  let data: unknown
  try {
    data = parseYaml(text, { file: path })[0]?.value ?? {}
  } catch {
    // What the parser says may quote a line, and with it a secret.
    throw new WorkflowError(`${path} is no YAML that can be read.`)
  }
  return asValues(data, path)
}

function readLines(text: string, path: string): Record<string, string> {
  const pairs = text.split(/\r?\n/).flatMap((line, i): [string, string][] => {
    const clean = line.trim()
    if (clean === '' || clean.startsWith('#')) return []
    const [, key, value = ''] = /^(?:export\s+)?([^=\s]+)\s*=\s*(.*)$/.exec(clean) ?? []
    if (key === undefined) throw new WorkflowError(`${path}:${i + 1}: not KEY=VALUE`)
    return [[checkKey(key), value.replace(/^(["'])(.*)\1$/, '$2')]]
  })
  return Object.fromEntries(pairs)
}

/** Texts as they are, everything else as JSON writes it. */
export function asValues(data: unknown, where: string): Record<string, string> {
  if (typeof data !== 'object' || data === null || Array.isArray(data))
    throw new WorkflowError(`${where} must hold keys and values.`)
  const text = (value: unknown) =>
    typeof value === 'string' ? value : typeof value === 'bigint' ? String(value) : JSON.stringify(value)
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [checkKey(key), text(value)]))
}
