import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readlink, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { forgetRoot, isFoundAt, isShared } from './agent-root.ts'

const lines = `31 23 8:1 /a /data/kubelet rw,relatime shared:7 - ext4 /dev/sda rw
32 23 8:1 /b /data/other rw,relatime - ext4 /dev/sda rw
33 23 8:1 /c /data/slave rw,relatime master:7 - ext4 /dev/sda rw`

for (const [path, want] of [
  ['/data/kubelet', true],
  ['/data/other', false],
  ['/data/slave', false],
  ['/data', false],
] as const) {
  test(`isShared() of ${path} is ${want}`, () => assert.equal(isShared(lines, path), want))
}

test("isFoundAt() makes the way to a folder, and takes nobody else's", async () => {
  const root = await mkdtemp(join(tmpdir(), 'root-'))
  try {
    const [link, own, other] = [join(root, 'link'), join(root, 'own'), join(root, 'other')]
    for (const path of [own, other]) await mkdir(path)
    await symlink(join(root, 'gone'), link)
    assert.equal(await isFoundAt(link, own), true, 'what led nowhere is replaced')
    assert.equal(await isFoundAt(link, own), true)
    assert.equal(await isFoundAt(link, other), false)
    await forgetRoot(other, link)
    assert.equal(await readlink(link), own)
    await forgetRoot(own, link)
    await assert.rejects(readlink(link))
    await mkdir(link)
    assert.equal(await isFoundAt(link, own), false)
  } finally {
    await rm(root, { recursive: true })
  }
})
