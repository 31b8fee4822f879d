/** `nami configure`: which clusters staging and production are. */
import { chmodSync, cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Command, CommandError, defineCommand, type Terminal } from '#cli/command.ts'
import { commonFlags, worded } from './open.ts'

const command: Command = defineCommand({
  summary: 'say which clusters staging and production are',
  usage: 'configure',
  details: `  With ~/.hokusai.yml (or HOKUSAI_GLOBAL_CONFIG): copies the kubeconfig that it names into kubeconfig-dir, and keeps what was there
  as .backup.YYYYMMDD. With --here: adds contexts "staging" and "production" to your kubeconfig, as namespaces of the current cluster.
  kubectl is built in ("nami kubectl"); for kubectl-dir a link to it is written.`,
  examples: ['configure --here', 'configure --kubeconfig-dir ~/.kube --skip-kubectl'],
  flags: {
    ...commonFlags,
    here: { type: 'boolean', doc: 'staging and production are namespaces of the current cluster' },
    'kubeconfig-dir': { type: 'string', value: 'DIR', doc: 'where the kubeconfig goes' },
    'kubectl-dir': { type: 'string', value: 'DIR', doc: 'where kubectl goes' },
    'skip-kubeconfig': { type: 'boolean', doc: 'leave the kubeconfig alone' },
    'skip-kubectl': { type: 'boolean', doc: 'leave kubectl alone' },
  },

  run: (call) =>
    worded(async () => {
      const { flags, terminal, print } = call
      if (flags.here) return void (await contextsHere(terminal, print))
      const [{ globalConfig }, { toYaml }, { backUp }, { systemClock }] = await Promise.all([
        import('./connect.ts'),
        import('#schema/yaml.ts'),
        import('#workflow/setup.ts'),
        import('#lib/clock.ts'),
      ])
      const given = { 'kubeconfig-dir': flags['kubeconfig-dir'], 'kubectl-dir': flags['kubectl-dir'] }
      const config = { ...globalConfig(terminal.env), ...Object.fromEntries(Object.entries(given).filter(([, value]) => value)) }
      const home = terminal.env.HOME ?? homedir()
      const at = (path: string) => resolve(terminal.cwd, path.replace(/^~(?=\/|$)/, home))
      const { 'kubeconfig-dir': folder, 'kubeconfig-source-uri': source, 'kubectl-dir': programs } = config
      if (!flags['skip-kubeconfig']) {
        if (!folder || !source)
          throw new CommandError('kubeconfig-dir and kubeconfig-source-uri are needed in ~/.hokusai.yml.', {
            next: ['nami configure --here'],
          })
        if (/^s3:/.test(source))
          throw new CommandError(`${source} is no file of this machine.`, {
            next: [`aws s3 cp ${source} ${join(folder, 'config')}`, 'nami configure --skip-kubeconfig'],
          })
        if (!existsSync(at(source))) throw new CommandError(`${source} does not exist.`)
        mkdirSync(at(folder), { recursive: true })
        const target = join(at(folder), 'config')
        const backup = backUp(target, systemClock.now())
        cpSync(at(source), target)
        chmodSync(target, 0o600)
        print(`${target}${backup ? ` (what was there: ${backup})` : ''}`)
      }
      if (!flags['skip-kubectl'] && programs) {
        mkdirSync(at(programs), { recursive: true })
        const target = join(at(programs), 'kubectl')
        backUp(target, systemClock.now())
        writeFileSync(target, '#!/bin/sh\nexec nami kubectl "$@"\n')
        chmodSync(target, 0o770)
        print(target)
      }
      writeFileSync(join(home, '.hokusai.yml'), toYaml(config))
      print(join(home, '.hokusai.yml'))
    }),
})
export default command

async function contextsHere(terminal: Terminal, print: (line: string) => void): Promise<void> {
  const [{ kubeconfigOf }, { kubectl }] = await Promise.all([import('./connect.ts'), import('#cli/kubectl/run.ts')])
  const config = kubeconfigOf(terminal)
  const current = config.contexts?.find(({ name }) => name === config['current-context'])
  if (!current) throw new CommandError('The kubeconfig has no current context.', { next: ['nami up'] })
  const { cluster, user } = current.context
  for (const name of ['staging', 'production']) {
    if (config.contexts?.some((one) => one.name === name)) {
      print(`Context "${name}" is there already.`)
      continue
    }
    await kubectl(['config', 'set-context', name, `--cluster=${cluster}`, `--user=${user}`, `--namespace=${name}`], terminal)
  }
}
