/** The cluster's keys and certificates: who is who, on disk, made once and renewed in time. */
import { createPublicKey } from 'node:crypto'
import { join } from 'node:path'
import { type Clock, systemClock } from '#lib/clock.ts'
import { type CertificateRequest, issueAuthority, issueCertificate, type KeyAndCertificate } from './pki-certificate.ts'
import { ensureFile, ensurePair, type FileOptions, readPair, satisfies } from './pki-files.ts'
import { newKey } from './pki-key.ts'

export type { KeyAndCertificate } from './pki-certificate.ts'

export interface PkiOptions {
  /** Names by which clients reach the API server beside the usual ones. */
  readonly dnsNames?: readonly string[]
  /** Addresses by which they do, the service's among them. */
  readonly addresses?: readonly string[]
  /** Default `cluster.local`. */
  readonly domain?: string
  readonly clock?: Clock
}

/** Everything in PEM. */
export interface Pki {
  readonly dir: string
  /** Signs all identities of the cluster. */
  readonly ca: KeyAndCertificate
  /** Signs the API server's identity towards aggregated servers, and nothing else. */
  readonly frontProxyCa: KeyAndCertificate
  readonly frontProxyClient: KeyAndCertificate
  /** What the API server shows. */
  readonly apiserver: KeyAndCertificate
  /** How it shows itself to node agents. */
  readonly apiserverKubeletClient: KeyAndCertificate
  readonly admin: KeyAndCertificate
  readonly controllerManager: KeyAndCertificate
  readonly scheduler: KeyAndCertificate
  readonly proxy: KeyAndCertificate
  /** Signs service account tokens. */
  readonly serviceAccount: { readonly key: string; readonly publicKey: string }
}

const authorityDays = 3650
const certificateDays = 365

/**
 * Keeps what is good: certificates that match their key, are signed by the authority that lies beside them, carry the wanted names and
 * have more than 30 days left. Everything else is made. Keys are readable by the owner alone.
 */
export async function ensurePki(dir: string, options: PkiOptions = {}): Promise<Pki> {
  const files = { dir, now: (options.clock ?? systemClock).now() }
  const ca = await authority('ca', 'kubernetes', files)
  const frontProxyCa = await authority('front-proxy-ca', 'front-proxy-ca', files)
  const identity = (name: string, request: CertificateRequest, issuer = ca) => leaf(name, { request, ca: issuer, files })
  return {
    dir,
    ca,
    frontProxyCa,
    frontProxyClient: await identity('front-proxy-client', client('front-proxy-client'), frontProxyCa),
    apiserver: await identity('apiserver', servingRequest(options)),
    apiserverKubeletClient: await identity('apiserver-kubelet-client', client('kube-apiserver-kubelet-client', 'system:masters')),
    admin: await identity('admin', client('kubernetes-admin', 'system:masters')),
    controllerManager: await identity('controller-manager', client('system:kube-controller-manager')),
    scheduler: await identity('scheduler', client('system:kube-scheduler')),
    proxy: await identity('proxy', client('system:kube-proxy')),
    serviceAccount: await serviceAccountKey(dir),
  }
}

/** What a node on the server's machine takes from there. Only the server makes these; undefined until it has. */
export async function readNodePki(dir: string): Promise<Pick<Pki, 'dir' | 'ca' | 'proxy'> | undefined> {
  const ca = await readPair(dir, 'ca')
  const proxy = await readPair(dir, 'proxy')
  return ca && proxy && satisfies(proxy, client('system:kube-proxy'), ca) ? { dir, ca, proxy } : undefined
}

export interface NodeCertificates {
  /** As `system:node:NAME` in `system:nodes`. */
  readonly client: KeyAndCertificate
  /** What the node agent shows on port 10250. */
  readonly serving: KeyAndCertificate
}

export interface NodeOptions {
  readonly nodeName: string
  readonly dnsNames?: readonly string[]
  readonly addresses: readonly string[]
  readonly clock?: Clock
}

/** The identities of one node, kept in `nodes/NAME` beside the rest. */
export async function ensureNodeCertificates(
  pki: Pick<Pki, 'dir' | 'ca'>,
  { nodeName, dnsNames = [], addresses, clock }: NodeOptions,
): Promise<NodeCertificates> {
  const files = { dir: join(pki.dir, 'nodes', nodeName), now: (clock ?? systemClock).now() }
  const identity = client(`system:node:${nodeName}`, 'system:nodes')
  const names = { dnsNames: unique([nodeName, ...dnsNames]), addresses: unique(addresses) }
  return {
    client: await leaf('client', { request: identity, ca: pki.ca, files }),
    serving: await leaf('serving', { request: { ...identity, ...names, usages: ['server'] }, ca: pki.ca, files }),
  }
}

/** The identity of a component that few clusters run; made when it is first asked for. */
export function ensureClientCertificate(
  { dir, ca }: Pick<Pki, 'dir' | 'ca'>,
  { name, user, groups = [], clock }: { name: string; user: string; groups?: readonly string[]; clock?: Clock },
): Promise<KeyAndCertificate> {
  return leaf(name, { request: client(user, ...groups), ca, files: { dir, now: (clock ?? systemClock).now() } })
}

async function authority(name: string, commonName: string, files: FileOptions): Promise<KeyAndCertificate> {
  return ensurePair(name, files, {
    isGood: () => true,
    issue: () => issueAuthority(commonName, { now: files.now, days: authorityDays }),
  })
}

interface Leaf {
  readonly request: CertificateRequest
  readonly ca: KeyAndCertificate
  readonly files: FileOptions
}

async function leaf(name: string, { request, ca, files }: Leaf): Promise<KeyAndCertificate> {
  return ensurePair(name, files, {
    isGood: (pair) => satisfies(pair, request, ca),
    issue: () => issueCertificate(ca, request, { now: files.now, days: certificateDays }),
  })
}

function client(commonName: string, ...organizations: string[]): CertificateRequest {
  return { commonName, organizations, usages: ['client'] }
}

function servingRequest({ dnsNames = [], addresses = [], domain = 'cluster.local' }: PkiOptions): CertificateRequest {
  const inCluster = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', `kubernetes.default.svc.${domain}`]
  return {
    commonName: 'kube-apiserver',
    usages: ['server'],
    dnsNames: unique([...inCluster, 'localhost', ...dnsNames]),
    addresses: unique(['127.0.0.1', '::1', ...addresses]),
  }
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)]
}

async function serviceAccountKey(dir: string): Promise<Pki['serviceAccount']> {
  const key = await ensureFile(join(dir, 'sa.key'), { mode: 0o600, make: newKey })
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'pem' }) as string
  return { key, publicKey }
}

export interface KubeconfigOptions {
  /** `https://127.0.0.1:6443`. */
  readonly server: string
  /** PEM. */
  readonly ca: string
  readonly identity: KeyAndCertificate | { readonly token: string }
  /** Of cluster and context; default `nami`. */
  readonly name?: string
  /** Default `nami-admin`. */
  readonly user?: string
  readonly namespace?: string
}

/** A kubeconfig of one context, complete in itself. */
export function kubeconfigFor({
  server,
  ca,
  identity,
  name = 'nami',
  user = 'nami-admin',
  namespace,
}: KubeconfigOptions): string {
  const encode = (pem: string) => Buffer.from(pem).toString('base64')
  const credentials =
    'token' in identity
      ? [`    token: ${quote(identity.token)}`]
      : [`    client-certificate-data: ${encode(identity.certificate)}`, `    client-key-data: ${encode(identity.key)}`]
  return `${[
    'apiVersion: v1',
    'clusters:',
    '- cluster:',
    `    certificate-authority-data: ${encode(ca)}`,
    `    server: ${quote(server)}`,
    `  name: ${quote(name)}`,
    'contexts:',
    '- context:',
    `    cluster: ${quote(name)}`,
    ...(namespace ? [`    namespace: ${quote(namespace)}`] : []),
    `    user: ${quote(user)}`,
    `  name: ${quote(name)}`,
    `current-context: ${quote(name)}`,
    'kind: Config',
    'preferences: {}',
    'users:',
    `- name: ${quote(user)}`,
    '  user:',
    ...credentials,
  ].join('\n')}\n`
}

/** Plain where YAML reads it as the same text. */
function quote(text: string): string {
  return /^[a-z][\w.@/-]*$/i.test(text) && !/^(true|false|yes|no|on|off|null|y|n)$/i.test(text) ? text : JSON.stringify(text)
}
