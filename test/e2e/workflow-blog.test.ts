import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Bed, eventually, noBed, openBed } from '#testing/bed.ts'
import { realClients } from '#testing/real-clients.ts'

const clients = realClients()
const nami = fileURLToPath(new URL('../../bin/nami.ts', import.meta.url))
const blog = fileURLToPath(new URL('../../examples/blog', import.meta.url))

/** Node.js and MariaDB out of one image that is built here; a volume, a Secret, and a Service. */
describe('examples/blog', { skip: noBed() || clients.missing || noPackages(), timeout: 300_000 }, () => {
  let bed: Bed
  let url = ''
  before(async () => {
    bed = await openBed({ kubectl: clients.kubectl })
    // Outside of the bed's network, from which no mirror of Debian's can be reached.
    const words = [nami, 'image', 'build', blog, '--data-dir', bed.dataDir]
    const { status, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8', timeout: 180_000 })
    assert.equal(status, 0, stderr)
  })
  after(() => bed?.[Symbol.asyncDispose]())

  test('nami up brings the blog and its database, and what is written stays when the database gets a new pod', async () => {
    const up = await bed.nami('up', blog)
    assert.equal(up.code, 0, up.stderr)
    url = /^ {2}application (http:\S+)\/$/m.exec(up.stdout)?.[1] ?? ''
    const title = `It's "so" <b>\\ é`
    const body = `1'; DROP TABLE posts; -- `
    assert.equal(await write(title, body, 'let-me-write'), '303')
    assert.equal(await write('x', 'x', 'wrong'), '403')
    const { posts } = JSON.parse(await bed.get(`${url}/feed`))
    assert.deepEqual([posts[0].title, posts[0].body, posts.length], [title, body, 1])
    assert.match(await bed.get(`${url}/it-s-so-b`), /<h1>It's &#34;so&#34; &#60;b&#62;/)
    await bed.kubectl('delete', 'pod', 'blog-database-0')
    await bed.kubectl('wait', '--for=condition=Ready', 'pod/blog-database-0', '--timeout=60s')
    await eventually(async () => assert.deepEqual(JSON.parse(await bed.get(`${url}/feed`)).posts, posts))
  })

  test('a new password: both sides take it from the Secret', async () => {
    const patch = JSON.stringify({ stringData: { BLOG_PASSWORD: `it's new \\` } })
    await bed.kubectl('patch', 'secret', 'blog', '-p', patch)
    await bed.kubectl('rollout', 'restart', 'statefulset/blog-database', 'deployment/blog')
    for (const one of ['statefulset/blog-database', 'deployment/blog']) {
      const { code, stderr } = await bed.kubectl('rollout', 'status', one, '--timeout=60s')
      assert.equal(code, 0, stderr)
    }
    assert.equal(JSON.parse(await bed.get(`${url}/feed`)).posts.length, 1)
  })

  async function write(title: string, body: string, password: string): Promise<string> {
    const fields = Object.entries({ title, body, password }).flatMap(([name, value]) => ['--data-urlencode', `${name}=${value}`])
    return (await bed.run('curl', ['-s', '-o', '/dev/null', '-w', '%{http_code}', ...fields, `${url}/write`])).stdout
  }
})

/** Whether Debian's mirror can be reached: the smallest of the packages is fetched. */
function noPackages(): string | false {
  const work = mkdtempSync(join(tmpdir(), 'nami-packages-'))
  const words = ['-o', 'APT::Sandbox::User=root', 'download', 'mysql-common']
  const { status } = spawnSync('apt-get', words, { cwd: work, timeout: 20_000, stdio: 'ignore' })
  rmSync(work, { recursive: true, force: true })
  return status === 0 ? false : "Debian's packages cannot be fetched"
}
