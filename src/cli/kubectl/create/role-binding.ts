/** `kubectl create rolebinding`. */
import { text } from '../command-line.ts'
import { KubectlError } from '../errors.ts'
import { defineVerb } from '../verb.ts'
import { createObject, generatorFlags, metadataOf, nameOfArguments } from './generator.ts'
import { rbacGroup, subjectFlags, subjectsOf } from './subjects.ts'

export default defineVerb({
  usage:
    'create rolebinding NAME --clusterrole=NAME|--role=NAME [--user=username] [--group=groupname] [--serviceaccount=namespace:serviceaccountname] [--dry-run=server|client|none]',
  summary: 'Create a role binding for a particular role or cluster role',
  examples: ['create rolebinding readers --role=reader --serviceaccount=default:web'],
  flags: { ...generatorFlags, ...subjectFlags, clusterrole: text(), role: text() },
  async run(call) {
    const { flags } = call
    const name = nameOfArguments(call)
    if ((flags.clusterrole === '') === (flags.role === '')) {
      throw new KubectlError('exactly one of clusterrole or role must be specified')
    }
    const roleRef = { apiGroup: rbacGroup, kind: flags.role ? 'Role' : 'ClusterRole', name: flags.role || flags.clusterrole }
    const object = {
      apiVersion: `${rbacGroup}/v1`,
      kind: 'RoleBinding',
      metadata: metadataOf(call, name),
      subjects: subjectsOf(flags),
      roleRef,
    }
    await createObject(call, object, 'failed to create rolebinding: ')
  },
})
