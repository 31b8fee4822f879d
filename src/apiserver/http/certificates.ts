/** What a server shows and whom it believes, which may be exchanged while connections go on. */
import { X509Certificate } from 'node:crypto'
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'

export interface KeyPair {
  /** PEM. */
  readonly key: string
  readonly certificate: string
}

export interface ServingMaterial extends KeyPair {
  /** PEM of the CAs whose client certificates count. */
  readonly clientCa: string
  /** PEM of the CAs whose certificates make a front proxy; default: there are none. */
  readonly frontProxyCa?: string | undefined
  /** Shown to clients that ask for a name of theirs. */
  readonly sni?: readonly KeyPair[] | undefined
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3' | undefined
  /** OpenSSL's names. */
  readonly ciphers?: string | undefined
  /** Key exchanges in their order, by OpenSSL's names. */
  readonly curves?: string | undefined
}

/** The material as TLS wants it. */
export class Certificates {
  #material: ServingMaterial
  #contexts: readonly { readonly certificate: X509Certificate; readonly context: SecureContext }[] = []
  #frontProxies: readonly X509Certificate[] = []

  /** Throws where a key does not fit its certificate. */
  constructor(material: ServingMaterial) {
    this.#material = material
    this.renew(material)
  }

  renew(material: ServingMaterial): void {
    const contexts = (material.sni ?? []).map((pair) => ({
      certificate: new X509Certificate(pair.certificate),
      context: createSecureContext(optionsOf(material, pair)),
    }))
    createSecureContext(optionsOf(material, material))
    this.#frontProxies = certificatesOf(material.frontProxyCa)
    this.#contexts = contexts
    this.#material = material
  }

  get options(): SecureContextOptions {
    return optionsOf(this.#material, this.#material)
  }

  /** Undefined where the usual certificate will do. */
  contextFor(name: string): SecureContext | undefined {
    return this.#contexts.find(({ certificate }) => certificate.checkHost(name) !== undefined)?.context
  }

  /** Assumes that TLS has verified the certificate against one of the CAs. */
  isFrontProxy(peer: X509Certificate): boolean {
    return this.#frontProxies.some((ca) => peer.checkIssued(ca) && peer.verify(ca.publicKey))
  }
}

function optionsOf(material: ServingMaterial, { key, certificate }: KeyPair): SecureContextOptions {
  const { clientCa, frontProxyCa, minVersion = 'TLSv1.2', ciphers, curves } = material
  return {
    ...{ key, cert: certificate, minVersion },
    ca: frontProxyCa ? [clientCa, frontProxyCa] : clientCa,
    ...(ciphers && { ciphers }),
    ...(curves && { ecdhCurve: curves }),
  }
}

function certificatesOf(pem = ''): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  return blocks.map((block) => new X509Certificate(block))
}
