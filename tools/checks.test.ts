import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const tools = dirname(fileURLToPath(import.meta.url))
const first = '/** A file. */\n'
const lines = (count: number) => Array.from({ length: count }, (_, i) => `const a${i} = ${i}`).join('\n')

interface Case {
  readonly check: string
  readonly it: string
  readonly files: Readonly<Record<string, string>>
  /** Absent: nothing is to be found. */
  readonly says?: RegExp
}

const cases: readonly Case[] = [
  {
    check: 'check-imports',
    it: 'finds a component that knows the store',
    files: { 'src/kubelet/a.ts': "import { open } from '#store/store.ts'" },
    says: /src\/kubelet\/a\.ts: kubelet may not import store/,
  },
  {
    check: 'check-imports',
    it: 'finds it behind import() too',
    files: { 'src/lib/a.ts': "await import('#schema/kind.ts')" },
    says: /lib may not import schema/,
  },
  {
    check: 'check-imports',
    it: 'finds the API server knowing informers',
    files: { 'src/apiserver/a.ts': "import { startInformer } from '#client/informer.ts'" },
    says: /knows the interface of the client/,
  },
  {
    check: 'check-imports',
    it: 'finds a folder without rules',
    files: { 'src/extras/a.ts': '' },
    says: /src\/extras has no line/,
  },
  { check: 'check-imports', it: 'allows what is allowed', files: { 'src/api/a.ts': "import { x } from '#schema/kind.ts'" } },
  { check: 'check-imports', it: 'leaves tests alone', files: { 'src/lib/a.test.ts': "import { x } from '#store/store.ts'" } },
  { check: 'check-sizes', it: 'finds a long file', files: { 'src/lib/a.ts': lines(401) }, says: /a\.ts: 401 lines, at most 400/ },
  {
    check: 'check-sizes',
    it: 'finds a long function',
    files: { 'src/lib/a.ts': `export async function long(): Promise<void> {\n${lines(60).replace(/^/gm, '  ')}\n}\n` },
    says: /long\(\) has 62 lines, at most 60/,
  },
  {
    check: 'check-sizes',
    it: 'finds a long method',
    files: { 'src/lib/a.ts': `class A {\n  #long(): void {\n${lines(60).replace(/^/gm, '    ')}\n  }\n}\n` },
    says: /#long\(\) has 62 lines/,
  },
  { check: 'check-sizes', it: 'allows 400 lines', files: { 'src/lib/a.ts': lines(400) } },
  {
    check: 'check-clock',
    it: 'finds a component that takes the time',
    files: { 'src/controllers/a.ts': 'const now = Date.now()' },
    says: /src\/controllers\/a\.ts:1: Date\.now is to be handed in/,
  },
  { check: 'check-clock', it: 'finds chance', files: { 'src/scheduler/a.ts': '\nMath.random()' }, says: /a\.ts:2: Math\.random/ },
  { check: 'check-clock', it: 'finds the environment', files: { 'src/network/a.ts': 'process.env.HOME' }, says: /process\.env/ },
  {
    check: 'check-clock',
    it: 'leaves the composition, tests and comments alone',
    files: { 'src/cluster/a.ts': 'Date.now()', 'src/api/a.test.ts': 'Date.now()', 'src/api/b.ts': '// Date.now() is forbidden' },
  },
  { check: 'check-names', it: 'finds an empty name', files: { 'src/lib/utils.ts': first }, says: /the name says nothing/ },
  {
    check: 'check-names',
    it: 'finds a file without a first sentence',
    files: { 'src/lib/a.ts': 'const a = 1' },
    says: /begins with/,
  },
  { check: 'check-names', it: 'finds capitals', files: { 'src/lib/aB.ts': first }, says: /kebab-case/ },
  { check: 'check-names', it: 'finds a barrel', files: { 'src/lib/a.ts': `${first}export * from './b.ts'` }, says: /no barrels/ },
  {
    check: 'check-names',
    it: 'finds private where #private is meant',
    files: { 'src/lib/a.ts': `${first}class A {\n  ${'private'} a = 1\n  ${'private'} b() {}\n}` },
    says: /#private, not private/,
  },
  {
    check: 'check-names',
    it: 'finds a test that sleeps',
    files: { 'src/lib/a.test.ts': `await new Promise((r) => ${'setTimeout'}(r, 10))` },
    says: /tests do not sleep/,
  },
  {
    check: 'check-names',
    it: 'finds a test alone',
    files: { 'src/lib/a.test.ts': `test.${'only'}('a', f)` },
    says: /do not stay/,
  },
  {
    check: 'check-names',
    it: 'is content with a good file',
    files: { 'src/lib/good-name.ts': `${first}class A {\n  #a = 1\n}` },
  },
  {
    check: 'check-docs',
    it: 'finds a dead link',
    files: { 'README.md': 'See [this](docs/gone.md).' },
    says: /README\.md:1: docs\/gone\.md: the link/,
  },
  {
    check: 'check-docs',
    it: 'finds a heading that is not there',
    files: { 'README.md': '[a](docs/a.md#second)', 'docs/a.md': '# First one' },
    says: /no such heading in docs\/a\.md/,
  },
  { check: 'check-docs', it: 'knows headings', files: { 'README.md': '[a](#first-one)\n# First one' } },
  {
    check: 'check-docs',
    it: 'finds a path that is gone',
    files: { 'README.md': '\nsee `src/lib/gone.ts`' },
    says: /README\.md:2: src\/lib\/gone\.ts: there is no/,
  },
  {
    check: 'check-docs',
    it: 'finds a file name that is gone',
    files: { 'src/lib/README.md': '`gone.ts`', 'src/lib/a.ts': first },
    says: /gone\.ts: there is no/,
  },
  {
    check: 'check-docs',
    it: 'knows paths from the root, from src and from the page, with stars and placeholders',
    files: {
      'src/lib/deep/a.ts': first,
      'src/lib/README.md':
        '`src/lib/deep/a.ts` `lib/deep/a.ts` `deep/a.ts` `a.ts` `#lib/deep/a.ts` `deep/*.ts` `lib/<folder>/<name>.ts` `deep/`',
    },
  },
  {
    check: 'check-docs',
    it: 'leaves alone what is no path',
    files: { 'README.md': '`apps/v1` `/readyz` `a | b` `10.96.0.0/16` `hosts.toml`' },
  },
  {
    check: 'check-docs',
    it: 'finds a command that is not there',
    files: { 'README.md': '```\n./nami fly\n```', 'src/cli/commands.ts': "  up: { load }\n  'image ls': { load }\n" },
    says: /README\.md:2: \.\/nami fly: there is no such command/,
  },
  {
    check: 'check-docs',
    it: 'knows commands',
    files: {
      'README.md': '```\n./nami up\n./nami image ls\n```',
      'src/cli/commands.ts': "  up: { load }\n  'image ls': { load }\n",
    },
  },
  {
    check: 'check-docs',
    it: 'finds a script that is not there',
    files: { 'README.md': 'npm run fly', 'package.json': '{"scripts": {"ok": "x"}}' },
    says: /npm run fly: package\.json has no such script/,
  },
]

for (const { check, it, files, says } of cases) {
  test(`${check} ${it}`, () => {
    const root = mkdtempSync(join(tmpdir(), 'nami-check-'))
    try {
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(root, path)), { recursive: true })
        writeFileSync(join(root, path), text)
      }
      const { status, stderr } = spawnSync(process.execPath, [join(tools, `${check}.ts`)], { cwd: root, encoding: 'utf8' })
      assert.equal(status, says ? 1 : 0, stderr)
      if (says) assert.match(stderr, says)
    } finally {
      rmSync(root, { recursive: true, force: true })
    }
  })
}
