/** The fields of an AuthorizationConfiguration (`apiserver.config.k8s.io`). */
import { boolean, duration, list, string } from '#schema/words.ts'
import { ConfigurationReader, struct } from '../config-file.ts'

const webhook = struct('WebhookConfiguration', {
  ...{ authorizedTTL: duration(), cacheAuthorizedRequests: boolean() },
  ...{ unauthorizedTTL: duration(), cacheUnauthorizedRequests: boolean(), timeout: duration() },
  ...{ subjectAccessReviewVersion: string(), matchConditionSubjectAccessReviewVersion: string(), failurePolicy: string() },
  connectionInfo: struct('WebhookConnectionInfo', { type: string(), kubeConfigFile: string() }),
  matchConditions: list(struct('WebhookMatchCondition', { expression: string() })),
})

export const authorizationReader = new ConfigurationReader({
  kind: 'AuthorizationConfiguration',
  apiVersions: ['v1', 'v1beta1', 'v1alpha1'].map((version) => `apiserver.config.k8s.io/${version}`),
  scheme: 'pkg/apis/apiserver/load/load.go:32',
  fields: { authorizers: list(struct('AuthorizerConfiguration', { type: string(), name: string(), webhook })) },
})
