/** An application's folder: its configuration, where its files are, and what its templates know. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import { parseYaml } from '#schema/yaml.ts'
import { WorkflowError } from '../workflow-error.ts'
import { cleanName } from './clean-name.ts'
import { checkRequiredVersion, type ProjectConfig, parseConfig, setting } from './config.ts'

export interface Project {
  readonly name: string
  /** The folder that holds `hokusai/`. */
  readonly directory: string
  /** `hokusai/` itself. */
  readonly folder: string
  readonly config: ProjectConfig
  /** Image name without a tag: `registry.example.com/team/web`. */
  readonly repository: string
  /** Images stay on this machine's node: no registry is configured. */
  readonly isLocal: boolean
  /** What templates know. */
  readonly variables: Readonly<Record<string, unknown>>
}

type Environment = Readonly<Record<string, string | undefined>>

/** Finds the project from `cwd` upwards; throws where there is none, or where its configuration is wrong. */
export function openProject(cwd: string, env: Environment): Project {
  const directory = findUpwards(cwd)
  if (!directory) {
    throw new WorkflowError(`No project here: neither ${cwd} nor a folder above it has hokusai/config.yml.`, {
      next: ['nami setup'],
    })
  }
  const folder = join(directory, 'hokusai')
  const file = join(folder, 'config.yml')
  const config = parseConfig(readFileSync(file, 'utf8'), file)
  checkRequiredVersion(config)
  const name = config['project-name']
  if (cleanName(name) !== name) {
    throw new WorkflowError(`${file}: project-name ${JSON.stringify(name)} cannot be a name in a cluster.`, {
      next: [`project-name: ${cleanName(name)}`],
    })
  }
  const registry = setting('registry', { option: undefined, config, env })?.replace(/\/+$/, '')
  const repository = `${registry ?? 'localhost'}/${name}`
  const own = { project_name: name, project_repo: repository }
  const files = config['template-config-files'] ?? []
  const variables = Object.assign({}, ...files.map((one) => readVariables(one, directory))) as Record<string, unknown>
  return { name, directory, folder, config, repository, isLocal: registry === undefined, variables: { ...variables, ...own } }
}

function findUpwards(from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'hokusai/config.yml'))) return folder
    if (dirname(folder) === folder) return undefined
  }
}

function readVariables(file: string, directory: string): Record<string, unknown> {
  if (/^s3:\/\//.test(file)) {
    throw new WorkflowError(`template-config-files: ${file} is no file of this machine.`, {
      next: [`aws s3 cp ${file} hokusai/variables.yml`, 'and name hokusai/variables.yml instead'],
    })
  }
  const path = isAbsolute(file) ? file : join(directory, file)
  if (!existsSync(path)) throw new WorkflowError(`template-config-files: ${path} does not exist.`)
  const value = parseYaml(readFileSync(path, 'utf8'), { file: path })[0]?.value ?? {}
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new WorkflowError(`template-config-files: ${path} must hold keys and values.`)
  }
  return value as Record<string, unknown>
}
