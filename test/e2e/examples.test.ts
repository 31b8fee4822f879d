import assert from 'node:assert/strict'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Bed, eventually, noBed, openBed } from '#testing/bed.ts'
import { realClients } from '#testing/real-clients.ts'

const clients = realClients()
const examples = fileURLToPath(new URL('../../examples', import.meta.url))

/** What the README promises, with its own folders; one after the other on one cluster. */
describe('nami up with an application', { skip: noBed() || clients.missing, timeout: 300_000 }, () => {
  let bed: Bed
  before(async () => {
    bed = await openBed({ kubectl: clients.kubectl, up: [join(examples, 'hello')] })
  })
  after(() => bed?.[Symbol.asyncDispose]())

  const urlIn = (text: string) => /^ {2}application (http:\S+)$/m.exec(text)?.[1] as string

  test('hello: ready, an address, three pods that answered, three commands worth typing', async () => {
    const { stdout } = bed.up
    assert.match(
      stdout,
      /^Cluster ready in [\d.]+ s\.\n {2}API server {2}https:\/\/[\d.]+:6443\n {2}application http:\/\/127\.0\.0\.1:3\d{4}\/\n/,
    )
    assert.equal(/answered by (.*)$/m.exec(stdout)?.[1]?.split(', ').length, 3)
    assert.equal(stdout.split('Try:\n')[1]?.trimEnd().split('\n').length, 3)
    assert.equal(JSON.parse(await bed.get(urlIn(stdout))).hello, 'world')
    assert.match(await read('kubectl', 'get', 'pods', '-l', 'app=hello'), /(hello-\S+\s+1\/1\s+Running\s+0\s.*\n){3}/)
  })

  test('again it changes nothing and says so; a changed manifest is brought up to date', async () => {
    const again = await bed.nami('up', join(examples, 'hello'))
    assert.match(again.stdout, /^Cluster nami is running; nothing to change \([\d.]+ s\)\.$/m, again.stderr)
    assert.match(again.stderr, /deployment\.apps\/hello unchanged\n\s+service\/hello unchanged/)
    const folder = copyOf('hello', 'deployment.yaml', (text) => text.replace('value: world', 'value: moon'))
    const changed = await bed.nami('up', folder)
    assert.match(changed.stdout, /^Cluster nami is running; brought up to date/m, changed.stderr)
    assert.equal(JSON.parse(await bed.get(urlIn(changed.stdout))).hello, 'moon')
  })

  test('a manifest with a mistake: the file, the field, and nothing else happens', async () => {
    const folder = copyOf('hello', 'deployment.yaml', (text) => text.replace('replicas: 3', 'replicsa: 3'))
    const { code, stderr } = await bed.nami('up', folder)
    assert.equal(code, 1)
    assert.match(
      stderr,
      /deployment\.yaml: failed to create typed patch object \(default\/hello; apps\/v1, Kind=Deployment\): \.spec\.replicsa: field not declared in schema/,
    )
    const broken = copyOf('hello', 'deployment.yaml', (text) => `${text}\n  : [`)
    assert.match((await bed.nami('up', broken)).stderr, /deployment\.yaml/)
  })

  test('guestbook: what is written in front is kept behind', async () => {
    const { code, stdout, stderr } = await bed.nami('up', join(examples, 'guestbook'))
    assert.equal(code, 0, stderr)
    const url = urlIn(stdout)
    await eventually(async () => assert.deepEqual(JSON.parse(await bed.get(url)).entries, []))
    const signed = await bed.run('curl', [
      '-sS',
      '-o',
      '/dev/null',
      '-w',
      '%{http_code}',
      '--data-urlencode',
      'name=Ann',
      '--data-urlencode',
      'message=was here',
      url,
    ])
    assert.match(signed.stdout, /^[23]\d\d$/, signed.stderr)
    for (let asked = 0; asked < 6; asked++) assert.match(await bed.get(url), /was here/)
  })

  test('tutorial: a Deployment and a Service on a port of their own', async () => {
    const { code, stderr } = await bed.nami('up', join(examples, 'tutorial'))
    assert.equal(code, 0, stderr)
    assert.equal(JSON.parse(await bed.get('http://127.0.0.1:30080/')).greeting, 'Good morning')
    assert.match(await read('kubectl', 'get', 'deployments'), /greeter\s+1\/1\s+1\s+1/)
  })

  async function read(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await bed.nami(...args)
    assert.equal(code, 0, stderr)
    return stdout
  }

  /** A copy under the same name, so that the image's is the same too. */
  let copies = 0
  function copyOf(name: string, file: string, change: (text: string) => string): string {
    const folder = join(bed.directory, `copy-${++copies}`, name)
    cpSync(join(examples, name), folder, { recursive: true })
    const path = join(folder, 'kubernetes', file)
    writeFileSync(path, change(readFileSync(path, 'utf8')))
    return folder
  }
})
