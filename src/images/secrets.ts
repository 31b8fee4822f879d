/** What must not be baked into an image: whoever can pull it could read it. */
import { open } from 'node:fs/promises'
import { basename } from 'node:path'

/** Why the file is a secret; undefined when it is none. */
export async function secretIn(path: string, file: string, size: number): Promise<string | undefined> {
  const byName = secretByName(path)
  if (byName) return byName
  if (size > largestKey || size < 40) return undefined
  const name = basename(path)
  if (!mayHoldKey.test(name) && name.includes('.') && isProgram.test(name)) return undefined
  const head = await headOf(file)
  if (/^-----BEGIN [A-Z0-9 ]*PRIVATE KEY/m.test(head) && /^\s*-----BEGIN/.test(head)) return 'a private key'
  if (name === '.npmrc' && /_(authToken|password|auth)\s*=/.test(head)) return 'a token for a package registry'
  if (/\.json$/.test(name) && /"private_key"\s*:\s*"-----BEGIN/.test(head)) return 'a service account with its key'
  return undefined
}

/** By its name alone. */
export function secretByName(path: string): string | undefined {
  const name = basename(path)
  if (/^\.env(\.|$)/.test(name) && !/\.(example|sample|template|dist|defaults?)$/.test(name)) return 'values of an environment'
  if (/^id_(rsa|dsa|ecdsa|ed25519)(_sk)?$/.test(name)) return 'an SSH key'
  if (/\.(p12|pfx|jks|keystore|kdbx|ppk)$/i.test(name)) return 'a store of keys'
  if (['.netrc', '_netrc', '.pgpass', '.git-credentials', '.htpasswd', 'kubeconfig'].includes(name)) return 'credentials'
  if (/(^|\/)(\.aws\/credentials|\.docker\/config\.json|\.kube\/config|\.ssh\/.+)$/.test(path)) return 'credentials'
  return undefined
}

const largestKey = 64 * 1024
const mayHoldKey = /\.(pem|key|crt|cer|der|json)$|^\.npmrc$/i
const isProgram = /\.(js|mjs|cjs|ts|mts|jsx|tsx|css|html?|md|py|svg|png|jpe?g|gif|ico|woff2?|map|txt|ya?ml|toml|lock)$/i

async function headOf(file: string): Promise<string> {
  await using handle = await open(file, 'r')
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(4096), 0, 4096, 0)
  return buffer.subarray(0, bytesRead).toString('latin1')
}
