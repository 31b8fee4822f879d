/** The fields of an audit policy (`audit.k8s.io/v1`). */
import { boolean, list, map, raw, string } from '#schema/words.ts'
import { ConfigurationReader, struct } from '../config-file.ts'

const strings = list(string())

export const auditPolicyReader = new ConfigurationReader({
  kind: 'Policy',
  apiVersions: ['audit.k8s.io/v1'],
  scheme: 'pkg/audit/scheme.go:30',
  fields: {
    metadata: map(raw()),
    rules: list(
      struct('PolicyRule', {
        ...{ level: string(), users: strings, userGroups: strings, verbs: strings, namespaces: strings },
        resources: list(struct('GroupResources', { group: string(), resources: strings, resourceNames: strings })),
        ...{ nonResourceURLs: strings, omitStages: strings, omitManagedFields: boolean() },
      }),
    ),
    omitStages: strings,
    omitManagedFields: boolean(),
  },
})
