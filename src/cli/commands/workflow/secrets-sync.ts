/** `nami staging secrets sync`: what Vault, or a file, holds now. */
import { type Command, CommandError, defineCommand } from '#cli/command.ts'
import { commonFlags, exactly, timeout, withTarget } from './open.ts'

const command: Command = defineCommand({
  summary: 'bring what the store of secrets holds now, and restart what reads it',
  usage: 'staging secrets sync',
  details: `  The store stands in hokusai/config.yml: "staging-secrets: vault:secret/web/staging" (MOUNT/PATH, as "vault kv get" takes it) or
  "file:PATH" (YAML, JSON or KEY=VALUE lines). Every deploy and env set reads it too. Vault is found by VAULT_ADDR and VAULT_TOKEN
  (or VAULT_ROLE_ID and VAULT_SECRET_ID, or ~/.vault-token). With --watch it goes on asking until Ctrl-C.`,
  examples: ['staging secrets sync', 'production secrets sync --watch --every 5m', 'review_app secrets sync feature-1'],
  flags: {
    ...commonFlags,
    timeout,
    watch: { type: 'boolean', doc: 'go on asking' },
    every: { type: 'string', value: 'T', doc: 'with --watch: seconds, or 5m', default: '60' },
  },

  run: (call) =>
    withTarget(call, async (target, { args }) => {
      const { flags, print } = call
      exactly(args, [], call.name)
      const [{ syncSecrets, watchSecrets }, { parseTimeout }] = await Promise.all([
        import('#workflow/environment/sync-secrets.ts'),
        import('#workflow/environment/deploy.ts'),
      ])
      const timeoutSeconds = parseTimeout(flags.timeout)
      const isChanged = await syncSecrets(target, timeoutSeconds)
      if (!isChanged) print('Nothing changes.')
      if (!flags.watch) return
      if (!/^\d+[smh]?$/.test(flags.every)) throw new CommandError(`--every ${flags.every}: seconds, or 5m`, { exitCode: 2 })
      await watchSecrets(target, { timeoutSeconds, everySeconds: parseTimeout(flags.every) })
    }),
})
export default command
