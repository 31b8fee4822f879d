import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Pod } from '#api/core/v1/pod.ts'
import { pod } from '#testing/make.ts'
import { giveToGroup } from './ownership.ts'

test('giveToGroup() changes what lies in the volume, and nothing that a link in it leads to', async () => {
  const root = await mkdtemp(join(tmpdir(), 'nami-ownership-'))
  try {
    const volume = join(root, 'volume')
    await mkdir(join(volume, 'a/b'), { recursive: true })
    await writeFile(join(volume, 'a/b/file'), 'x')
    await chmod(join(volume, 'a/b/file'), 0o600)
    await mkdir(join(root, 'outside'), { mode: 0o700 })
    await writeFile(join(root, 'outside/secret'), 'x')
    await chmod(join(root, 'outside/secret'), 0o600)
    await symlink(join(root, 'outside/secret'), join(volume, 'a/file-link'))
    await symlink(join(root, 'outside'), join(volume, 'folder-link'))
    await symlink('nowhere', join(volume, 'dangling'))
    const group = process.getgid?.() ?? 0
    await giveToGroup(volume, pod('a', { spec: { securityContext: { fsGroup: group } } }) as Pod, { readOnly: false })
    const mode = async (path: string) => ((await stat(join(root, path))).mode & 0o7777).toString(8)
    assert.equal(await mode('volume/a/b/file'), '660')
    assert.match(await mode('volume/a/b'), /^27/)
    assert.equal(await mode('outside/secret'), '600')
    assert.equal(await mode('outside'), '700')
  } finally {
    await rm(root, { recursive: true, force: true })
  }
})
