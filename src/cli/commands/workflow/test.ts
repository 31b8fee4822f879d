/** `nami test`: the project's tests, in the stack of hokusai/test.yml. In Nami's own checkout it runs Nami's. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Command, defineCommand } from '#cli/command.ts'
import { stackFlags, withStack } from './compose-stack.ts'
import { commonFlags } from './open.ts'

const command: Command = defineCommand({
  summary: "run the project's tests: what hokusai/test.yml says, on the cluster",
  usage: 'test',
  details: `  The exit code is that of the project's service (--service-name takes another). When it ends all others are stopped.
  In Nami's own checkout this runs Nami's tests: see nami development test --help.`,
  examples: ['test', 'test --no-build --cleanup', 'test -f hokusai/integration.yml --service-name tests'],
  flags: {
    ...commonFlags,
    ...stackFlags,
    build: { type: 'boolean', doc: '', hidden: true },
    'no-build': { type: 'boolean', doc: 'run what was built before' },
    cleanup: { type: 'boolean', doc: 'remove the stack afterwards, volumes included' },
    'no-cleanup': { type: 'boolean', doc: '', hidden: true },
    'service-name': { type: 'string', value: 'S', doc: "the service that counts (default: the project's)" },
    only: { type: 'string', doc: '', hidden: true },
  },

  async run(call) {
    const { flags, args, terminal, print } = call
    if (isOwnCheckout(terminal.cwd)) {
      const { default: own } = await import('../development/test.ts')
      return own.run({ ...call, args, flags: { only: flags.only } as never })
    }
    return withStack(call, { file: flags.filename, profiles: flags.profile, name: 'test' }, async (opened) => {
      const [{ testStack }, { cleanStack, stopStack }] = await Promise.all([
        import('#workflow/compose/test-stack.ts'),
        import('#workflow/compose/run-stack.ts'),
      ])
      const { around, calm, place, pods, project } = opened
      const running = { ...place, around, images: await opened.images(!flags['no-build']), publishes: false }
      try {
        const following = { pods, around, hasColours: terminal.stdout.isTTY === true }
        const code = await testStack(running, { service: flags['service-name'] ?? project, following })
        print(code === 0 ? 'Tests Passed' : 'Tests Failed')
        return code
      } finally {
        await stopStack({ ...running, around: calm })
        if (flags.cleanup) await cleanStack({ ...place, around: calm })
      }
    })
  },
})
export default command

/** A project below it is a project. */
function isOwnCheckout(cwd: string): boolean {
  const root = dirname(fileURLToPath(new URL('../../../../package.json', import.meta.url)))
  for (let folder = cwd; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'hokusai/config.yml'))) return false
    if (folder === root) return true
    if (dirname(folder) === folder) return false
  }
}
