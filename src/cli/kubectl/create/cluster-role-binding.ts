/** `kubectl create clusterrolebinding`. */
import { text } from '../command-line.ts'
import { defineVerb } from '../verb.ts'
import { createObject, generatorFlags, nameOfArguments } from './generator.ts'
import { rbacGroup, subjectFlags, subjectsOf } from './subjects.ts'

export default defineVerb({
  usage:
    'create clusterrolebinding NAME --clusterrole=NAME [--user=username] [--group=groupname] [--serviceaccount=namespace:serviceaccountname] [--dry-run=server|client|none]',
  summary: 'Create a cluster role binding for a particular cluster role',
  examples: ['create clusterrolebinding admins --clusterrole=cluster-admin --user=me'],
  flags: { ...generatorFlags, ...subjectFlags, clusterrole: text('', { required: true }) },
  async run(call) {
    const { flags } = call
    const object = {
      apiVersion: `${rbacGroup}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: nameOfArguments(call) },
      subjects: subjectsOf(flags),
      roleRef: { apiGroup: rbacGroup, kind: 'ClusterRole', name: flags.clusterrole },
    }
    await createObject(call, object, 'failed to create clusterrolebinding: ')
  },
})
