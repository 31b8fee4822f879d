/**
 * HashiCorp Vault's KV engine over HTTP, versions 1 and 2. Where and as whom, Vault's own variables say: VAULT_ADDR, VAULT_NAMESPACE, and
 * VAULT_TOKEN, or VAULT_ROLE_ID with VAULT_SECRET_ID, or the file ~/.vault-token that `vault login` leaves.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Surroundings } from '../surroundings.ts'
import { WorkflowError } from '../workflow-error.ts'
import { asValues } from './secret-file.ts'
import type { Answer, Ask } from './source.ts'

interface Options {
  readonly env: Surroundings['env']
  readonly ask: Ask
}

/** `place` is `MOUNT/PATH`, as `vault kv get` takes it. */
export async function readVault(place: string, { env, ask }: Options): Promise<Record<string, string>> {
  const address = env.VAULT_ADDR?.replace(/\/+$/, '')
  if (!address) {
    throw new WorkflowError(`vault:${place}: it is not said where Vault is.`, {
      next: ['export VAULT_ADDR=https://vault.example.com:8200'],
    })
  }
  const vault = vaultAt(address, { env, ask })
  const token = await vault.token()
  const path = place.replace(/^\/+|\/+$/g, '')
  const found = await vault.get(await vault.pathOf(path, token), token)
  if (found.status === 404) throw new WorkflowError(`Vault has nothing at ${path}.`, { next: [`vault kv put ${path} KEY=VALUE`] })
  if (found.status !== 200) throw refused(found, `vault:${path}`)
  // Version 2 wraps the values once more, beside what it knows of them.
  const { data } = JSON.parse(found.body) as { data?: { data?: unknown; metadata?: unknown } & Record<string, unknown> }
  const values = data?.metadata !== undefined && 'data' in data ? data.data : data
  return asValues(values ?? {}, `vault:${path}`)
}

function vaultAt(address: string, { env, ask }: Options) {
  const common = env.VAULT_NAMESPACE ? { 'x-vault-namespace': env.VAULT_NAMESPACE } : {}
  const send = async (method: 'GET' | 'POST', path: string, rest: { token?: string; body?: unknown }): Promise<Answer> => {
    const headers = { ...common, 'x-vault-request': 'true', ...(rest.token && { 'x-vault-token': rest.token }) }
    const body = rest.body === undefined ? {} : { body: JSON.stringify(rest.body) }
    try {
      return await ask({ method, url: `${address}/v1/${path}`, headers, ...body })
    } catch (error) {
      throw new WorkflowError(`Vault at ${address} does not answer: ${(error as Error).message}`, { cause: error })
    }
  }
  const get = (path: string, token: string) => send('GET', path, { token })
  return {
    get,
    async token(): Promise<string> {
      const file = join(env.HOME ?? '', '.vault-token')
      const known = env.VAULT_TOKEN || (existsSync(file) ? readFileSync(file, 'utf8').trim() : '')
      if (known) return known
      const { VAULT_ROLE_ID: role, VAULT_SECRET_ID: secret } = env
      if (!role || !secret) {
        throw new WorkflowError('Nobody is logged in to Vault.', {
          next: ['vault login', 'Or set VAULT_TOKEN, or VAULT_ROLE_ID and VAULT_SECRET_ID'],
        })
      }
      const answer = await send('POST', 'auth/approle/login', { body: { role_id: role, secret_id: secret } })
      if (answer.status !== 200) throw refused(answer, 'the login')
      return (JSON.parse(answer.body) as { auth: { client_token: string } }).auth.client_token
    },
    /** What to read for a path: version 2 has `data/` behind the mount. Who may not ask about mounts is taken to have version 2. */
    async pathOf(path: string, token: string): Promise<string> {
      const answer = await get(`sys/internal/ui/mounts/${path}`, token)
      const mount = answer.status === 200 ? (JSON.parse(answer.body) as Mount).data : undefined
      if (mount?.options?.version !== '2' && mount?.path !== undefined) return path
      const prefix = mount?.path ?? `${path.split('/')[0]}/`
      return `${prefix}data/${path.slice(prefix.length)}`
    },
  }
}

interface Mount {
  readonly data?: { readonly path?: string; readonly options?: { readonly version?: string } | null }
}

function refused({ status, body }: Answer, what: string): WorkflowError {
  let errors: readonly string[] = []
  try {
    errors = (JSON.parse(body) as { errors?: string[] }).errors ?? []
  } catch {}
  const why = errors.map((error) => error.trim()).join('; ') || `status ${status}`
  return new WorkflowError(`Vault refuses ${what}: ${why}`, { next: status === 403 ? ['vault token lookup', 'vault login'] : [] })
}
