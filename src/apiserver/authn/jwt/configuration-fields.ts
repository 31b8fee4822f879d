/** The fields of an AuthenticationConfiguration (`apiserver.config.k8s.io`). */
import { boolean, list, string } from '#schema/words.ts'
import { ConfigurationReader, struct } from '../../config-file.ts'

const issuer = struct('Issuer', {
  ...{ url: string(), discoveryURL: string(), certificateAuthority: string(), audiences: list(string()) },
  ...{ audienceMatchPolicy: string(), egressSelectorType: string() },
})
const prefixed = struct('PrefixedClaimOrExpression', { claim: string(), prefix: string(), expression: string() })
const authenticator = struct('JWTAuthenticator', {
  issuer,
  claimValidationRules: list(
    struct('ClaimValidationRule', { claim: string(), requiredValue: string(), expression: string(), message: string() }),
  ),
  claimMappings: struct('ClaimMappings', {
    ...{ username: prefixed, groups: prefixed, uid: struct('ClaimOrExpression', { claim: string(), expression: string() }) },
    extra: list(struct('ExtraMapping', { key: string(), valueExpression: string() })),
  }),
  userValidationRules: list(struct('UserValidationRule', { expression: string(), message: string() })),
})

export const authenticationReader = new ConfigurationReader({
  kind: 'AuthenticationConfiguration',
  apiVersions: ['v1', 'v1beta1', 'v1alpha1'].map((version) => `apiserver.config.k8s.io/${version}`),
  scheme: 'pkg/kubeapiserver/options/authentication.go',
  fields: {
    jwt: list(authenticator),
    anonymous: struct('AnonymousAuthConfig', {
      enabled: boolean(),
      conditions: list(struct('AnonymousAuthCondition', { path: string() })),
    }),
  },
})
