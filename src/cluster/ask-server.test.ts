import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Node } from '#api/core/v1/node.ts'
import { listen } from '#apiserver/http/listen.ts'
import { testCluster } from '#testing/cluster.ts'
import { serverOf } from './ask-server.ts'
import { type DataDirectory, dataDirectory, prepare } from './data-directory.ts'
import { ensurePki } from './pki.ts'

async function serving() {
  const cluster = await testCluster()
  const path = mkdtempSync(join(tmpdir(), 'nami-door-'))
  const directory = dataDirectory(path)
  prepare(directory)
  const { ca, apiserver } = await ensurePki(directory.pki, { domain: 'cluster.local', dnsNames: [], addresses: ['127.0.0.1'] })
  const open = () =>
    listen(cluster.server, {
      ...{ host: '127.0.0.1', port: 0, key: apiserver.key, certificate: apiserver.certificate, clientCa: ca.certificate },
      ...{ clock: cluster.clock, random: cluster.random },
      local: { path: directory.door, user: { name: 'kubernetes-admin', groups: ['system:masters'] } },
    })
  return {
    ...{ cluster, directory, open },
    async [Symbol.asyncDispose]() {
      await cluster[Symbol.asyncDispose]()
      for (const folder of [path, directory.run]) rmSync(folder, { recursive: true, force: true })
    },
  }
}

const ask = (directory: DataDirectory) => {
  const asked = serverOf(directory)
  assert(asked)
  return asked
}

test('the owner asks through a socket that nobody else can open', async () => {
  await using at = await serving()
  await at.cluster.client.create(Node, { metadata: { name: 'n1' } })
  const listening = await at.open()
  assert.equal(statSync(at.directory.door).mode & 0o777, 0o600)
  const { items } = await ask(at.directory)<{ items: Node[] }>('/api/v1/nodes')
  assert.deepEqual(
    items.map(({ metadata }) => metadata.name),
    ['n1'],
  )
  await assert.rejects(ask(at.directory)('/api/v1/nodes/none'), /^Error: HTTP 404: .*"NotFound"/)
  await listening.close()
  await assert.rejects(ask(at.directory)('/api/v1/nodes'), /ENOENT/)
})

test("a socket that a killed server left is in nobody's way", async () => {
  await using at = await serving()
  writeFileSync(at.directory.door, '')
  const listening = await at.open()
  assert.equal((await ask(at.directory)<{ kind: string }>('/api/v1/nodes')).kind, 'NodeList')
  await listening.close()
})

test('where no server has ever run there is none to ask', () => {
  const directory = dataDirectory(join(tmpdir(), 'nami-door-never'))
  assert.equal(serverOf(directory), undefined)
})

test('prepare() refuses a path that no socket can have', () => {
  const directory = dataDirectory(join(tmpdir(), 'nami-door-never'))
  assert.throws(() => prepare({ ...directory, door: `/${'x'.repeat(107)}` }), /too long for a socket/)
})
