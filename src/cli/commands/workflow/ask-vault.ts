/** Questions over HTTP or HTTPS to a store of secrets; VAULT_CACERT and VAULT_SKIP_VERIFY count, as for Vault's own client. */
import { readFileSync } from 'node:fs'
import { request as overHttp } from 'node:http'
import { request as overHttps } from 'node:https'
import type { Terminal } from '#cli/command.ts'
import type { Answer, Ask } from '#workflow/secrets/source.ts'

const patience = 10_000
const most = 4 << 20

export function askVault({ env, signal }: Terminal): Ask {
  return async ({ method, url, headers, body }) => {
    const request = url.startsWith('https:') ? overHttps : overHttp
    const tls = {
      ...(env.VAULT_CACERT && { ca: readFileSync(env.VAULT_CACERT) }),
      ...(/^(1|true)$/i.test(env.VAULT_SKIP_VERIFY ?? '') && { rejectUnauthorized: false }),
    }
    return new Promise<Answer>((resolve, reject) => {
      const sent = request(url, { method, headers, signal, timeout: patience, ...tls }, (response) => {
        const chunks: Buffer[] = []
        let size = 0
        response.on('data', (chunk: Buffer) => {
          size += chunk.length
          if (size > most) response.destroy(new Error('the answer is too large'))
          chunks.push(chunk)
        })
        response.on('error', reject)
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }))
      })
      sent.on('timeout', () => sent.destroy(new Error(`no answer within ${patience / 1000} seconds`)))
      sent.on('error', reject)
      sent.end(body)
    })
  }
}
