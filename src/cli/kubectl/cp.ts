/** `kubectl cp`: files to and from containers, through tar in the container. */
import {
  createReadStream,
  createWriteStream,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  statSync,
} from 'node:fs'
import { basename, dirname, join, posix, resolve } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { extract, type Header, type Pack, pack } from 'tar-stream'
import { boolean, integer, text } from './command-line.ts'
import { Exit, KubectlError } from './errors.ts'
import { containerOf } from './pods.ts'
import type { Json } from './session.ts'
import { runInContainer } from './streams/remote-command.ts'
import { defineVerb, type VerbCall } from './verb.ts'

const flags = { container: text('', { short: 'c' }), 'no-preserve': boolean(), retries: integer() } as const

type Call = VerbCall<typeof flags>

interface FileSpec {
  readonly namespace: string
  /** '' for a file of this machine. */
  readonly pod: string
  readonly path: string
}

export default defineVerb({
  usage: 'cp <file-spec-src> <file-spec-dest>',
  summary: 'Copy files and directories to and from containers',
  examples: ['cp ./config web:/etc/app', 'cp shop/web:/var/log/app.log app.log -c main'],
  flags,
  async run(call) {
    const { args, session } = call
    if (args.length !== 2) throw new KubectlError('source and destination are required')
    const [from, to] = args.map(specOf) as [FileSpec, FileSpec]
    if (from.pod && to.pod) throw new KubectlError('one of src or dest must be a local file specification')
    if (from.path === '' || to.path === '') throw new KubectlError('filepath can not be empty')
    if (!from.pod && !to.pod) throw new KubectlError('one of src or dest must be a remote file specification')
    const { pod: name, namespace } = from.pod ? from : to
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace || session.namespace)}/pods/${encodeURIComponent(name)}`
    if (!from.pod && !existsSync(resolve(call.terminal.cwd, from.path))) {
      throw new KubectlError(`${from.path} doesn't exist in local filesystem`)
    }
    const pod = await session.get(path)
    if (from.pod) await fetchFrom(call, pod, { from, local: to.path })
    else await sendTo(call, pod, { remote: to.path, local: from.path })
  },
})

function specOf(argument: string): FileSpec {
  const colon = argument.indexOf(':')
  if (colon < 0) return { namespace: '', pod: '', path: argument }
  const parts = argument.slice(0, colon).split('/')
  if (colon === 0 || parts.length > 2) {
    throw new KubectlError('filespec must match the canonical format: [[namespace/]pod:]file/path')
  }
  const [pod = '', namespace = ''] = parts.reverse()
  return { namespace, pod, path: argument.slice(colon + 1) }
}

interface Way {
  readonly remote: string
  readonly local: string
}

interface Command {
  readonly words: readonly string[]
  readonly stdin?: NodeJS.ReadableStream
  readonly stdout: NodeJS.WritableStream
  readonly stderr: NodeJS.WritableStream
}

async function inContainer({ session, flags }: Call, pod: Json, { words, stdin, stdout, stderr }: Command): Promise<number> {
  const container = containerOf(pod, flags.container)
  const remote = { namespace: pod.metadata.namespace, pod: pod.metadata.name, container, command: words }
  return runInContainer(session, remote, { stdin, stdout, stderr })
}

/** Into the folder, where the destination is one; otherwise under the destination's name. */
async function sendTo(call: Call, pod: Json, { remote, local }: Way): Promise<void> {
  const { flags, terminal, err } = call
  containerOf(pod, flags.container, err)
  const source = resolve(terminal.cwd, local)
  const nothing = new Writable({ write: (_chunk, _encoding, done) => done() })
  const isFolder = (await inContainer(call, pod, { words: ['test', '-d', remote], stdout: nothing, stderr: nothing })) === 0
  const target = posix.normalize(isFolder ? posix.join(remote, basename(source)) : remote).replace(/\/$/, '')
  const folder = posix.dirname(target)
  const archive = pack()
  const stdin = archive.pipe(new PassThrough())
  const packing = packAll(archive, source, posix.basename(target)).then(
    () => archive.finalize(),
    (error) => void archive.destroy(error),
  )
  const keep = flags['no-preserve'] ? ['--no-same-permissions', '--no-same-owner'] : []
  const words = ['tar', ...keep, '-xmf', '-', ...(folder ? ['-C', folder] : [])]
  const code = await inContainer(call, pod, { words, stdin, stdout: terminal.stdout, stderr: terminal.stderr })
  await packing
  ended(call, code)
}

async function packAll(archive: Pack, path: string, name: string): Promise<void> {
  const stat = lstatSync(path)
  const head = { name, mode: stat.mode & 0o7777, mtime: stat.mtime, uid: stat.uid, gid: stat.gid }
  if (stat.isDirectory()) {
    const entries = readdirSync(path).sort()
    if (entries.length === 0) archive.entry({ ...head, type: 'directory' })
    for (const entry of entries) await packAll(archive, join(path, entry), `${name}/${entry}`)
  } else if (stat.isSymbolicLink()) {
    archive.entry({ ...head, type: 'symlink', linkname: readlinkSync(path) })
  } else if (stat.isFile()) {
    await pipeline(createReadStream(path), archive.entry({ ...head, size: stat.size }))
  }
}

async function fetchFrom(call: Call, pod: Json, { from, local }: { from: FileSpec; local: string }): Promise<void> {
  const { flags, terminal, err } = call
  containerOf(pod, flags.container, err)
  const remote = from.path
  const destination = resolve(terminal.cwd, local)
  const stdout = new PassThrough()
  const prefix = posix.normalize(remote.replace(/^\/+/, '')).replace(/^(\.\.\/)+|\/$/g, '')
  const unpacking = unpackAll(call, stdout, { prefix, remote, local, destination, from })
  const code = await inContainer(call, pod, { words: ['tar', 'cf', '-', remote], stdout, stderr: terminal.stdout })
  stdout.end()
  await unpacking
  ended(call, code)
}

interface Unpacking {
  /** How names in the archive begin. */
  readonly prefix: string
  readonly remote: string
  readonly local: string
  readonly destination: string
  /** As it was named on the command line. */
  readonly from: FileSpec
}

/** Nothing is written outside of the destination; links are not followed and not made. */
async function unpackAll(
  { err }: Call,
  archive: PassThrough,
  { prefix, remote, local, destination, from }: Unpacking,
): Promise<void> {
  const entries = extract()
  archive.on('error', (error) => entries.destroy(error)).pipe(entries)
  const { namespace, pod } = from
  let warned = false
  for await (const entry of entries) {
    const { name, type } = entry.header as Header
    if (!name.startsWith(prefix)) throw new KubectlError(`tar contents corrupted`)
    const path = join(destination, name.slice(prefix.length))
    if (!isInside(destination, path)) {
      err(`warning: file ${JSON.stringify(path)} is outside target destination, skipping\n`)
      entry.resume()
      continue
    }
    if (type === 'symlink') {
      if (!warned)
        err(
          `warning: skipping symlink: ${JSON.stringify(join(local, name.slice(prefix.length)))} -> ${JSON.stringify(entry.header.linkname)} (consider using "kubectl exec -n ${JSON.stringify(namespace)} ${JSON.stringify(pod)} -- tar cf - ${JSON.stringify(remote)} | tar xf -")\n`,
        )
      warned = true
      entry.resume()
      continue
    }
    if (type !== 'directory' && isFolder(path))
      throw new KubectlError(`open ${join(local, name.slice(prefix.length))}: is a directory`)
    mkdirSync(type === 'directory' ? path : dirname(path), { recursive: true })
    if (type === 'directory') entry.resume()
    else await pipeline(entry, createWriteStream(path))
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

function isInside(folder: string, path: string): boolean {
  return path === folder || path.startsWith(`${folder}/`)
}

function ended({ err }: Call, code: number): void {
  if (code === 0) return
  err(`command terminated with exit code ${code}\n`)
  throw new Exit(code)
}
