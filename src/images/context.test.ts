import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { readContext } from './context.ts'
import { ignoredBy } from './ignore.ts'

const patterns = [
  { text: 'a.txt', out: ['a.txt', 'a.txt/b'], in: ['b/a.txt', 'a.txtx'] },
  { text: '/a', out: ['a', 'a/b'], in: ['b/a'] },
  { text: '*.log', out: ['x.log'], in: ['a/x.log'] },
  { text: '**/*.log', out: ['x.log', 'a/b/x.log'], in: ['x.logs'] },
  { text: 'a/**', out: ['a/b', 'a/b/c'], in: ['ab'] },
  { text: '?.js', out: ['a.js'], in: ['ab.js', '/.js'] },
  { text: '[ab].js', out: ['a.js', 'b.js'], in: ['c.js'] },
  { text: '# note\n\n./dist/', out: ['dist', 'dist/a'], in: ['# note'] },
  { text: '*\n!keep\n', out: ['a'], in: ['keep', 'keep/a'] },
  { text: '!keep\n*\n', out: ['keep'], in: [] },
  { text: 'docs\n!docs/api\ndocs/api/old', out: ['docs/a', 'docs/api/old'], in: ['docs/api', 'docs/api/new'] },
  { text: 'a+b(c)', out: ['a+b(c)'], in: ['aab(c)'] },
  { text: '', out: ['.git/config', 'hokusai/staging.yml', 'src/.DS_Store'], in: ['.gitignore', 'src/hokusai/a'] },
  { text: '!hokusai', out: [], in: ['hokusai/staging.yml'] },
]

for (const { text, out, in: kept } of patterns) {
  test(`ignoredBy(${JSON.stringify(text)}) reads .dockerignore as Docker does`, () => {
    const ignored = ignoredBy(text)
    for (const path of out) assert(ignored.has(path), `${path} is left out`)
    for (const path of kept) assert(!ignored.has(path), `${path} is kept`)
  })
}

async function folder(files: Readonly<Record<string, string>>) {
  const path = await mkdtemp(join(tmpdir(), 'nami-context-'))
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true })
    await writeFile(join(path, name), text)
  }
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

const key = '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ\n'
const secrets = [
  { path: '.env', says: /\.env {3}\(values of an environment\)/ },
  { path: 'config/.env.production', says: /config\/\.env\.production/ },
  { path: 'deploy', text: key, says: /deploy {3}\(a private key\)/ },
  { path: 'tls/server.pem', text: key, says: /tls\/server\.pem/ },
  { path: 'id_rsa', says: /an SSH key/ },
  { path: 'store.p12', says: /a store of keys/ },
  { path: '.netrc', says: /credentials/ },
  { path: '.npmrc', text: '//registry.example.com/:_authToken=0123456789abcdef\n', says: /a token for a package registry/ },
  { path: 'gcp.json', text: JSON.stringify({ type: 'service_account', private_key: key }), says: /a service account/ },
]

for (const { path, text = 'x', says } of secrets) {
  test(`readContext() refuses ${path} by its name, unless .dockerignore leaves it out`, async () => {
    await using one = await folder({ [path]: text, 'index.html': '' })
    await assert.rejects(readContext(one.path), { code: 'Secret', message: says })
    await writeFile(join(one.path, '.dockerignore'), `${path}\n`)
    assert.deepEqual(
      (await readContext(one.path)).entries.flatMap((entry) => ('file' in entry ? [entry.path] : [])),
      ['index.html'],
    )
  })
}

test('readContext() takes what only looks like a secret', async () => {
  const files = {
    '.env.example': 'A=',
    'cert.pem': '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n',
    'key.js': `// ${key}`,
  }
  await using one = await folder(files)
  assert.equal((await readContext(one.path)).entries.length, 3)
})

test('readContext() names every secret at once', async () => {
  await using one = await folder({ '.env': 'A=b', 'keys/a': key })
  await assert.rejects(readContext(one.path), { message: /\.env[\s\S]*keys\/a[\s\S]*\.dockerignore/ })
})

test('readContext() refuses a file as large as a disk, tells of large ones, leaves out what is no file', async () => {
  await using one = await folder({ huge: '', large: '' })
  await truncate(join(one.path, 'large'), 60 * 1024 ** 2)
  execFileSync('mkfifo', [join(one.path, 'pipe')])
  await symlink('large', join(one.path, 'link'))
  const { entries, notes } = await readContext(one.path)
  assert.deepEqual(
    entries.map(({ path }) => path),
    ['huge', 'large', 'link'],
  )
  assert.equal(notes.length, 2)
  assert.match(notes.join('\n'), /large has 63 MB[\s\S]*pipe is neither file nor folder/)
  await truncate(join(one.path, 'huge'), 1024 ** 3 + 1)
  await assert.rejects(readContext(one.path), { code: 'BadContext', message: /^huge has 1074 MB/ })
})

test('readContext() refuses a name that is not UTF-8', async () => {
  await using one = await folder({})
  await writeFile(Buffer.concat([Buffer.from(`${one.path}/`), Buffer.from([0x61, 0xff])]), '')
  await assert.rejects(readContext(one.path), /not UTF-8/)
})

test('readContext() takes back in what a later line of .dockerignore says, without its folder', async () => {
  await using one = await folder({ 'docs/a': '', 'docs/api/b': '', '.dockerignore': 'docs\n!docs/api\n' })
  const { entries } = await readContext(one.path)
  assert.deepEqual(
    entries.map(({ path }) => path),
    ['docs/api', 'docs/api/b'],
  )
})
