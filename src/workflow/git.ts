/** What the workflow asks of git, and the words for what it finds. */
import type { Programs } from './programs.ts'
import { WorkflowError } from './workflow-error.ts'

export interface Git {
  /** The full sha1 of HEAD. */
  head(): Promise<string>
  branch(): Promise<string | undefined>
  remotes(): Promise<readonly string[]>
  fetch(remote: string, options?: { tags?: boolean }): Promise<void>
  /** Lines of `status --porcelain --ignored`: what would be in an image and in no commit. */
  changes(): Promise<readonly string[]>
  /** Whether the commits hold the same files. */
  isSame(from: string, to: string): Promise<boolean>
  diff(from: string, to: string): Promise<string>
  log(from: string, to: string): Promise<string>
  hasCommit(sha: string): Promise<boolean>
  /** Seconds since the epoch; undefined where the commit is not here. */
  commitTime(sha: string): Promise<number | undefined>
  remoteUrl(remote: string): Promise<string | undefined>
  /** Moves the tags to the commit, here and on the remote. */
  pushTags(remote: string, tags: readonly string[], commit: string): Promise<void>
}

export function gitOf(programs: Programs, directory: string): Git {
  const run = (...args: string[]) => programs.run('git', args, { cwd: directory, env: { GIT_TERMINAL_PROMPT: '0' } })
  const ask = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(...args)
    if (code === 0) return stdout.trimEnd()
    if (/not a git repository/.test(stderr)) {
      throw new WorkflowError(`${directory} is not in a git repository.`, {
        next: ['git init && git add -A && git commit -m start'],
      })
    }
    throw new WorkflowError(`git ${args.join(' ')}: ${stderr.trim() || `exit code ${code}`}`)
  }
  const lines = (text: string) => text.split('\n').filter(Boolean)
  return {
    async head() {
      const { code, stdout } = await run('rev-parse', '--verify', '--quiet', 'HEAD')
      if (code === 0) return stdout.trim()
      await ask('rev-parse', '--git-dir')
      throw new WorkflowError('The repository has no commit yet.', { next: ['git add -A && git commit -m start'] })
    },
    branch: async () => (await run('symbolic-ref', '--quiet', '--short', 'HEAD')).stdout.trim() || undefined,
    remotes: async () => lines(await ask('remote')),
    fetch: async (remote, { tags = false } = {}) =>
      void (await ask('fetch', '--quiet', ...(tags ? ['--tags', '--force'] : []), remote)),
    changes: async () => lines(await ask('status', '--porcelain', '--ignored')),
    isSame: async (from, to) => (await run('diff', '--quiet', from, to)).code === 0,
    diff: (from, to) => ask('diff', from, to),
    log: (from, to) => ask('log', '--right-only', `${from}...${to}`),
    hasCommit: async (sha) => (await run('cat-file', '-e', `${sha}^{commit}`)).code === 0,
    async commitTime(sha) {
      const { code, stdout } = await run('log', '-1', '--format=%ct', sha, '--')
      return code === 0 && stdout ? Number(stdout) : undefined
    },
    remoteUrl: async (remote) => (await run('remote', 'get-url', remote)).stdout.trim() || undefined,
    async pushTags(remote, tags, commit) {
      for (const tag of tags) await ask('tag', '--force', tag, commit)
      await ask('push', '--force', '--no-verify', '--quiet', remote, ...tags.map((tag) => `refs/tags/${tag}`))
    },
  }
}

/** What `update` demands: the branch, not detached, and the same as that of every remote. Throws WorkflowError. */
export async function checkBranch(git: Git, wanted: { branch: string; remote?: string | undefined }): Promise<void> {
  const skip = { next: ['Or leave the check out: --skip-checks'] }
  const branch = await git.branch()
  if (branch === undefined) throw new WorkflowError('HEAD is detached: no branch is checked out.', skip)
  if (branch !== wanted.branch) {
    throw new WorkflowError(`The branch is ${branch}, not ${wanted.branch}.`, {
      next: [`git checkout ${wanted.branch}`, `Or name the branch: --check-branch ${branch}`],
    })
  }
  for (const remote of wanted.remote ? [wanted.remote] : await git.remotes()) {
    await git.fetch(remote)
    if (await git.isSame(wanted.branch, `${remote}/${wanted.branch}`)) continue
    throw new WorkflowError(`${wanted.branch} differs from ${remote}/${wanted.branch}.`, {
      next: [`git pull ${remote} ${wanted.branch}`, `git push ${remote} ${wanted.branch}`, ...skip.next],
    })
  }
}
