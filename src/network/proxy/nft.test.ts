import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeNft, noNft, openNft } from '#testing/nft.ts'
import { NftError } from './nft.ts'

test('nftSession() takes a script as one transaction and goes on after one that fails', { skip: noNft }, async () => {
  using nft = openNft()
  assert.equal(await nft.run('add table ip t\nadd chain ip t a\n'), '')
  await assert.rejects(nft.run('add rule ip t a accept\nadd rule ip t nowhere accept\n'), NftError)
  await assert.rejects(nft.run('nonsense'), /syntax error/)
  assert.equal(await nft.run('add rule ip t a drop'), '')
  assert.match(await nft.run('list chain ip t a'), /chain a \{\s+drop\s+\}/)
})

test('nftSession() gives what has blocks, and what is long, to a process of its own', { skip: noNft }, async () => {
  using nft = openNft()
  await nft.run('table ip t {\n chain a {\n accept\n }\n}\n')
  const chains = Array.from({ length: 1000 }, (_, i) => `add chain ip t chain-number-${i}`)
  await nft.run(chains.join('\n'))
  assert.equal((await nft.run('list table ip t')).match(/chain chain-number-/g)?.length, 1000)
})

test('nftSession() does without a session where nft offers none', async () => {
  using nft = fakeNft('[ "$1" = -i ] && echo "Error: interactive CLI not supported in this build" && exit 1; cat')
  assert.equal(await nft.run('add table ip t'), 'add table ip t')
  assert.equal(await nft.run('list tables'), 'list tables')
})

test('nftSession() says so when the process ends, and starts another', async () => {
  const answer = 'payload expression, datatype ipv4_addr (IPv4 address) (basetype integer), 32 bits'
  using nft = fakeNft(`while read line; do [ "$line" = end ] && exit; read question; echo "${answer}"; done`)
  assert.equal(await nft.run('first'), '')
  await assert.rejects(nft.run('end'), NftError)
  assert.equal(await nft.run('again'), '')
})
