/** What the API server shows and whom it believes: the cluster's own keys or files that the flags name, followed while it runs. */
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import type { KeyPair, ServingMaterial } from '#apiserver/http/certificates.ts'
import type { Clock } from '#lib/clock.ts'
import { followFiles } from './apiserver-file.ts'
import { ApiserverConfigError, type ApiserverFlags } from './apiserver-flags.ts'
import type { Pki } from './pki.ts'

export interface Serving {
  /** What to begin with. */
  readonly material: ServingMaterial
  /** PEM: the cluster's own authority and those of `--client-ca-file`. */
  readonly clientCa: string
  readonly frontProxyCa: string
  /** Hands new material over whenever a file changes or the cluster's own keys are renewed. */
  follow(listening: { renew(material: ServingMaterial): void }): void
  /** The cluster's own keys were made anew. */
  renewed(pki: Pki): void
}

export interface ServingParts {
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly log: { info(message: string): void; error(doing: string, error: unknown): void }
}

/** Throws `ApiserverConfigError` where flags contradict each other or a file cannot be read. */
export function servingFrom(flags: ApiserverFlags, first: Pki, { clock, signal, log }: ServingParts): Serving {
  const paths = pathsOf(flags)
  const tls = tlsOptions(flags)
  let pki = first
  const read = () => ({ ...materialOf(flags, pki), ...tls })
  let material: ServingMaterial
  try {
    material = read()
  } catch (error) {
    throw new ApiserverConfigError((error as Error).message, { cause: error })
  }
  let target: { renew(material: ServingMaterial): void } | undefined
  const renew = () => target?.renew(read())
  return {
    material,
    clientCa: material.clientCa,
    frontProxyCa: material.frontProxyCa ?? '',
    follow(listening) {
      if (paths.length === 0) return void (target = listening)
      let isFirst = true
      followFiles({
        ...{ paths, clock, signal },
        take() {
          if (!isFirst) renew()
          if (!isFirst) log.info('certificates were read again')
          isFirst = false
        },
        onError: (error) => log.error('reading certificates', error),
      })
      target = listening
    },
    renewed(again) {
      pki = again
      renew()
    },
  }
}

/** Whom extension servers see; what the flags name is followed. Throws `ApiserverConfigError`. */
export function frontProxyFrom(flags: ApiserverFlags, own: KeyPair, { clock, signal, log }: ServingParts): KeyPair {
  const paths = [flags['proxy-client-cert-file'], flags['proxy-client-key-file']]
  if (paths.every((path) => path === '')) return own
  if (paths.includes('')) throw new ApiserverConfigError('--proxy-client-cert-file and --proxy-client-key-file go together')
  const shown = { ...own }
  const take = ([certificate = '', key = '']: readonly string[]) => {
    createSecureContext({ cert: certificate, key })
    Object.assign(shown, { certificate, key })
  }
  try {
    followFiles({
      paths,
      clock,
      signal,
      take,
      onError: (error) => log.error('reading the certificate of the front proxy', error),
    })
  } catch (error) {
    throw new ApiserverConfigError((error as Error).message, { cause: error })
  }
  return shown
}

const day = 86_400_000

export interface RenewalParts extends ServingParts {
  /** What the server began with; those who have its identities see them change. */
  readonly pki: Pki
  readonly serving: Pick<Serving, 'renewed'>
}

/** A server that runs for as long as its certificates last has new ones in time: `make` keeps those that are good. */
export function renewInTime(make: () => Promise<Pki>, { clock, signal, log, pki, serving }: RenewalParts): void {
  let shown = pki.apiserver.certificate
  const look = async () => {
    try {
      const now = await make()
      Object.assign(pki.apiserverKubeletClient, now.apiserverKubeletClient)
      Object.assign(pki.frontProxyClient, now.frontProxyClient)
      if (now.apiserver.certificate !== shown) {
        serving.renewed(now)
        log.info('certificates were renewed')
      }
      shown = now.apiserver.certificate
    } catch (error) {
      log.error('renewing certificates', error)
    }
    schedule()
  }
  const schedule = () => {
    if (!signal.aborted) timer = clock.after(day, () => void look())
  }
  let timer = clock.after(day, () => void look())
  signal.addEventListener('abort', () => timer.cancel(), { once: true })
}

function pathsOf(flags: ApiserverFlags): string[] {
  const [certificate, key] = [flags['tls-cert-file'], flags['tls-private-key-file']]
  if ((certificate === '') !== (key === '')) {
    throw new ApiserverConfigError('--tls-cert-file and --tls-private-key-file go together')
  }
  const sni = sniPairs(flags).flatMap((pair) => [pair.certificate, pair.key])
  return [certificate, key, flags['client-ca-file'], flags['requestheader-client-ca-file'], ...sni].filter(Boolean)
}

function materialOf(flags: ApiserverFlags, { apiserver, ca, frontProxyCa }: Pki): ServingMaterial {
  const text = (path: string) => readFileSync(path, 'utf8')
  const [certificate, key] = [flags['tls-cert-file'], flags['tls-private-key-file']]
  const [more, proxies] = [flags['client-ca-file'], flags['requestheader-client-ca-file']]
  const own = certificate ? { certificate: text(certificate), key: text(key) } : apiserver
  return {
    key: own.key,
    certificate: own.certificate,
    // The cluster's own components come with certificates of its own authority, whatever else counts.
    clientCa: more ? `${ca.certificate}\n${text(more)}` : ca.certificate,
    frontProxyCa: proxies ? text(proxies) : frontProxyCa.certificate,
    // They know it by these names, and its authority alone.
    sni: [
      ...sniPairs(flags).map((pair) => ({ certificate: text(pair.certificate), key: text(pair.key) })),
      ...(certificate ? [apiserver] : []),
    ],
  }
}

/** `CERT,KEY;CERT,KEY`; the paths are whole where they were given on a command line. */
function sniPairs(flags: ApiserverFlags): KeyPair[] {
  return flags['tls-sni-cert-key']
    .join(',')
    .split(';')
    .filter(Boolean)
    .map((pair) => {
      const [certificate = '', key = ''] = pair.split(',').map((path) => path.trim())
      if (!certificate || !key) throw new ApiserverConfigError(`--tls-sni-cert-key ${pair}: want CERTIFICATE,KEY`)
      return { certificate, key }
    })
}

const versions: Readonly<Record<string, 'TLSv1.2' | 'TLSv1.3'>> = { VersionTLS12: 'TLSv1.2', VersionTLS13: 'TLSv1.3' }

/** Go's names of ciphers, and OpenSSL's. */
const cipherNames: Readonly<Record<string, string>> = {
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 'ECDHE-ECDSA-AES256-GCM-SHA384',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 'ECDHE-RSA-AES128-GCM-SHA256',
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 'ECDHE-RSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305: 'ECDHE-RSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-RSA-CHACHA20-POLY1305',
  TLS_AES_128_GCM_SHA256: 'TLS_AES_128_GCM_SHA256',
  TLS_AES_256_GCM_SHA384: 'TLS_AES_256_GCM_SHA384',
  TLS_CHACHA20_POLY1305_SHA256: 'TLS_CHACHA20_POLY1305_SHA256',
}

/** Go's numbers of key exchanges with OpenSSL's names, in the order in which Go prefers them. */
const curveNames: ReadonlyMap<number, string> = new Map([
  [4588, 'X25519MLKEM768'],
  [29, 'X25519'],
  [23, 'P-256'],
  [24, 'P-384'],
  [25, 'P-521'],
])

function curvesOf(flags: ApiserverFlags): string {
  const wanted = flags['tls-curve-preferences'].map(Number)
  for (const [i, id] of wanted.entries()) {
    const refuse = (why: string) => new ApiserverConfigError(why)
    if (!(id >= 1 && id <= 65_535)) throw refuse(`curve preference ${id} is out of range (must be 1-65535)`)
    if (wanted.indexOf(id) < i) throw refuse(`duplicate curve preference ${id}`)
    if (!curveNames.has(id)) throw refuse(`curve preference ${id} is not supported by the current Go version`)
  }
  return [...curveNames].flatMap(([id, name]) => (wanted.includes(id) ? [name] : [])).join(':')
}

function tlsOptions(flags: ApiserverFlags): Pick<ServingMaterial, 'minVersion' | 'ciphers' | 'curves'> {
  const minVersion = versions[flags['tls-min-version']]
  if (!minVersion) {
    const known = Object.keys(versions).join(', ')
    throw new ApiserverConfigError(`unknown tls version ${JSON.stringify(flags['tls-min-version'])}, want ${known}`)
  }
  const ciphers = flags['tls-cipher-suites'].map((name) => {
    const known = cipherNames[name]
    if (!known) throw new ApiserverConfigError(`Cipher suite ${name} not supported or doesn't exist`)
    return known
  })
  return { minVersion, curves: curvesOf(flags), ...(ciphers.length > 0 && { ciphers: ciphers.join(':') }) }
}
