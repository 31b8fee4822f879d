/** A store outside of the cluster that an environment's secrets come from: HashiCorp Vault, or a file. */
import { isAbsolute, join } from 'node:path'
import type { Project } from '../project/project.ts'
import type { Surroundings } from '../surroundings.ts'
import { WorkflowError } from '../workflow-error.ts'
import { readSecretFile } from './secret-file.ts'
import { readVault } from './vault.ts'

export interface SecretSource {
  /** As config.yml names it: `vault:secret/web/staging`. */
  readonly name: string
  /** All secrets, as they are now. Throws WorkflowError, which never tells a value. */
  read(): Promise<Readonly<Record<string, string>>>
}

export interface Answer {
  readonly status: number
  readonly body: string
}

export interface Question {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

/** Asks over HTTP. Throws where nobody answers. */
export type Ask = (question: Question) => Promise<Answer>

/** Of `staging-secrets` or `production-secrets` in config.yml; review apps share staging's. Undefined where nothing is said. */
export function secretSource(
  project: Pick<Project, 'config' | 'directory'>,
  environment: 'staging' | 'production',
  { env, ask }: { env: Surroundings['env']; ask: Ask },
): SecretSource | undefined {
  const name = project.config[`${environment}-secrets`]
  if (!name) return undefined
  const [, kind, place = ''] = /^(vault|file):(.+)$/.exec(name) ?? []
  if (!kind) {
    throw new WorkflowError(`${environment}-secrets: ${JSON.stringify(name)} is neither vault:MOUNT/PATH nor file:PATH.`, {
      next: [`${environment}-secrets: vault:secret/web/${environment}`],
    })
  }
  const read = () => {
    if (kind === 'vault') return readVault(place, { env, ask })
    return readSecretFile(isAbsolute(place) ? place : join(project.directory, place))
  }
  return { name, read }
}
