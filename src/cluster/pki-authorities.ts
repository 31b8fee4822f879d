/** The keys that make a cluster this cluster: its authorities and the signer of its tokens. Everything else is issued anew from them. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Pki } from './pki.ts'
import { writeAtomically } from './pki-files.ts'

/** By the names of their files. */
export function authoritiesOf({ ca, frontProxyCa, serviceAccount }: Pki): Record<string, string> {
  return {
    'ca.key': ca.key,
    'ca.crt': ca.certificate,
    'front-proxy-ca.key': frontProxyCa.key,
    'front-proxy-ca.crt': frontProxyCa.certificate,
    'sa.key': serviceAccount.key,
  }
}

const names = ['ca.key', 'ca.crt', 'front-proxy-ca.key', 'front-proxy-ca.crt', 'sa.key']

/** Puts them where there are none; a cluster that has its own keeps them. */
export async function takeAuthorities(
  dir: string,
  files: Readonly<Record<string, string>> | undefined,
): Promise<'own' | 'restored' | 'none'> {
  if (existsSync(join(dir, 'ca.key'))) return 'own'
  if (!files || names.some((name) => typeof files[name] !== 'string')) return 'none'
  // The authority's key last: what a crash leaves behind is taken again.
  for (const name of names.toReversed()) {
    await writeAtomically(join(dir, name), files[name] as string, name.endsWith('.key') ? 0o600 : 0o644)
  }
  return 'restored'
}
