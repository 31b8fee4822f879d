/** Makes keys: ECDSA on P-256, which takes a fraction of a millisecond. */
import { generateKeyPairSync } from 'node:crypto'

/** PEM, PKCS #8. */
export function newKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
}
