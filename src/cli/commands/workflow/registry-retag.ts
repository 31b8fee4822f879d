/** `nami registry retag staging TAG`: which image an environment's tag names. */
import { type Command, CommandError, defineCommand } from '#cli/command.ts'
import { commonFlags, exactly, openWorkflow, worded } from './open.ts'

const command: Command = defineCommand({
  summary: 'make the tag "staging" or "production" name another image',
  usage: 'registry retag staging|production TAG',
  examples: ['registry retag staging 1.2.0', 'registry retag production staging'],
  flags: commonFlags,

  run: (call) =>
    worded(async () => {
      const [alias = '', tag = ''] = exactly(call.args, ['staging|production', 'TAG'], 'registry retag staging TAG')
      if (!/^(staging|production)$/.test(alias))
        throw new CommandError(`${alias} is no environment: staging or production`, { exitCode: 2 })
      const { images } = await openWorkflow(call)
      if (!(await images.digest(tag)))
        throw new CommandError(`${images.repository} has no tag ${tag}.`, { next: ['nami registry images'] })
      await images.retag(tag, alias)
      call.print(`${images.repository}:${alias} is ${tag} now.`)
    }),
})
export default command
