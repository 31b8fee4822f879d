import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { dataDirectory } from '#cluster/data-directory.ts'
import { findProcess } from '#cluster/processes.ts'
import { openPrograms } from '#testing/any-user.ts'
import { type Bed, noBed, openBed } from '#testing/bed.ts'
import type { Ran } from '#testing/bed-run.ts'
import { realClients } from '#testing/real-clients.ts'

const clients = realClients()
const root = fileURLToPath(new URL('../..', import.meta.url))
const nami = join(root, 'bin/nami.ts')

/** What stands in the way of `up` is said plainly, with what to type, and nothing is damaged by the attempt. */
describe('nami up in trouble', { skip: noBed() || clients.missing, timeout: 240_000 }, () => {
  let bed: Bed
  before(async () => {
    bed = await openBed({ kubectl: clients.kubectl, started: false })
  })
  afterEach(async () => {
    await bed.nami('down', '--delete')
  })
  after(() => bed?.[Symbol.asyncDispose]())

  const up = (...args: string[]) => bed.nami('up', '--no-agent', ...args)
  const node = (...args: string[]) => bed.run(process.execPath, [nami, ...args, '--data-dir', bed.dataDir])
  const isRunning = () => findProcess(dataDirectory(bed.dataDir), 'supervisor') !== undefined

  function refused(ran: Ran, says: RegExp, advises: RegExp): void {
    assert.equal(ran.code, 1, ran.stdout + ran.stderr)
    assert.match(ran.stderr, says)
    assert.match(ran.stderr, advises)
    assert.doesNotMatch(ran.stderr, /^\s+at .*\.ts:\d+/m, 'no stack trace')
    assert.equal(isRunning(), false)
  }

  test('two at once: one starts the cluster, the other waits and finds it running', async () => {
    const outcomes = await Promise.all([up('--json'), up('--json')])
    for (const { code, stderr } of outcomes) assert.equal(code, 0, stderr)
    const running = outcomes.map(({ stdout }) => JSON.parse(stdout).wasRunning)
    assert.deepEqual(running.sort(), [false, true])
    const waited = outcomes.filter(({ stderr }) => stderr.includes('waiting for another nami up or down'))
    assert.equal(waited.length, 1)
    const servers = spawnSync('pgrep', ['-f', `nami\\.ts server .*${bed.dataDir}`], { encoding: 'utf8' })
    assert.equal(servers.stdout.trim().split('\n').length, 1)
  })

  test('down during up waits its turn and leaves nothing', async () => {
    const [one] = await Promise.all([up(), bed.run('sh', ['-c', 'sleep 0.3']).then(() => bed.nami('down', '--delete'))])
    assert.ok(one.code === 0 || !existsSync(bed.dataDir), one.stderr)
    await bed.nami('down', '--delete')
    assert.equal(isRunning() || existsSync(bed.dataDir), false)
  })

  test('a port in use: which one, by whom to ask, which other', async () => {
    const listener = `require('net').createServer().listen(6443, () => console.log('listening'))`
    const other = bed.start(process.execPath, ['-e', listener])
    await other.until(/listening/)
    refused(await up(), /Port 6443, which the API server wants, is in use by another program\./, /nami up --port 6444/)
    await other.stop()
    assert.equal((await up()).code, 0, 'the refused attempt left nothing in the way')
  })

  test('a data directory of a newer version is refused and not touched', async () => {
    mkdirSync(bed.dataDir)
    writeFileSync(join(bed.dataDir, 'version'), '99\n')
    const before = readdirSync(bed.dataDir)
    refused(await up(), /was written by a newer Nami \(format 99, this one knows 1\)/, /newer Nami|--data-dir/)
    assert.deepEqual(readdirSync(bed.dataDir), before)
    assert.equal(readFileSync(join(bed.dataDir, 'version'), 'utf8'), '99\n')
  })

  test('half a data directory: what a stopped first start left is completed', async () => {
    assert.equal((await up()).code, 0)
    await bed.nami('down')
    for (const file of ['kubeconfig', 'config.json']) rmSync(join(bed.dataDir, file))
    const again = await up()
    assert.equal(again.code, 0, again.stderr)
    assert.equal((await bed.kubectl('get', 'namespaces')).code, 0)
  })

  test('a damaged configuration is named', async () => {
    assert.equal((await up()).code, 0)
    await bed.nami('down')
    const file = join(bed.dataDir, 'config.json')
    const whole = readFileSync(file, 'utf8')
    writeFileSync(file, whole.slice(0, 20))
    refused(await up(), new RegExp(`${file} is damaged: .*JSON`), /.+/)
    writeFileSync(file, whole)
    assert.equal((await up()).code, 0)
  })

  describe('on a disk of its own', () => {
    beforeEach(() => {
      mkdirSync(bed.dataDir)
      const { stderr, status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', bed.dataDir], { encoding: 'utf8' })
      assert.equal(status, 0, stderr)
    })
    afterEach(() => {
      spawnSync('umount', ['--lazy', bed.dataDir])
    })

    test('a full disk: how much is free and how much is needed', async () => {
      refused(await up(), /The disk that holds \S+ is full: \d+ MB are free, and a cluster needs 32/, /df -h .*\n.*--data-dir/)
      assert.deepEqual(readdirSync(bed.dataDir), [], 'nothing was written')
    })
  })

  test('a kernel without control groups: said at once, not after a minute of waiting', async () => {
    const bare = 'umount --recursive --lazy /sys/fs/cgroup && exec "$@"'
    const ran = await bed.run('unshare', [
      '--mount',
      'sh',
      '-c',
      bare,
      'sh',
      process.execPath,
      nami,
      'up',
      '--data-dir',
      bed.dataDir,
    ])
    refused(ran, /This machine cannot run a cluster yet\. No control groups are mounted/, /mount -t cgroup2[\s\S]*nami doctor/)
  })

  test('no rights: as another user, what to type', async () => {
    const programs = openPrograms(bed.directory)
    const identity = ['--reuid=65534', '--regid=65534', '--clear-groups']
    const ran = await bed.run('setpriv', [...identity, programs.node, programs.nami, 'up'], { env: { HOME: '/tmp' } })
    assert.equal(ran.code, 1, ran.stdout)
    assert.match(
      ran.stderr,
      /A node needs root, for containers and networks\.\n\s+sudo \.\/nami up\n\s+or without containers: nami up --no-agent/,
    )
  })

  test('missing packages and no network: which, and what apt said', async () => {
    const bin = programs('ip', 'sh')
    fake(bin, 'apt-cache', 'exit 100')
    fake(bin, 'apt-get', 'echo "E: Failed to fetch bullseye/containerd: Temporary failure resolving" >&2; exit 100')
    const ran = await bed.run('env', [`PATH=${bin}`, process.execPath, nami, 'up', '--data-dir', bed.dataDir])
    refused(ran, /apt-get update failed:\n\s*E: Failed to fetch/, /apt-get/)
  })

  test('an old Node, and no network to fetch another: what is needed and how to get it', async () => {
    const bin = programs('sh', 'uname', 'dirname', 'readlink', 'mkdir', 'rm', 'cat', 'pwd')
    fake(bin, 'node', 'echo 18')
    const none = await launcher(bin)
    assert.equal(none.code, 1)
    assert.match(none.stderr, /Node 24 is needed, and npm to fetch it; neither is here\.\n\s+Type: apt-get install -y npm/)
    fake(bin, 'npm', 'echo "npm error network getaddrinfo" >&2; exit 1')
    const unreachable = await launcher(bin)
    assert.equal(unreachable.code, 1)
    assert.match(unreachable.stderr, /npm error network[\s\S]*could not be fetched\.\n\s+Check the network/)
    assert.deepEqual(readdirSync(join(bed.directory, 'home/.cache/nami')), [], 'no half of a Node')
  })

  const launcher = (bin: string) => bed.run('env', [`PATH=${bin}`, 'NAMI_NODE=', join(root, 'nami'), 'up'])

  /** A folder for PATH that has these programs and no others. */
  function programs(...names: string[]): string {
    const bin = join(bed.directory, `bin-${names.length}`)
    mkdirSync(bin, { recursive: true })
    for (const name of names) {
      const { stdout } = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' })
      const path = stdout.trim().startsWith('/') ? stdout.trim() : `/bin/${name}`
      fake(bin, name, `PATH=${dirname(path)}:$PATH exec ${path} "$@"`)
    }
    return bin
  }

  function fake(bin: string, name: string, script: string): void {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`)
    chmodSync(join(bin, name), 0o755)
  }

  test('words that are wrong: which, and where help stands', async () => {
    const flag = await node('up', '--prot', '1')
    assert.equal(flag.code, 2)
    assert.match(flag.stderr, /--prot/)
    const port = await node('up', '--port', '0')
    assert.equal(port.code, 2)
    assert.match(port.stderr, /--port 0: a port is a number from 1 to 65535/)
    const folder = await node('up', '/does/not/exist')
    assert.equal(folder.code, 2)
    assert.match(folder.stderr, /\/does\/not\/exist does not exist/)
  })

  test('Ctrl-C at any moment of the start: everything is stopped again, and the next start works', async () => {
    for (const seconds of ['0.3', '0.5', '0.6', '0.7', '0.8', '0.9', '0.95', '1.0', '1.05', '1.1', '1.2']) {
      const ran = await bed.run('timeout', [
        '--foreground',
        '--preserve-status',
        '--signal=INT',
        seconds,
        process.execPath,
        nami,
        'up',
        '--data-dir',
        bed.dataDir,
      ])
      // It may have been done before the signal came.
      assert.ok(ran.code === 0 || ran.code === 130, `after ${seconds} s: ${ran.code}: ${ran.stderr}`)
      assert.equal(isRunning(), ran.code === 0, `after ${seconds} s: ${ran.code}: ${ran.stdout}${ran.stderr}`)
      await bed.nami('down')
      const left = spawnSync('pgrep', ['-f', bed.dataDir], { encoding: 'utf8' }).stdout.trim()
      assert.equal(left, '', `after ${seconds} s`)
    }
    assert.equal((await up()).code, 0)
  })
})
