/** `nami review_app list`: the review apps of the project. */
import { type Command, defineCommand } from '#cli/command.ts'
import { commonFlags, openWorkflow, worded } from './open.ts'

const command: Command = defineCommand({
  summary: 'list the review apps of the project',
  usage: 'review_app list',
  examples: ['review_app list'],
  flags: commonFlags,

  run: (call) =>
    worded(async () => {
      const [{ listReviews }, { connect }] = await Promise.all([import('#workflow/review-app.ts'), import('./connect.ts')])
      const { project } = await openWorkflow(call)
      const { client } = await connect(call, project, 'staging')
      try {
        for (const name of await listReviews(client, project)) call.print(name)
      } finally {
        await client.close()
      }
    }),
})
export default command
