import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { checkBranch, gitOf } from './git.ts'
import type { ImageStore } from './images/image-store.ts'
import { compareLink, spanOf } from './pipeline.ts'
import { systemPrograms } from './programs.ts'

const folders: string[] = []
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

const env = {
  PATH: process.env.PATH,
  HOME: '/nonexistent',
  GIT_AUTHOR_NAME: 'ann',
  GIT_AUTHOR_EMAIL: 'a@b.c',
  GIT_COMMITTER_NAME: 'ann',
  GIT_COMMITTER_EMAIL: 'a@b.c',
}

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nami-git-'))
  folders.push(folder)
  return folder
}

function gitIn(folder: string) {
  const programs = systemPrograms({ env, signal: new AbortController().signal, onOutput: () => {} })
  const git = (...args: string[]) => execFileSync('git', args, { cwd: folder, env, encoding: 'utf8', stdio: 'pipe' }).trim()
  const commit = (file: string, text = '') => {
    writeFileSync(join(folder, file), text)
    git('add', '-A')
    git('commit', '-q', '-m', file)
    return git('rev-parse', 'HEAD')
  }
  return { folder, git, commit, asked: gitOf(programs, folder) }
}

function repository() {
  const made = gitIn(scratch())
  made.git('init', '-q', '-b', 'main')
  return made
}

function withRemote() {
  const made = repository()
  const first = made.commit('a')
  const remote = scratch()
  made.git('init', '-q', '--bare', remote)
  made.git('remote', 'add', 'origin', remote)
  made.git('push', '-q', 'origin', 'main')
  return { ...made, first, remote }
}

test('gitOf() says where there is no repository, and where there is no commit', async () => {
  await assert.rejects(gitIn(scratch()).asked.head(), /is not in a git repository/)
  await assert.rejects(repository().asked.head(), /The repository has no commit yet/)
})

test('gitOf() lists changes with ignored files, and commits with their times', async () => {
  const { asked, commit, folder } = repository()
  const sha = commit('.gitignore', 'ignored\n')
  writeFileSync(join(folder, 'ignored'), '')
  writeFileSync(join(folder, 'new'), '')
  assert.deepEqual(await asked.changes(), ['?? new', '!! ignored'])
  assert.equal(await asked.head(), sha)
  assert.equal(await asked.hasCommit('0'.repeat(40)), false)
  assert.ok(((await asked.commitTime(sha)) ?? 0) > 1_500_000_000)
  assert.equal(await asked.commitTime('0'.repeat(40)), undefined)
})

test('checkBranch() holds branch and remotes', async () => {
  const { asked, git, commit } = withRemote()
  await checkBranch(asked, { branch: 'main' })
  await assert.rejects(checkBranch(asked, { branch: 'release' }), /The branch is main, not release\./)
  commit('b', 'more')
  await assert.rejects(checkBranch(asked, { branch: 'main' }), /main differs from origin\/main\./)
  await assert.rejects(checkBranch(asked, { branch: 'main', remote: 'nowhere' }), /git fetch --quiet nowhere/)
  git('push', '-q', 'origin', 'main')
  await checkBranch(asked, { branch: 'main', remote: 'origin' })
  git('checkout', '-q', '--detach')
  await assert.rejects(checkBranch(asked, { branch: 'main' }), /HEAD is detached/)
})

test('pushTags() moves tags that are there already', async () => {
  const { asked, git, commit, first } = withRemote()
  await asked.pushTags('origin', ['staging', 'staging--1'], first)
  const second = commit('b')
  await asked.pushTags('origin', ['staging'], second)
  const tags = git('ls-remote', '--tags', 'origin').split('\n')
  assert.deepEqual(tags, [`${second}\trefs/tags/staging`, `${first}\trefs/tags/staging--1`])
})

function imagesOf(tags: Readonly<Record<string, string>>): ImageStore {
  return { repository: 'r.test/web', tags: async () => Object.keys(tags), digest: async (tag: string) => tags[tag] } as never
}

test('spanOf() finds the commits of both environments among the tags of their images', async () => {
  const { asked, commit, first } = withRemote()
  const second = commit('b', 'more\n')
  const images = imagesOf({ production: 'sha256:1', [first]: 'sha256:1', [second]: 'sha256:2', staging: 'sha256:2' })
  const span = await spanOf(images, asked)
  assert.deepEqual(span, { production: first, staging: second })
  assert.match(await asked.diff(span.production, span.staging), /\+more/)
  assert.match(await asked.log(span.production, span.staging), /^commit [0-9a-f]+[\s\S]+\n {4}b$/)
})

test('spanOf() says which tag or commit is missing', async () => {
  const { asked, first } = withRemote()
  await assert.rejects(spanOf(imagesOf({ staging: 'sha256:1' }), asked), /r\.test\/web has no tag production\./)
  const unknown = imagesOf({ production: 'sha256:1', staging: 'sha256:1', latest: 'sha256:1' })
  await assert.rejects(spanOf(unknown, asked), /No tag of production's image is a commit\./)
  const foreign = imagesOf({ production: 'sha256:1', ['0'.repeat(40)]: 'sha256:1', staging: 'sha256:2', [first]: 'sha256:2' })
  await assert.rejects(spanOf(foreign, asked), /git does not know the commit 0{40} of production\./)
})

test("compareLink() fills in Hokusai's pattern and named places", () => {
  const parts = { org: 'acme', project: 'web', production: 'a1', staging: 'b2' }
  assert.equal(compareLink(undefined, parts), 'https://github.com/acme/web/compare/a1...b2')
  assert.equal(compareLink('https://git.test/%s/%s/%s..%s', parts), 'https://git.test/acme/web/a1..b2')
  assert.equal(compareLink('{staging}<{production}', parts), 'b2<a1')
})
