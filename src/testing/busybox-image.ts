/** An image of this machine's static busybox, as an OCI archive: enough to try a runtime without a registry. */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { arch } from 'node:process'
import { pack } from 'tar-stream'

export interface TestImage {
  readonly file: string
  /** Full names, such as `docker.io/library/busybox:test`. */
  readonly names: readonly string[]
  readonly command?: readonly string[]
}

const applets = [
  'sh',
  'sleep',
  'echo',
  'cat',
  'ls',
  'true',
  'false',
  'id',
  'env',
  'nc',
  'ip',
  'kill',
  'stty',
  'tar',
  'test',
  'seq',
]

export async function writeTestImage({ file, names, command = ['sh'] }: TestImage): Promise<void> {
  const layer = await tar([
    ...['bin', 'tmp', 'etc', 'proc', 'sys', 'dev'].map((name) => ({ name: `${name}/` })),
    { name: 'bin/busybox', content: readFileSync('/bin/busybox'), mode: 0o755 },
    ...applets.map((name) => ({ name: `bin/${name}`, link: 'busybox' })),
    { name: 'etc/passwd', content: Buffer.from('root:x:0:0:root:/:/bin/sh\n') },
  ])
  const architecture = arch === 'x64' ? 'amd64' : arch
  const config = json({
    architecture,
    os: 'linux',
    config: { Cmd: command, Env: ['PATH=/bin'] },
    rootfs: { type: 'layers', diff_ids: [digest(layer)] },
  })
  const manifest = json({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: describe('application/vnd.oci.image.config.v1+json', config),
    layers: [describe('application/vnd.oci.image.layer.v1.tar', layer)],
  })
  const manifests = names.map((name) => ({
    ...describe('application/vnd.oci.image.manifest.v1+json', manifest),
    annotations: { 'io.containerd.image.name': name },
    platform: { architecture, os: 'linux' },
  }))
  const blobs = [layer, config, manifest].map((content) => ({ name: `blobs/sha256/${digest(content).slice(7)}`, content }))
  const index = { name: 'index.json', content: json({ schemaVersion: 2, manifests }) }
  const layout = { name: 'oci-layout', content: json({ imageLayoutVersion: '1.0.0' }) }
  writeFileSync(file, await tar([layout, index, ...blobs]))
}

interface Entry {
  readonly name: string
  readonly content?: Buffer
  readonly mode?: number
  readonly link?: string
}

async function tar(entries: readonly Entry[]): Promise<Buffer> {
  const archive = pack()
  for (const { name, content, mode = 0o755, link } of entries) {
    if (link) archive.entry({ name, type: 'symlink', linkname: link })
    else if (content) archive.entry({ name, mode }, content)
    else archive.entry({ name, type: 'directory', mode })
  }
  archive.finalize()
  return Buffer.concat(await Array.fromAsync(archive as AsyncIterable<Buffer>))
}

function digest(content: Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`
}

function describe(mediaType: string, content: Buffer): { mediaType: string; digest: string; size: number } {
  return { mediaType, digest: digest(content), size: content.length }
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value))
}
