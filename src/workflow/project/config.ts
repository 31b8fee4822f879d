/** `hokusai/config.yml`: which keys there are, of which types, and what counts when several say something. */
import { parseYaml } from '#schema/yaml.ts'
import { WorkflowError } from '../workflow-error.ts'
import { isSpecifier, satisfies } from './version-specifier.ts'

/** The version of Hokusai whose behaviour this is; what `hokusai-required-version` is held against. */
export const compatibleVersion = '3.4.0'

const types = {
  'project-name': 'text',
  'always-verbose': 'flag',
  'follow-logs': 'flag',
  'git-remote': 'text',
  'hokusai-required-version': 'text',
  'pre-build': 'text',
  'post-build': 'text',
  'pre-deploy': 'text',
  'post-deploy': 'text',
  'run-constraints': 'list',
  'run-template': 'text',
  'run-tty': 'flag',
  'tail-logs': 'number',
  'template-config-files': 'list',
  // Nami's own.
  registry: 'text',
  'registry-insecure': 'flag',
  'staging-context': 'text',
  'production-context': 'text',
  'staging-secrets': 'text',
  'production-secrets': 'text',
} as const

type TypeOf = { text: string; flag: boolean; list: readonly string[]; number: number }
export type ConfigKey = keyof typeof types
export type ProjectConfig = { readonly [K in ConfigKey]?: TypeOf[(typeof types)[K]] } & { readonly 'project-name': string }

/** The variables that stand in for keys; the others have none. */
const variables: Partial<Record<ConfigKey, string>> = {
  'always-verbose': 'HOKUSAI_ALWAYS_VERBOSE',
  'follow-logs': 'HOKUSAI_FOLLOW_LOGS',
  'run-constraints': 'HOKUSAI_RUN_CONSTRAINTS',
  'run-tty': 'HOKUSAI_RUN_TTY',
  'tail-logs': 'HOKUSAI_TAIL_LOGS',
  registry: 'NAMI_REGISTRY',
}

/** Throws WorkflowError that names the file and every key that is wrong. */
export function parseConfig(text: string, file: string): ProjectConfig {
  let value: unknown
  try {
    value = parseYaml(text, { file })[0]?.value ?? {}
  } catch (error) {
    throw new WorkflowError((error as Error).message, { cause: error })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new WorkflowError(`${file} must hold keys and values.`)
  }
  const config = value as Record<string, unknown>
  const faults = Object.entries(config).flatMap(([key, held]) => {
    if (!Object.hasOwn(types, key)) return []
    const type = types[key as ConfigKey]
    return held === null || isOf(held, type) ? [] : [`${key} must be ${described[type]}, not ${JSON.stringify(held)}`]
  })
  if (typeof config['project-name'] !== 'string' || config['project-name'] === '') faults.push('project-name is missing')
  const required = config['hokusai-required-version']
  if (typeof required === 'string' && !isSpecifier(required)) {
    faults.push(`hokusai-required-version ${JSON.stringify(required)} is no version specifier`)
  }
  if (faults.length > 0) throw new WorkflowError(`${file}: ${faults.join('; ')}`)
  const known = Object.entries(config).filter(([key, held]) => Object.hasOwn(types, key) && held !== null)
  return Object.fromEntries(known) as ProjectConfig
}

const described = { text: 'a text', flag: 'true or false', list: 'a list of texts', number: 'a whole number' } as const

function isOf(value: unknown, type: keyof TypeOf): boolean {
  if (type === 'list') return Array.isArray(value) && value.every((item) => typeof item === 'string')
  if (type === 'number') return (typeof value === 'number' && Number.isInteger(value)) || typeof value === 'bigint'
  return typeof value === (type === 'flag' ? 'boolean' : 'string')
}

/** Throws where the project asks for a Hokusai that this is not. */
export function checkRequiredVersion({ 'hokusai-required-version': required }: ProjectConfig): void {
  if (!required || satisfies(compatibleVersion, required)) return
  throw new WorkflowError(
    `The project requires Hokusai ${required}; this behaves as version ${compatibleVersion}. (hokusai-required-version in hokusai/config.yml)`,
  )
}

/** What counts for a key: the option, config.yml, the variable, in this order; undefined where nobody says anything. */
export function setting<K extends ConfigKey>(
  key: K,
  { option, config, env }: { option: TypeOf[(typeof types)[K]] | undefined; config: Partial<ProjectConfig>; env: Environment },
): TypeOf[(typeof types)[K]] | undefined {
  if (option !== undefined) return option
  const held = (config as Record<string, unknown>)[key] as TypeOf[(typeof types)[K]] | undefined
  if (held !== undefined) return held
  const variable = variables[key]
  const text = variable === undefined ? undefined : env[variable]
  return text === undefined || text === '' ? undefined : (readVariable(variable as string, text, types[key]) as never)
}

type Environment = Readonly<Record<string, string | undefined>>

function readVariable(name: string, text: string, type: keyof TypeOf): unknown {
  if (type === 'list') {
    return text
      .split(',')
      .map((part) => part.trim())
      .filter(Boolean)
  }
  if (type === 'text') return text
  if (type === 'number') {
    if (/^-?\d+$/.test(text)) return Number(text)
    throw new WorkflowError(`${name}=${text} is no whole number.`)
  }
  if (/^(1|true|yes|on)$/i.test(text)) return true
  if (/^(0|false|no|off)$/i.test(text)) return false
  throw new WorkflowError(`${name}=${text} is neither true nor false.`)
}
