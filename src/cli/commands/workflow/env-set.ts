/** `nami staging env set K=V..`: a release with other values. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Command, CommandError, defineCommand, type Terminal } from '#cli/command.ts'
import { commonFlags, confirmUses, timeout, withTarget, yes } from './open.ts'

const command: Command = defineCommand({
  summary: 'set values, as a new release that is rolled out',
  usage: 'staging env set KEY=VALUE...',
  details: `  Secrets never stand on a command line: --secret KEY reads the value from standard input, --secret-file KEY=FILE from a file.
  With --no-restart the release is only staged; the next deploy or refresh brings it.`,
  examples: [
    'staging env set LOG_LEVEL=debug',
    'production env set A=1 B=2 --no-restart',
    'staging env set --secret DATABASE_URL',
    'staging env set --secret-file TLS_KEY=key.pem',
    'review_app env set feature-1 A=1',
  ],
  flags: {
    ...commonFlags,
    timeout,
    yes,
    'no-restart': { type: 'boolean', doc: 'stage the values, change no pod' },
    secret: { type: 'string', value: 'KEY', doc: 'a secret, from standard input' },
    'secret-file': { type: 'string', value: 'KEY=FILE', multiple: true, doc: 'a secret, from a file' },
  },

  run: (call) =>
    withTarget(call, async (target, { args }) => {
      const { flags, terminal } = call
      const [{ changeValues }, { parsePairs, withValues }, { parseTimeout }] = await Promise.all([
        import('#workflow/environment/change-values.ts'),
        import('#workflow/environment/values.ts'),
        import('#workflow/environment/deploy.ts'),
      ])
      const plain = parsePairs(args)
      const secret = await secretsOf(flags, terminal)
      const keys = [...Object.keys(plain), ...Object.keys(secret)]
      if (keys.length === 0)
        throw new CommandError('KEY=VALUE is needed', { next: [`nami ${call.name} LOG_LEVEL=debug`], exitCode: 2 })
      const { name } = target.project
      await confirmUses(call, target, { about: [`configmap/${name}-environment`], isSure: flags.yes || flags['no-restart'] })
      await changeValues(target, {
        change: (values) => withValues(values, { plain, secret }),
        description: `env set ${keys.join(', ')}`,
        isStaged: flags['no-restart'] ?? false,
        timeoutSeconds: parseTimeout(flags.timeout),
      })
    }),
})
export default command

async function secretsOf(
  flags: { readonly secret: string | undefined; readonly 'secret-file': readonly string[] | undefined },
  { stdin, cwd }: Terminal,
): Promise<Record<string, string>> {
  const { checkKey } = await import('#workflow/environment/values.ts')
  const found: Record<string, string> = {}
  for (const pair of flags['secret-file'] ?? []) {
    const [key = '', file = ''] = pair.split(/=(.*)/s)
    if (!file) throw new CommandError('--secret-file KEY=FILE', { exitCode: 2 })
    try {
      found[checkKey(key)] = readFileSync(resolve(cwd, file), 'utf8')
    } catch (error) {
      throw new CommandError(`--secret-file: ${(error as Error).message}`, { cause: error })
    }
  }
  if (flags.secret === undefined) return found
  if (flags.secret.includes('=')) {
    throw new CommandError('A secret on a command line is none: others can read it.', {
      next: ['echo -n VALUE | nami staging env set --secret KEY'],
      exitCode: 2,
    })
  }
  const chunks: Buffer[] = []
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk))
  const value = Buffer.concat(chunks)
    .toString()
    .replace(/\r?\n$/, '')
  if (value === '') {
    throw new CommandError('Standard input holds nothing: the secret would be empty.', {
      next: [`nami staging env set --secret ${flags.secret} < FILE`],
    })
  }
  found[checkKey(flags.secret)] = value
  return found
}
