/** `nami review_app env copy NAME`: staging's values for a review app. */
import { type Command, defineCommand } from '#cli/command.ts'
import type { Values } from '#workflow/environment/values.ts'
import { commonFlags, exactly, withTarget } from './open.ts'

const command: Command = defineCommand({
  summary: "copy staging's values to the review app (review_app setup does so already)",
  usage: 'review_app env copy NAME',
  examples: ['review_app env copy feature-1'],
  flags: commonFlags,

  run: (call) =>
    withTarget(call, async (target, { args }) => {
      exactly(args, [], 'review_app env copy NAME')
      const [{ changeValues }, { listReleases, nextValues }, { withValues }] = await Promise.all([
        import('#workflow/environment/change-values.ts'),
        import('#workflow/environment/releases.ts'),
        import('#workflow/environment/values.ts'),
      ])
      const [{ copyConfigMap }, { environmentName }, { connect }] = await Promise.all([
        import('#workflow/review-app.ts'),
        import('#workflow/environment/pin.ts'),
        import('./connect.ts'),
      ])
      const { client, namespace } = await connect(call, target.project, 'staging')
      try {
        const name = environmentName(target.project.name)
        if ((await listReleases(target)).length > 0) {
          const values = await nextValues({ client, namespace, project: target.project })
          const change = (own: Values) => withValues(own, values)
          await changeValues(target, { change, description: 'env copy', isStaged: false, timeoutSeconds: 600 })
          return 0
        }
        const isThere = await copyConfigMap(client, name, { from: namespace, to: target.namespace })
        call.print(isThere ? `configmap/${name} is copied.` : `Staging has no configmap/${name}.`)
        return isThere ? 0 : 1
      } finally {
        await client.close()
      }
    }),
})
export default command
