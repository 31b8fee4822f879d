/** `kubectl create secret generic|docker-registry|tls`. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { boolean, list, text } from '../command-line.ts'
import { KubectlError } from '../errors.ts'
import type { Json } from '../session.ts'
import { defineVerb } from '../verb.ts'
import { dataFlags, keyKeeper, readSources } from './data-sources.ts'
import { createObject, type GeneratorCall, generatorFlags, metadataOf, nameOfArguments } from './generator.ts'

const generic = defineVerb({
  usage:
    'create secret generic NAME [--type=string] [--from-file=[key=]source] [--from-literal=key1=value1] [--dry-run=server|client|none]',
  summary: 'Create a secret from a local file, directory, or literal value',
  examples: ['create secret generic login --from-literal=password=geheim'],
  flags: { ...generatorFlags, ...dataFlags, type: text(), 'append-hash': boolean() },
  async run(call) {
    const name = nameOfArguments(call)
    await createSecret(call, { name, type: call.flags.type, data: readData(call, name, call.flags) })
  },
})

const dockerRegistry = defineVerb({
  usage:
    'create secret docker-registry NAME --docker-username=user --docker-password=password --docker-email=email [--docker-server=string] [--from-file=[key=]source] [--dry-run=server|client|none]',
  summary: 'Create a secret for use with a Docker registry',
  examples: ['create secret docker-registry pull --docker-server=localhost:5000 --docker-username=me --docker-password=geheim'],
  flags: {
    ...generatorFlags,
    'docker-username': text(),
    'docker-password': text(),
    'docker-email': text(),
    'docker-server': text('https://index.docker.io/v1/'),
    'from-file': list(),
    'append-hash': boolean(),
  },
  async run(call) {
    const { flags } = call
    const name = nameOfArguments(call)
    const { 'docker-username': username, 'docker-password': password, 'docker-email': email, 'docker-server': server } = flags
    const files = flags['from-file'].map((file) => (file.includes('=') ? file : `.dockerconfigjson=${file}`))
    if (files.length === 0 && !(username && password && server)) {
      throw new KubectlError(
        'either --from-file or the combination of --docker-username, --docker-password and --docker-server is required',
      )
    }
    const auth = Buffer.from(`${username}:${password}`).toString('base64')
    const login = { username, password, ...(email && { email }), auth }
    const data =
      files.length > 0
        ? readData(call, name, { 'from-file': files, 'from-literal': [], 'from-env-file': [] })
        : { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths: { [server]: login } })).toString('base64') }
    await createSecret(call, { name, type: 'kubernetes.io/dockerconfigjson', data })
  },
})

const tls = defineVerb({
  usage: 'create secret tls NAME --cert=path/to/cert/file --key=path/to/key/file [--dry-run=server|client|none]',
  summary: 'Create a TLS secret',
  examples: ['create secret tls site --cert=site.crt --key=site.key'],
  flags: { ...generatorFlags, cert: text(), key: text(), 'append-hash': boolean() },
  async run(call) {
    const { flags, terminal } = call
    const name = nameOfArguments(call)
    if (!flags.key || !flags.cert) throw new KubectlError('key and cert must be specified')
    const certificate = read(terminal.cwd, flags.cert)
    const key = read(terminal.cwd, flags.key)
    checkPair(certificate, key)
    const data = { 'tls.crt': certificate.toString('base64'), 'tls.key': key.toString('base64') }
    await createSecret(call, { name, type: 'kubernetes.io/tls', data })
  },
})

export default defineVerb({
  usage: 'create secret (docker-registry | generic | tls)',
  summary: 'Create a secret using a specified subcommand',
  flags: {},
  verbs: {
    generic: async () => ({ default: generic }),
    'docker-registry': async () => ({ default: dockerRegistry }),
    tls: async () => ({ default: tls }),
  },
})

function readData(call: GeneratorCall, name: string, sources: Parameters<typeof readSources>[0]): Record<string, string> {
  const check = keyKeeper('Secret', name)
  const data: Record<string, string> = {}
  readSources(sources, call.terminal, (key, value) => {
    check(key)
    data[key] = value.toString('base64')
  })
  return data
}

async function createSecret(
  call: GeneratorCall,
  { name, type, data }: { name: string; type: string; data: Json },
): Promise<void> {
  const metadata = metadataOf(call, name)
  await createObject(call, { apiVersion: 'v1', kind: 'Secret', metadata, data, type }, 'failed to create secret ')
}

function read(cwd: string, path: string): Buffer {
  try {
    return readFileSync(resolve(cwd, path))
  } catch {
    throw new KubectlError(`Cannot read file ${path}, open ${path}: no such file or directory`)
  }
}

function checkPair(certificate: Buffer, key: Buffer): void {
  let parsed: X509Certificate
  try {
    parsed = new X509Certificate(certificate)
  } catch {
    throw new KubectlError('tls: failed to find any PEM data in certificate input')
  }
  let privateKey: ReturnType<typeof createPrivateKey>
  try {
    privateKey = createPrivateKey(key)
  } catch {
    throw new KubectlError('tls: failed to find any PEM data in key input')
  }
  if (!parsed.checkPrivateKey(privateKey)) throw new KubectlError('tls: private key does not match public key')
}
