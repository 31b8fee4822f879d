/** DefaultBinder tells the API server which node a pod is to run on. */
import { Pod } from '#api/core/v1/pod.ts'
import { definePlugin } from '../framework/plugin.ts'

export const defaultBinder = definePlugin({
  name: 'DefaultBinder',
  requeueOn: [],

  async bind({ pod }, node, { client }) {
    const { name, namespace, uid } = pod.metadata
    const body = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name, namespace, uid },
      target: { apiVersion: 'v1', kind: 'Node', name: node },
    }
    await client.post(Pod, pod.metadata, { subresource: 'binding', body })
    return true
  },
})
