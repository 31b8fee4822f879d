/** Certificates on disk: kept while they are good, made anew when they are not. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { chmod, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { CertificateRequest, KeyAndCertificate } from './pki-certificate.ts'

const day = 24 * 3600 * 1000
/** A certificate that has less left is renewed. */
const renewBefore = 30 * day

export interface FileOptions {
  readonly dir: string
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** The pair `NAME.crt`, `NAME.key`: as it lies there if it is good, else a new one from `issue`. */
export async function ensurePair(
  name: string,
  { dir, now }: FileOptions,
  rules: { readonly isGood: (pair: KeyAndCertificate) => boolean; readonly issue: () => Promise<KeyAndCertificate> },
): Promise<KeyAndCertificate> {
  const found = await readPair(dir, name)
  if (found && isCurrent(found, now) && rules.isGood(found)) return found
  const made = await rules.issue()
  // The key goes first: what a crash leaves behind does not match, and is made anew.
  await writeAtomically(join(dir, `${name}.key`), made.key, 0o600)
  await writeAtomically(join(dir, `${name}.crt`), made.certificate, 0o644)
  return made
}

/** One file, made once. */
export async function ensureFile(path: string, { mode, make }: { mode: number; make: () => string }): Promise<string> {
  const found = await readIfThere(path)
  if (found) return found
  const made = make()
  await writeAtomically(path, made, mode)
  return made
}

export async function readPair(dir: string, name: string): Promise<KeyAndCertificate | undefined> {
  const [certificate, key] = await Promise.all([readIfThere(join(dir, `${name}.crt`)), readIfThere(join(dir, `${name}.key`))])
  return certificate && key ? { certificate, key } : undefined
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Readable, matching its key, and not about to expire. */
function isCurrent({ certificate, key }: KeyAndCertificate, now: number): boolean {
  try {
    const parsed = new X509Certificate(certificate)
    if (now < parsed.validFromDate.getTime() || now + renewBefore > parsed.validToDate.getTime()) return false
    return parsed.checkPrivateKey(createPrivateKey(key))
  } catch {
    return false
  }
}

/** Whether it was issued by this authority for this subject and all these names. */
export function satisfies({ certificate }: KeyAndCertificate, request: CertificateRequest, ca: KeyAndCertificate): boolean {
  const parsed = new X509Certificate(certificate)
  const authority = new X509Certificate(ca.certificate)
  if (!parsed.checkIssued(authority) || !parsed.verify(authority.publicKey)) return false
  const subject = [...(request.organizations ?? []).map((name) => `O=${name}`), `CN=${request.commonName}`].join('\n')
  if (parsed.subject !== subject) return false
  const wanted = [
    ...(request.dnsNames ?? []).map((name) => `DNS:${name}`),
    ...(request.addresses ?? []).map((address) => `IP Address:${canonicalAddress(address)}`),
  ]
  const present = (parsed.subjectAltName ?? '').split(', ').filter(Boolean)
  return wanted.length === present.length && wanted.every((name) => present.includes(name))
}

/** As OpenSSL prints it: IPv6 in full, in capitals. */
function canonicalAddress(address: string): string {
  if (!address.includes(':')) return address
  const [head = '', tail = ''] = address.split('::')
  const left = head ? head.split(':') : []
  const right = tail ? tail.split(':') : []
  const gap = address.includes('::') ? Array(8 - left.length - right.length).fill('0') : []
  return [...left, ...gap, ...right].map((part) => Number.parseInt(part, 16).toString(16).toUpperCase()).join(':')
}

/** After a crash the file is either as it was or as it should be, never half of it. */
export async function writeAtomically(path: string, content: string, mode: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const temporary = `${path}.${process.pid}.tmp`
  try {
    const file = await open(temporary, 'w', mode)
    try {
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
    await chmod(temporary, mode)
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}
