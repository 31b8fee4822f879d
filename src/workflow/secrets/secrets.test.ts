import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type Ask, secretSource } from './source.ts'

const folder = mkdtempSync(join(tmpdir(), 'nami-secrets-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** Vault's KV engines, as its HTTP API describes them: `kv2/` is of version 2, `kv1/` of version 1. */
async function vault() {
  const asked: string[] = []
  const answers: Record<string, [number, unknown]> = {
    'GET /v1/sys/internal/ui/mounts/kv2/web/staging': [200, { data: { path: 'kv2/', options: { version: '2' } } }],
    'GET /v1/kv2/data/web/staging': [200, { data: { data: { TOKEN: 'abc', PORT: 5432, LIST: [1] }, metadata: { version: 3 } } }],
    'GET /v1/sys/internal/ui/mounts/kv1/web': [200, { data: { path: 'kv1/', options: null } }],
    'GET /v1/kv1/web': [200, { data: { TOKEN: 'one' } }],
    'GET /v1/sys/internal/ui/mounts/kv2/closed': [403, { errors: ['permission denied'] }],
    'GET /v1/kv2/data/closed': [403, { errors: ['1 error occurred:\n\t* permission denied\n\n'] }],
    'POST /v1/auth/approle/login': [200, { auth: { client_token: 's.role' } }],
  }
  const server = createServer((request: IncomingMessage, response) => {
    const line = `${request.method} ${request.url}`
    asked.push(`${line} ${request.headers['x-vault-token'] ?? '-'}${request.headers['x-vault-namespace'] ?? ''}`)
    request.resume()
    const [status, body] = answers[line] ?? [404, { errors: [] }]
    response.writeHead(status).end(JSON.stringify(body))
  }).listen(0, '127.0.0.1')
  await new Promise((listening) => server.once('listening', listening))
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { address, asked, [Symbol.asyncDispose]: async () => void server.close() }
}

const ask: Ask = async ({ url, ...init }) => {
  const answer = await fetch(url, init)
  return { status: answer.status, body: await answer.text() }
}

function source(name: string, env: Record<string, string | undefined>) {
  const config = { 'project-name': 'web', 'staging-secrets': name }
  return secretSource({ config, directory: folder }, 'staging', { env: { HOME: folder, ...env }, ask })
}

test('secretSource() reads version 2 of the KV engine, numbers and lists as JSON', async () => {
  await using server = await vault()
  const env = { VAULT_ADDR: server.address, VAULT_TOKEN: 's.abc', VAULT_NAMESPACE: 'team' }
  assert.deepEqual(await source('vault:kv2/web/staging', env)?.read(), { TOKEN: 'abc', PORT: '5432', LIST: '[1]' })
  assert.deepEqual(server.asked, [
    'GET /v1/sys/internal/ui/mounts/kv2/web/staging s.abcteam',
    'GET /v1/kv2/data/web/staging s.abcteam',
  ])
})

test('secretSource() reads version 1, and logs in by role where there is no token', async () => {
  await using server = await vault()
  const env = { VAULT_ADDR: `${server.address}/`, VAULT_ROLE_ID: 'r', VAULT_SECRET_ID: 's' }
  assert.deepEqual(await source('vault:kv1/web', env)?.read(), { TOKEN: 'one' })
  assert.match(server.asked.join(), /login -,.*kv1\/web s\.role$/)
})

test('secretSource() reads what "vault login" left', async () => {
  await using server = await vault()
  writeFileSync(join(folder, '.vault-token'), 's.file\n')
  await source('vault:kv1/web', { VAULT_ADDR: server.address })?.read()
  rmSync(join(folder, '.vault-token'))
  assert.match(server.asked.join(), /s\.file$/)
})

for (const [what, name, env, message] of [
  ['no address', 'vault:kv2/web', {}, /it is not said where Vault is/],
  ['nobody logged in', 'vault:kv2/web', { VAULT_ADDR: 'http://127.0.0.1:1' }, /Nobody is logged in to Vault/],
  ['nobody there', 'vault:kv2/web', { VAULT_ADDR: 'http://127.0.0.1:1', VAULT_TOKEN: 't' }, /does not answer/],
  ['no file', 'file:none.env', {}, /none\.env does not exist/],
] as const) {
  test(`secretSource() says so: ${what}`, async () => {
    await assert.rejects(async () => source(name, env)?.read(), { name: 'WorkflowError', message })
  })
}

test('secretSource() says that Vault refuses, and that there is nothing', async () => {
  await using server = await vault()
  const env = { VAULT_ADDR: server.address, VAULT_TOKEN: 's.abc' }
  await assert.rejects(
    async () => source('vault:kv2/closed', env)?.read(),
    /Vault refuses vault:kv2\/closed: 1 error occurred:\s+\* permission denied/,
  )
  await assert.rejects(async () => source('vault:kv2/nothing', env)?.read(), /Vault has nothing at kv2\/nothing/)
})

test('secretSource() reads files by their endings, and quotes none of their lines', async () => {
  const files = {
    'a.env': '# x\nexport A=1\n B = "two words"\n',
    'b.yml': 'A: 1\nB: two words\n',
    'c.json': '{"A":"1","B":"two words"}',
  }
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(folder, name), text)
    assert.deepEqual(await source(`file:${name}`, {})?.read(), { A: '1', B: 'two words' })
  }
  writeFileSync(join(folder, 'bad.yml'), 'A: [hunter2\n')
  await assert.rejects(
    async () => source('file:bad.yml', {})?.read(),
    (error: Error) => !/hunter2/.test(error.message),
  )
  writeFileSync(join(folder, 'bad.env'), 'hunter2\n')
  await assert.rejects(async () => source('file:bad.env', {})?.read(), /bad\.env:1: not KEY=VALUE$/)
})

test('secretSource() is none where nothing is said, and refuses what it does not know', () => {
  assert.equal(source('', {}), undefined)
  assert.throws(() => source('aws:x', {}), /is neither vault:MOUNT\/PATH nor file:PATH/)
})
