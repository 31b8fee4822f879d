/**
 * Certificates of pods: the agent makes a key, asks the projection's signer for a certificate, and asks anew when the signer says that it is time
 * (KEP-4317, upstream `pkg/kubelet/podcertificate`). Keys are nowhere but here and in the volume; another agent asks again.
 */
import { generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { PodCertificateRequest } from '#api/certificates/v1beta1/pod-certificate-request.ts'
import { Node } from '#api/core/v1/node.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { ServiceAccount } from '#api/core/v1/service-account.ts'
import type { PodCertificateProjection } from '#api/core/v1/volume.ts'
import type { Client } from '#client/client.ts'
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import type { CertificateSource } from './certificate-source.ts'
import { emptyRequest } from './empty-request.ts'
import { MountError } from './mount-error.ts'

export interface PodCertificatesOptions {
  readonly client: Client
  readonly clock: Clock
  readonly random: Random
  readonly nodeName: string
}

interface Issued {
  /** PKCS#8. */
  readonly key: string
  readonly chain: string
  readonly renewAt: number
  readonly expiresAt: number
}

interface Entry {
  issued?: Issued
  pending?: { readonly name: string; readonly key: string } | undefined
}

/** While a request is under way it is looked at this often. */
const lookEvery = 10_000
const jitter = 300_000

export class PodCertificates implements CertificateSource {
  readonly #options: PodCertificatesOptions
  /** Pod uid -> volume and source -> what there is. */
  readonly #entries = new Map<string, Map<string, Entry>>()

  constructor(options: PodCertificatesOptions) {
    this.#options = options
  }

  /** What was issued last goes on being used while the next is under way. Fails quietly until there is one. */
  async credentials(pod: Pod, source: string, projection: PodCertificateProjection): Promise<Issued> {
    const own = this.#entries.get(pod.metadata.uid) ?? new Map<string, Entry>()
    this.#entries.set(pod.metadata.uid, own)
    const entry: Entry = own.get(source) ?? {}
    own.set(source, entry)
    const now = this.#options.clock.now()
    if (entry.issued && now < entry.issued.renewAt) return entry.issued
    try {
      entry.pending ??= await this.#ask(pod, projection)
      const issued = await this.#look(pod, entry.pending)
      if (issued) Object.assign(entry, { issued, pending: undefined })
    } catch (error) {
      entry.pending = undefined
      if (!entry.issued || now >= entry.issued.expiresAt) throw error
    }
    if (entry.issued && now < entry.issued.expiresAt) return entry.issued
    throw new MountError(`PodCertificateRequest "${entry.pending?.name ?? ''}" is not issued yet`, { isQuiet: true })
  }

  /** When the pod's volumes are to be looked at again. */
  renewAt(podUid: string): number | undefined {
    const now = this.#options.clock.now()
    const times = [...(this.#entries.get(podUid)?.values() ?? [])].flatMap(({ issued, pending }) =>
      issued ? [pending ? now + lookEvery : issued.renewAt] : [],
    )
    return times.length > 0 ? Math.min(...times) : undefined
  }

  forget(podUid: string): void {
    this.#entries.delete(podUid)
  }

  async #ask(pod: Pod, projection: PodCertificateProjection): Promise<NonNullable<Entry['pending']>> {
    const { client, nodeName } = this.#options
    const { name, namespace = '', uid } = pod.metadata
    const { serviceAccountName = '' } = pod.spec
    const key = await makeKey(projection.keyType ?? '')
    const [node, account] = await Promise.all([
      client.get(Node, { name: nodeName }),
      client.get(ServiceAccount, { name: serviceAccountName, namespace }),
    ])
    const made = await client.create(PodCertificateRequest, {
      metadata: {
        namespace,
        generateName: `req-${name}-`.slice(0, 57),
        ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name, uid }],
      },
      spec: {
        signerName: projection.signerName ?? '',
        podName: name,
        podUID: uid,
        serviceAccountName,
        serviceAccountUID: account.metadata.uid,
        nodeName,
        nodeUID: node.metadata.uid,
        ...(projection.maxExpirationSeconds !== undefined && { maxExpirationSeconds: projection.maxExpirationSeconds }),
        ...(projection.userAnnotations && { unverifiedUserAnnotations: projection.userAnnotations }),
        stubPKCS10Request: emptyRequest(key).toString('base64'),
      },
    })
    return { name: made.metadata.name, key: String(key.export({ format: 'pem', type: 'pkcs8' })) }
  }

  /** Undefined while nobody has decided. Nodes may list what is about them, and nothing else. */
  async #look(pod: Pod, { name, key }: NonNullable<Entry['pending']>): Promise<Issued | undefined> {
    const { client, random, nodeName } = this.#options
    const { namespace } = pod.metadata
    const fieldSelector = `spec.nodeName=${nodeName},spec.podName=${pod.metadata.name}`
    const { items } = await client.list(PodCertificateRequest, { namespace, fieldSelector })
    const found = items.find(({ metadata }) => metadata.name === name)
    if (!found) throw new Error(`PodCertificateRequest "${name}" not found`)
    const { conditions = [], certificateChain = '', beginRefreshAt, notAfter } = found.status
    const ended = conditions.find(({ type }) => ['Denied', 'Failed'].includes(type))
    if (ended) {
      const why = `reason=${JSON.stringify(ended.reason)} message=${JSON.stringify(ended.message)}`
      throw new Error(`PodCertificateRequest "${name}" was ${ended.type.toLowerCase()}: ${why}`)
    }
    if (!conditions.some(({ type }) => type === 'Issued')) return undefined
    const expiresAt = Date.parse(notAfter ?? '')
    return { key, chain: certificateChain, expiresAt, renewAt: Date.parse(beginRefreshAt ?? '') + random.next() * jitter }
  }
}

const makePair = promisify(generateKeyPair)
const curves: ReadonlySet<string> = new Set(['ECDSAP256', 'ECDSAP384', 'ECDSAP521'])

async function makeKey(type: string): Promise<KeyObject> {
  if (type === 'ED25519') return (await makePair('ed25519')).privateKey
  if (curves.has(type)) return (await makePair('ec', { namedCurve: `P-${type.slice('ECDSAP'.length)}` })).privateKey
  if (type === 'RSA3072' || type === 'RSA4096') {
    return (await makePair('rsa', { modulusLength: Number(type.slice('RSA'.length)) })).privateKey
  }
  throw new Error(`unknown key type "${type}"`)
}
