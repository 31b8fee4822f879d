import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { diskIdRanges } from './id-ranges.ts'

test('diskIdRanges() gives each pod users of its own, also after a restart, and takes them back with its folder', async () => {
  const root = await mkdtemp(join(tmpdir(), 'ids-'))
  try {
    for (const uid of ['a', 'b', 'c', 'd']) await mkdir(join(root, uid))
    const idRange = diskIdRanges(root)
    const [a, b] = await Promise.all([idRange('a'), idRange('b')])
    assert.deepEqual(
      [a, b],
      [
        { hostId: 65_536, length: 65_536 },
        { hostId: 131_072, length: 65_536 },
      ],
    )
    const mapping = { hostId: 131_072, containerId: 0, length: 65_536 }
    const written = JSON.parse(await readFile(join(root, 'b/userns'), 'utf8'))
    assert.deepEqual(written, { uidMappings: [mapping], gidMappings: [mapping] })
    const later = diskIdRanges(root)
    assert.deepEqual(await later('b'), b)
    assert.equal((await later('c')).hostId, 196_608)
    await rm(join(root, 'a'), { recursive: true })
    assert.equal((await later('d')).hostId, 65_536)
  } finally {
    await rm(root, { recursive: true })
  }
})
